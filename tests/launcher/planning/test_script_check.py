"""The check of a command by its script's own parser: small scripts in the shapes that real ones have."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import psutil
import pytest

from launcher.command.options import ScriptOption
from launcher.planning import script_child
from launcher.planning.script_check import ScriptCheck
from tests.launcher.conftest import wait_for
from tests.launcher.planning.script_place import Place

PARSER = """
    import argparse
    parser = argparse.ArgumentParser()
    parser.add_argument("--epochs", type=int, default=3, help="how often")
    parser.add_argument("--learning-rate", "--lr", type=float, default=0.1)
    parser.add_argument("--amp", action="store_true")
    parser.add_argument("--layers", type=int, nargs="+", default=[8])
"""
PARSES = "args = parser.parse_args()"
TRAINS = "open('trained', 'w').close()"


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def option(checked: ScriptCheck, dest: str) -> ScriptOption:
    assert checked.options is not None
    return next(option for option in checked.options if option.dest == dest)


# --- where the parser is ---

LIBRARY = """
    import argparse
    library = argparse.ArgumentParser()
    library.add_argument("--else")
    library.parse_args(["--else", "3"])
    library.parse_args([])
    library.parse_known_args(["--else=5", "x"])
"""
IN_MAIN = """
    import argparse
    def main():
        parser = argparse.ArgumentParser()
        parser.add_argument("--epochs", type=int, default=3)
        args = parser.parse_args()
        open("trained", "w").close()
    if __name__ == "__main__":
        main()
"""
HELPER = """
    import argparse
    class Parser(argparse.ArgumentParser):
        def parse_known_args(self, args=None, namespace=None):
            import sys
            helper = argparse.ArgumentParser(add_help=False)
            helper.add_argument("--file")
            args, rest = helper.parse_known_args(sys.argv[1:])
            return super().parse_known_args(rest, namespace)
    parser = Parser()
    parser.add_argument("--epochs", type=int, default=3)
"""
OWN_ERROR = """
    import argparse, sys
    class Parser(argparse.ArgumentParser):
        def error(self, message):
            self.print_help()
            sys.exit(7)
    parser = Parser()
    parser.add_argument("--epochs", type=int, default=3)
"""
RAISES = """
    import argparse
    parser = argparse.ArgumentParser(exit_on_error=False)
    parser.add_argument("--epochs", type=int, default=3)
"""
SHAPES = {
    "at import": (PARSER, PARSES, TRAINS),
    "in main": (IN_MAIN,),
    "with given arguments": (PARSER, "import sys\nparser.parse_args(sys.argv[1:])", TRAINS),
    "with a namespace": (PARSER, "parser.parse_args(namespace=argparse.Namespace(seed=1))", TRAINS),
    "after a side effect": (PARSER, "open('made', 'w').close()", PARSES, TRAINS),
    "behind the parser of a library": (LIBRARY, PARSER, PARSES, TRAINS),
    "of a subclass with its own error": (OWN_ERROR, PARSES, TRAINS),
    "with a helper of its own": (HELPER, PARSES, TRAINS),
    "with more arguments": (PARSER, "import sys\nparser.parse_args(sys.argv[1:] + ['--amp'])", TRAINS),
    "that raises": (RAISES, PARSES, TRAINS),
    "intermixed": (PARSER, "parser.add_argument('files', nargs='*')\nparser.parse_intermixed_args()", TRAINS),
}


@pytest.mark.parametrize("shape", SHAPES)
def test_the_real_parser_parses_the_arguments_of_every_experiment(place: Place, shape: str) -> None:
    place.write(*SHAPES[shape])
    checked = place.check({"good": {"epochs": 5}, "bad": {"epochs": "big"}, "wrong": {"epcohs": 3}, "plain": {}})
    assert not checked.command_problems
    assert not checked.notes
    assert {name: [error.key for error in errors] for name, errors in checked.problems.items()} == {
        "bad": ["epochs"],
        "wrong": ["epcohs"],
    }
    assert checked.problems["bad"][0].message == "is refused by train.py: invalid int value: 'big'"
    assert checked.problems["wrong"][0].message.startswith(
        'is not an option of train.py. Did you mean "epochs"?\n  Options: epochs'
    )
    assert checked.defaults["plain"]["epochs"] == 3
    assert "epochs" not in checked.defaults["good"]
    assert option(checked, "epochs").type_name == "int"


def test_a_module_is_run_as_a_module_and_its_parser_may_be_imported(place: Place) -> None:
    place.write("", name="app/__init__.py")
    place.write(PARSER, name="app/options.py")
    place.write("from .options import parser\nargs = parser.parse_args()\nopen('trained', 'w')\n", name="app/train.py")
    checked = place.check({"a": {"epochs": "x", "amp": True}}, ["{python}", "-u", "-m", "app.train"])
    assert [error.key for error in checked.problems["a"]] == ["epochs"]
    assert checked.facts is not None
    assert [path.name for path in checked.facts.modules] == ["__init__.py", "options.py"]


def test_the_script_sees_itself_as_it_is_when_typed(place: Place) -> None:
    place.write("VALUE = 7\n", name="beside.py")
    place.write(
        PARSER,
        """
    import os, pickle, sys, __main__, beside
    class Here: pass
    assert __name__ == "__main__" and __main__.Here is Here and sys.argv[0] == __file__ == "sub/../train.py"
    assert pickle.loads(pickle.dumps(Here)) is Here and beside.VALUE == 7
    assert os.environ["CUDA_VISIBLE_DEVICES"] == "" and os.environ["WANDB_MODE"] == "disabled"
    assert sys.stdin.read() == "" and os.environ["OWN"] == "yes"
    parser.parse_args()
    """,
    )
    (place.folder / "sub").mkdir()
    request = {"environment": {"OWN": "yes"}, "command": ["{python}", "-W", "error", "sub/../train.py"]}
    assert place.problems({"epochs": 3}, **request) == {}
    assert not list(place.folder.rglob("*.pyc"))


# --- what is told ---


def test_all_that_is_wrong_with_an_experiment_is_told_at_once(place: Place) -> None:
    place.write(PARSER, "parser.add_argument('--mode', choices=['a', 'b'])\nparser.parse_args()", TRAINS)
    found = place.problems(
        {"epochs": "x", "lr": "y", "mode": "c", "amp": 3, "layers": [1, "z"], "wide": 1, "m": {"w": 2}}
    )
    assert found == {
        "wide": "is not an option of train.py.",
        "m.w": "is not an option of train.py.",
        "amp": "is a flag of the script, --amp, which takes no value: true or false, not 3",
        "epochs": "is refused by train.py: invalid int value: 'x'",
        "lr": "is refused by train.py: invalid float value: 'y'",
        "mode": "is refused by train.py: invalid choice: 'c' (choose from 'a', 'b')",
        "layers": "is refused by train.py: invalid int value: 'z'",
    }


def test_an_abbreviation_is_refused_with_the_whole_name(place: Place) -> None:
    place.write(PARSER, PARSES)
    assert place.problems({"learning_rat": 0.1}) == {
        "learning_rat": 'is not the whole name of an option of train.py: write "learning-rate".'
    }


def test_the_options_are_listed_once_and_a_key_is_told_alike_in_all_experiments(place: Place) -> None:
    place.write(PARSER, PARSES)
    checked = place.check({"a": {"wrong": 1}, "b": {"other": 2, "wrong": 1}})
    messages = {error.key: error.message for errors in checked.problems.values() for error in errors}
    assert checked.problems["a"][0] == checked.problems["b"][1]
    assert messages["wrong"].endswith("\n  Options: epochs, learning-rate, amp, layers")
    assert messages["other"] == "is not an option of train.py."


def test_a_key_that_stands_in_the_command_too_is_refused(place: Place) -> None:
    place.write(PARSER, PARSES)
    command = ["{python}", "train.py", "--lr", "3", "{args}"]
    assert place.problems({"learning_rate": 0.1}, command=command) == {
        "learning_rate": "is given twice: --lr stands in the command too"
    }


def test_a_wrong_argument_of_the_command_is_told(place: Place) -> None:
    place.write(PARSER, PARSES)
    found = place.problems({"epochs": 1}, command=["{python}", "train.py", "--epoc", "3", "--nothing"])
    assert found == {None: "train.py refuses its arguments: unrecognized arguments: --nothing"}


def test_required_options_and_positional_arguments_are_missed(place: Place) -> None:
    place.write(
        """
        import argparse
        parser = argparse.ArgumentParser()
        parser.add_argument("data", type=int)
        parser.add_argument("pair", nargs=2)
        parser.add_argument("-o", "--out", required=True)
        parser.parse_args()
        """
    )
    assert place.problems({}) == {key: "is missing: train.py requires it" for key in ("data", "pair", "out")}
    assert place.problems({"data": "x", "pair": ["a", "b"], "out": "y"}) == {
        "data": "is refused by train.py: invalid int value: 'x'"
    }
    assert place.problems({"data": 1, "pair": ["a", "b"], "out": "y"}) == {}
    assert place.problems({"data": 1, "pair": ["a"], "out": "y"}) == {"pair": "is missing: train.py requires it"}
    assert place.problems({"data": None, "pair": ["a", "b"], "out": "y"}) == {
        "data": "cannot be None: None is not typed, and the script requires it"
    }


def test_options_that_exclude_each_other_are_told(place: Place) -> None:
    place.write(
        """
        import argparse
        parser = argparse.ArgumentParser()
        group = parser.add_mutually_exclusive_group()
        group.add_argument("--cpu", action="store_true")
        group.add_argument("--gpu", type=int)
        parser.parse_args()
        """
    )
    assert list(place.problems({"cpu": True, "gpu": 1}).values()) == [
        "is refused by train.py: not allowed with argument --cpu"
    ]


def test_a_key_that_a_placeholder_takes_is_named(place: Place) -> None:
    place.write(PARSER, "parser.add_argument('data', type=int)\nparser.parse_args()")
    command = ["{python}", "train.py", "{data}", "--epochs", "{epochs}", "{args}"]
    request: dict[str, Any] = {"command": command, "taken": frozenset({"data", "epochs"})}
    assert place.problems({"data": 3, "epochs": "x", "amp": True}, **request) == {
        "epochs": "is refused by train.py: invalid int value: 'x'"
    }
    assert place.problems({"data": 3, "epochs": 1, "amp": True}, **request) == {}


def test_a_secret_is_not_in_the_message(place: Place) -> None:
    place.write(
        "import argparse\nparser = argparse.ArgumentParser()\n"
        "parser.add_argument('--api-key', type=int)\nparser.parse_args()\n"
    )
    assert place.problems({"api_key": "sk-12345"}) == {
        "api_key": "is refused by train.py: its value, which is a secret, is wrong"
    }


# --- shapes of parsers ---


def test_the_options_of_the_subcommand_in_the_command_count(place: Place) -> None:
    place.write(
        """
        import argparse
        parser = argparse.ArgumentParser()
        parser.add_argument("--seed", type=int)
        commands = parser.add_subparsers(dest="what", required=True)
        fit = commands.add_parser("fit")
        fit.add_argument("--epochs", type=int, default=2)
        test = commands.add_parser("test")
        test.add_argument("--file")
        parser.parse_args()
        """
    )
    command = ["{python}", "train.py", "--seed", "1", "fit", "{args}"]
    assert place.problems({"epochs": "x", "file": "y"}, command=command) == {
        "file": "is not an option of train.py.",
        "epochs": "is refused by train.py: invalid int value: 'x'",
    }
    checked = place.check({"a": {}}, command)
    assert checked.defaults["a"] == {"seed": 1, "what": "fit", "epochs": 2}


def test_two_parsers_of_which_the_second_takes_what_is_left(place: Place) -> None:
    place.write(
        """
        import argparse
        first = argparse.ArgumentParser(add_help=False)
        first.add_argument("--config", default="small")
        first.add_argument("--fast", action="store_true")
        known, rest = first.parse_known_args()
        second = argparse.ArgumentParser()
        second.add_argument("--epochs", type=int, default={"small": 1, "large": 9}[known.config])
        args = second.parse_args(rest)
        """,
        TRAINS,
    )
    assert place.problems({"config": "large", "epochs": "x", "fast": True, "wrong": 2}) == {
        "wrong": "is not an option of train.py.",
        "epochs": "is refused by train.py: invalid int value: 'x'",
    }
    checked = place.check({"a": {"config": "large", "fast": True}})
    assert checked.defaults["a"] == {"epochs": 9}
    assert [option.dest for option in checked.options or ()] == ["epochs", "config", "fast"]


def test_a_parser_that_is_made_ready_in_two_calls(place: Place) -> None:
    place.write(
        """
        import argparse
        def main():
            parser = argparse.ArgumentParser()
            parser.add_argument("--task", default="a")
            args, _ = parser.parse_known_args()
            parser.add_argument("--epochs", type=int)
            args = parser.parse_args()
            open("trained", "w").close()
        main()
        """
    )
    assert place.problems({"task": "b", "epochs": "x"}) == {"epochs": "is refused by train.py: invalid int value: 'x'"}


def test_a_script_that_lets_unknown_arguments_pass_gets_a_note_and_no_problem(place: Place) -> None:
    place.write(PARSER, "args, unknown = parser.parse_known_args()", TRAINS)
    checked = place.check({"a": {"epochs": 2, "epocs": 3}, "b": {"epochs": "x"}, "c": {"learning": 1}})
    assert {name: [error.key for error in errors] for name, errors in checked.problems.items()} == {
        "b": ["epochs"],
        "c": ["learning"],
    }
    assert checked.notes == (
        'train.py lets unknown arguments pass; epocs is not an option of it. Did you mean "epochs"?',
    )


def test_a_script_may_take_arguments_away_before_it_parses(place: Place) -> None:
    place.write("import sys\nconfig = sys.argv.pop(1)\n" + textwrap.dedent(PARSER) + "parser.parse_args()\n")
    assert place.problems({"epochs": "x"}, command=["{python}", "train.py", "base.yaml"]) == {
        "epochs": "is refused by train.py: invalid int value: 'x'"
    }
    place.write("import sys\nsys.argv.remove('--mine')\n" + textwrap.dedent(PARSER) + "parser.parse_args()\n")
    assert place.problems({"epochs": 1}, command=["{python}", "train.py", "--amp", "--mine"]) == {}


def test_the_parser_of_a_dataclass_refuses_what_is_left_over(place: Place) -> None:
    """In the shape of Hugging Face's parser."""
    place.write(
        """
        import argparse
        class HfArgumentParser(argparse.ArgumentParser):
            def parse_args_into_dataclasses(self, args=None, return_remaining_strings=False):
                import sys
                args = sys.argv[1:] if args is None else args
                namespace, remaining = self.parse_known_args(args=[] + args)
                if remaining and not return_remaining_strings:
                    raise ValueError(remaining)
        """,
        name="transformers.py",
    )
    place.write(
        """
        from transformers import HfArgumentParser
        parser = HfArgumentParser()
        parser.add_argument("--fp16", type=lambda text: text == "True", nargs="?", const=True, default=False)
        parser.add_argument("--no_fp16", action="store_false", dest="fp16")
        parser.add_argument("--max_steps", type=int, default=-1)
        parser.parse_args_into_dataclasses()
        """,
        TRAINS,
    )
    assert place.problems({"fp16": False, "max_steps": 5, "batch_sizes": 3}) == {
        "batch_sizes": "is not an option of train.py."
    }
    assert place.check({"a": {}}).defaults["a"] == {"fp16": False, "max_steps": -1}


def test_the_other_styles_are_parsed_as_they_are_spelled(place: Place) -> None:
    place.write(PARSER, "parser.add_argument('opts', nargs='*')\nparser.parse_args()", TRAINS)
    assert place.problems({"model.width": 3}, style="key=value") == {}
    assert place.problems({"epochs": 3}, style="--key value") == {}
    assert place.problems({"WIDTH": 3}, style="env") == {}
    assert place.problems({"width": 3}, style="file", command=["{python}", "train.py", "--epochs=x"]) == {
        None: "train.py refuses its arguments: argument --epochs: invalid int value: 'x'"
    }


# --- scripts that do not come to a parser ---


def test_a_script_without_a_parser_is_not_run(place: Place) -> None:
    place.write(TRAINS)
    checked = place.check({"a": {"x": 1}})
    assert checked.notes[0] == "Keys are not checked: train.py has no parser that is known here."
    assert checked.options is None
    assert not place.check({"a": {}}).notes


def test_a_slip_in_the_name_of_a_setting_is_hinted_at(place: Place) -> None:
    """In the shape of nanoGPT, whose configurator sets globals from arguments of its own kind."""
    place.write("import sys\nmax_iters = 3\nlr = 0.1\nexec(open('configurator.py').read())", TRAINS)
    place.write(
        "for argument in sys.argv[1:]:\n    globals()[argument[2:].split('=')[0]] = 1\n", name="configurator.py"
    )
    checked = place.check({"a": {"max_iters": 5}, "b": {"max_iter": 5, "else": 1}})
    assert checked.notes == (
        "Keys are not checked: train.py has no parser that is known here.",
        'max_iter is not among the settings at the top of the script. Did you mean "max_iters"?',
    )


def test_a_parser_of_a_module_that_only_its_own_main_uses_is_none(place: Place) -> None:
    place.write(
        "import argparse\nif __name__ == '__main__':\n    argparse.ArgumentParser().parse_args()", name="tool.py"
    )
    place.write("import argparse\ndef unused():\n    argparse.ArgumentParser().parse_args()\n", name="other.py")
    place.write("import tool, other\n", TRAINS)
    notes = place.check({"a": {"x": 1}}).notes
    assert notes[0] == "Keys are not checked: train.py has no parser that is known here."


def test_the_check_may_be_switched_off(place: Place) -> None:
    place.write(PARSER, PARSES)
    checked = place.check({"a": {"nothing": 1}}, check=False)
    assert (checked.problems, checked.notes, checked.options) == ({}, (), None)


def test_a_script_that_ends_before_its_parser_gets_a_note(place: Place) -> None:
    place.write(PARSER, "raise SystemExit('no GPU')\nparser.parse_args()")
    (note,) = place.check({"a": {"epochs": 1}}).notes
    assert note == (
        "Keys are not checked: train.py ended before it parsed its arguments, exit code 1, where it was run without a "
        "GPU for the check.\n    no GPU"
    )


def test_a_module_that_is_not_installed_is_a_problem(place: Place) -> None:
    place.write(PARSER, "import not_installed_anywhere\nparser.parse_args()")
    (problem,) = place.check({"a": {"epochs": 1}}).command_problems
    assert problem.splitlines()[-1].strip() == "ModuleNotFoundError: No module named 'not_installed_anywhere'"


def test_a_script_that_is_not_python_is_a_problem(place: Place) -> None:
    place.write("def x(:\n")
    assert place.check({"a": {}}).command_problems == ("train.py is not Python: line 1: invalid syntax.",)


def test_a_script_that_hangs_is_ended_with_all_it_has_started(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(script_child, "LIMIT_S", 2.0)
    place.write(
        PARSER,
        """
    import subprocess, sys, time
    for leads in (False, True):
        child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], start_new_session=leads)
        print("started", child.pid, flush=True)
    time.sleep(600)
    parser.parse_args()
    """,
    )
    (problem,) = place.check({"a": {}}).command_problems
    assert problem.startswith("train.py has not parsed its arguments after")
    started = [int(line.split()[1]) for line in problem.splitlines() if "started" in line]
    assert len(started) == 2
    wait_for(lambda: not [pid for pid in started if is_alive(pid)])


def test_a_script_that_starts_itself_anew_before_it_parses_is_ended(place: Place) -> None:
    again = """
    import os, sys, time
    if "AGAIN" not in os.environ:
        os.execve(sys.executable, [sys.executable, "-c", "import time; time.sleep(600)"], {**os.environ, "AGAIN": "1"})
    """
    place.write(PARSER, again, PARSES, TRAINS)
    (note,) = place.check({"a": {"epochs": 1}}).notes
    assert "train.py started another program in its place before it parsed its arguments" in note


def test_a_folder_that_only_an_attempt_makes_is_stood_in_for(place: Place) -> None:
    script = place.write(PARSER, "import os\nassert not os.listdir()", PARSES, TRAINS)
    request: dict[str, Any] = {"folder": place.folder / "runs" / "a", "makes_folder": True}
    command = ["{python}", str(script)]
    assert place.problems({"epochs": "x"}, command=command, **request) == {
        "epochs": f"is refused by {script}: invalid int value: 'x'"
    }
    (problem,) = place.check({"a": {}}, **request).command_problems
    assert problem.endswith("It runs in the experiment's own folder (cwd): name files by their whole paths.")
    (problem,) = place.check({"a": {}}, folder=place.folder / "runs").command_problems
    assert problem == f"cwd: there is no folder {place.folder / 'runs'}."
    assert not (place.folder / "runs").exists()


def test_a_script_finds_the_variables_of_ranks_if_it_will_have_some(place: Place) -> None:
    place.write(PARSER, "import os\nassert os.environ['LOCAL_RANK'] == '0'", PARSES, TRAINS)
    assert place.problems({"epochs": 1}, num_ranks=2) == {}
    assert not place.check({"a": {"epochs": 1}}, num_ranks=2).notes


def test_nothing_is_left_of_a_script_that_parsed_or_ended(place: Place) -> None:
    start = """
    import subprocess, sys
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], start_new_session=True)
    open("pids", "a").write(f"{child.pid}\\n")
    """
    place.write(PARSER, start, PARSES)
    assert place.problems({"epochs": 1}) == {}
    place.write(PARSER, start, "sys.exit(3)", PARSES)
    assert place.check({"a": {}}).notes
    pids = [int(pid) for pid in (place.folder / "pids").read_text().split()]
    assert len(pids) == 2
    wait_for(lambda: not [pid for pid in pids if is_alive(pid)])
    assert sorted(path.name for path in place.folder.iterdir()) == ["pids", "train.py"]


def is_alive(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def test_much_output_before_the_parser_holds_nothing_up(place: Place) -> None:
    place.write(PARSER, "print('x' * 3_000_000)\nparser.parse_args()")
    assert place.problems({"epochs": "x"}) == {"epochs": "is refused by train.py: invalid int value: 'x'"}


def test_many_experiments_are_parsed_by_one_run(place: Place) -> None:
    place.write(PARSER, "open('runs', 'a').write('x')\nparser.parse_args()")
    checked = place.check({f"e{number}": {"epochs": number, "lr": number / 7} for number in range(500)})
    assert not checked.problems
    assert (place.folder / "runs").read_text() == "x"


# --- other Pythons ---

OTHERS = [f"python3.{minor}" for minor in range(6, 15) if minor != sys.version_info.minor]


def test_the_script_is_run_by_its_own_python(place: Place) -> None:
    """A Python that is too old for the probe leaves the keys unchecked."""
    found = [python for python in OTHERS if shutil.which(python)]
    found = [python for python in found if subprocess.run([python, "-c", ""], capture_output=True).returncode == 0]
    if not found:
        pytest.skip(f"of {', '.join(OTHERS)} none is here")
    place.write(PARSER, PARSES, TRAINS)
    for python in found:
        checked = place.check({"a": {"epochs": "x", "amp": True}, "b": {"layers": [1, 2]}}, [python, "train.py"])
        if python == "python3.6":
            assert checked.notes[0].startswith("Keys are not checked: train.py ended before it parsed its arguments")
        else:
            problems = {name: [error.key for error in errors] for name, errors in checked.problems.items()}
            assert problems == {"a": ["epochs"]}, python
            assert checked.defaults["b"] == {"epochs": 3, "learning_rate": 0.1, "amp": False}


# --- checks by other arguments, and other programs ---


def test_arguments_that_end_the_script_check_each_experiment(place: Place) -> None:
    place.write(
        """
        import sys
        if "--dry" in sys.argv:
            if "x=bad" in sys.argv:
                sys.exit("x cannot be bad")
            sys.exit(0)
        open("trained", "w").close()
        """
    )
    experiments = {"a": {"x": "good"}, "b": {"x": "bad"}, "c": {}}
    checked = place.check(experiments, style="key=value", check=["--dry"])
    assert {name: errors[0].message for name, errors in checked.problems.items()} == {
        "b": "its arguments are refused, exit code 1:\n    x cannot be bad"
    }


def test_of_a_refusal_the_error_is_shown_and_not_the_usage(place: Place) -> None:
    place.write("print('usage: x\\n' * 9)\nraise SystemExit('error: no such key\\n  Given: 3')")
    checked = place.check({"a": {"x": 1}}, check=["--dry"])
    assert checked.problems["a"][0].message == (
        "its arguments are refused, exit code 1:\n    error: no such key\n      Given: 3"
    )


def test_of_a_choice_that_a_group_of_hydra_has_not_the_choices_are_shown(place: Place) -> None:
    told = "In 'config': Could not find 'model/cnm'\n\nAvailable options in 'model':\n\tcnn\n\tmlp\n"
    beside = "Config search path:\n\tprovider=hydra, path=x\n\nSet the environment variable HYDRA_FULL_ERROR=1 too."
    place.write(f"raise SystemExit({told + beside!r})")
    checked = place.check({"a": {"model": "cnm"}}, check=["--dry"])
    assert checked.problems["a"][0].message.splitlines()[1:] == [
        "    In 'config': Could not find 'model/cnm'", "    Available options in 'model':", "        cnn",
        "        mlp",
    ]  # fmt: skip


def in_file(place: Place, **values: Any) -> dict[str, Any]:
    """Return what a check is asked of an experiment that gets its values in a file. An attempt has left its own."""
    path = place.folder / "config.json"
    path.write_text('{"of": "an attempt"}')
    return {
        "command": ["{python}", "train.py", "--config", str(path)],
        "style": "file",
        "config_files": lambda: {"a": (str(path), json.dumps(values))},
    }


def test_arguments_that_end_the_script_find_the_file_of_each_experiment(place: Place) -> None:
    place.write(
        """
        import json, sys
        if json.load(open(sys.argv[2])) != {"lr": 0.5}:
            sys.exit(f"error: wrong file: {sys.argv[2]}")
        """
    )
    assert not place.check({"a": {}}, check=["--dry"], **in_file(place, lr=0.5)).problems
    (problem,) = place.check({"a": {}}, check=["--dry"], **in_file(place, lr=1)).problems["a"]
    assert problem.message.endswith(f"error: wrong file: {place.folder / 'config.json'}"), "as it is called in attempts"


BEFORE = "import argparse, json, sys\nparser = argparse.ArgumentParser()\n"


@pytest.mark.parametrize(
    "source",
    [
        'parser.add_argument("--config", type=argparse.FileType())\nprint(json.load(parser.parse_args().config)["lr"])',
        'parser.add_argument("--config")\nfirst, rest = parser.parse_known_args()\n'
        'lr = json.load(open(first.config))["lr"]\nprint(argparse.ArgumentParser().parse_args(rest))',
    ],
    ids=["by the parser", "between two parsers"],
)
def test_a_parser_finds_the_file_of_each_experiment(place: Place, source: str) -> None:
    place.write(BEFORE + source)
    checked = place.check({"a": {}}, **in_file(place, lr=0.5))
    assert (checked.command_problems, checked.problems, checked.notes) == ((), {}, ())
    assert "launcher-check" not in str(checked.defaults)


def test_a_script_that_reads_its_file_before_its_parser_trains_nothing(place: Place) -> None:
    place.write(
        BEFORE
        + 'if sys.argv[2].endswith(".json"):\n    json.load(open(sys.argv[2]))\n    open("trained", "w").close()\n'
        + "else:\n    parser.parse_args()"
    )
    assert place.check({"a": {}}, **in_file(place, lr=0.5)).notes == (
        "Keys are not checked: train.py reads its file before it parses its arguments, and the file is made when an "
        "experiment starts.",
    )


@pytest.mark.parametrize(
    ("first_line", "argument"),
    [("from lightning.pytorch.cli import LightningCLI", "--print_config"), ("import hydra", "--cfg|job")],
)
def test_hydra_and_lightning_are_asked_by_their_own_arguments(place: Place, first_line: str, argument: str) -> None:
    place.write(f"if 0:\n    {first_line}\nimport sys\nopen('asked', 'w').write('|'.join(sys.argv[1:]))\n")
    assert not place.check({"a": {"lr": 1}}, style="key=value").problems
    assert (place.folder / "asked").read_text() == f"lr=1|{argument}"


def test_parsers_that_cannot_be_asked_are_named(place: Place) -> None:
    place.write("import click\n@click.command()\ndef main():\n    pass\nmain()\n")
    assert place.check({"a": {"lr": 1}}).notes == (
        "Keys are not checked: train.py reads its arguments with click, which cannot be asked without running the "
        "script.",
    )


def test_a_program_that_is_not_there_is_a_problem(place: Place) -> None:
    place.write("echo", name="fit")
    for command, problem in [
        (["./fitt"], 'there is no program ./fitt. Did you mean "fit"?'),
        (["./fit"], "./fit is not executable. Type chmod +x ./fit."),
        (["fit"], "there is no program fit. For a file of this folder write ./fit."),
        (["no-such-program"], "there is no program no-such-program. It is not on PATH."),
        (["{python}", "trian.py"], f"there is no script trian.py in {place.folder}."),
    ]:
        assert place.check({"a": {}}, command).command_problems == (problem,)


def test_a_program_that_is_no_python_is_not_run(place: Place) -> None:
    program = place.write("#!/bin/sh\ntouch trained\n", name="fit")
    program.chmod(0o755)
    checked = place.check({"a": {"lr": 1}}, ["./fit"])
    assert checked.notes == ("Keys are not checked: the command runs no Python script that is known here.",)


def test_globals_are_checked_against_the_source(place: Place) -> None:
    place.write("lr = 0.1\nsteps = 3\nname = 'x'\nbig = 1 * 3\n", TRAINS)
    checked = place.check({"a": {"lr": 1, "steps": 0.5, "nam": "y", "big": 2}}, style="globals")
    assert {error.key: error.message.splitlines()[0] for error in checked.problems["a"]} == {
        "steps": "is 3 in the script, line 2: a whole number, not 0.5",
        "nam": 'is not set to a literal at the top level of the script. Did you mean "name"?',
        "big": "is not set to a literal at the top level of the script.",
    }
    assert checked.defaults["a"] == {"name": "x"}


def test_variables_must_have_names_that_variables_can_have(place: Place) -> None:
    place.write("print(1)")
    assert place.problems({"a=b": 1, "good": 2}, style="env") == {
        '"a=b"': "cannot be an environment variable: a name has no = and neither name nor value a NUL character"
    }


def test_experiments_that_run_different_scripts_are_not_checked(place: Place) -> None:
    place.write(PARSER, PARSES)
    place.write(PARSER, PARSES, name="other.py")
    experiments = {"a": {"script": "train.py", "x": 1}, "b": {"script": "other.py"}, "c": {"script": "none.py"}}
    checked = place.check(experiments, ["{python}", "{script}", "{args}"], taken=frozenset({"script"}))
    assert checked.notes == ("Keys are not checked: the experiments run different scripts.",)
    assert list(checked.problems) == ["c"]
    assert checked.options is None


def test_a_seed_that_is_not_given_is_hinted_at(place: Place) -> None:
    place.write(PARSER, "parser.add_argument('--seed', type=int, default=1)", PARSES)
    hint = 'train.py has an option for a seed: "--seed={seed}" in command sets it.'
    assert place.check({"a": {"epochs": 1}}).notes == (hint,)
    assert place.check({"a": {}, "b": {"seed": 3}}).notes == ()
    assert place.check({"a": {}}, ["{python}", "train.py", "--seed", "3"]).notes == ()


def test_a_check_says_the_same_each_time(place: Place) -> None:
    place.write(PARSER, PARSES)
    experiments = {"a": {"epochs": "x", "wrong": 1}, "b": {"lr": 2.0}}
    assert place.check(experiments) == place.check(experiments)


def test_the_folder_of_the_probe_hides_no_module_of_a_script() -> None:
    names = {path.stem for path in Path(script_child.__file__).parent.glob("*.py")}
    assert not names & sys.stdlib_module_names
    assert os.path.isabs(script_child.__file__)
