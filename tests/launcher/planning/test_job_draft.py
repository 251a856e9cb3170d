"""A first job file for a script: what stands in it, and that it is TOML."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

from launcher.command.options import ScriptOption
from launcher.planning.job_draft import LogShape, draft, missing
from launcher.planning.script_check import ScriptCheck
from launcher.planning.script_facts import ScriptFacts, Setting

OPTIONS = (
    ScriptOption(dest="data", required=True, help="where the data\n is"),
    ScriptOption(dest="epochs", flags=("-e", "--epochs"), type_name="int", default=3, help="%(default)s of 100%%"),
    ScriptOption(dest="lr", flags=("--learning-rate",), type_name="float", default=0.1),
    ScriptOption(dest="cuda", flags=("--no-cuda",), kind="flag", const=False, default=True),
    ScriptOption(dest="amp", flags=("--amp",), kind="flag", const=True, default=False),
    ScriptOption(dest="layers", flags=("--layers",), kind="list", default=[8, 8]),
    ScriptOption(dest="mode", flags=("--mode",), choices=("a", "b"), default="a"),
    ScriptOption(dest="out_dir", flags=("--out-dir",), default="runs"),
    ScriptOption(dest="save", flags=("--save",), default="models/best.pt"),
    ScriptOption(dest="log_dir", flags=("--log_dir",)),
    ScriptOption(dest="seed", flags=("--seed",), type_name="int", default=1337),
    ScriptOption(dest="api_key", flags=("--api-key",), default="sk-1"),
    ScriptOption(dest="width", flags=("--model.width",), type_name="int", default=64),
    ScriptOption(dest="==SUPPRESS==", choices=("fit", "test")),
)


def check(parser: str = "argparse", **facts: Any) -> ScriptCheck:
    known = ScriptFacts(parser=parser, settings=facts.pop("settings", {}), **facts)
    return ScriptCheck(options=OPTIONS if parser == "argparse" else None, facts=known)


def commented(text: str) -> dict[str, Any]:
    """Return the file with the comments of [config] and [experiments] taken in."""
    above, below = text.split("[config]", 1)
    lines = below.splitlines()[1:]
    taken = [line.removeprefix("# ") for line in lines]
    return tomllib.loads("\n".join([above, "[config]", *taken]))


def test_options_stand_as_comments_with_their_defaults() -> None:
    text = draft("train.py", ["data.txt"], check(), None, "jobs/train.toml")
    assert tomllib.loads(text) == {
        "sweep": {"command": ["{python}", "train.py", "data.txt", "--seed={seed}", "{args}"], "seed": 1337},
        "config": {"out-dir": "{dir}", "save": "{dir}/best.pt"},
        "experiments": {"baseline": {}},
    }
    assert commented(text)["config"] == {
        "epochs": 3,
        "learning-rate": 0.1,
        "no-cuda": False,
        "amp": False,
        "layers": [8, 8],
        "mode": "a",
        "out-dir": "{dir}",
        "save": "{dir}/best.pt",
        "log_dir": "{dir}",
        "api-key": "***",
        "model": {"width": 64},
    }
    assert commented(text)["experiments"]["other"] == {"learning-rate": 0.2}
    assert "# epochs = 3  # 3 of 100%\n" in text


def test_what_the_script_requires_is_named() -> None:
    assert missing(check(), []) == ["data"]
    assert missing(check(), ["data.txt"]) == []
    assert '# data = ""  # REQUIRED; where the data is\n' in draft("train.py", [], check(), None, "a.toml")


def test_what_is_typed_is_not_set_too() -> None:
    text = draft("train.py", ["--seed", "3", "--learning-rate=2", "{x}"], check(), None, "a.toml")
    found = commented(text)
    assert found["sweep"] == {
        "command": ["{python}", "train.py", "--seed", "3", "--learning-rate=2", "{{x}}", "{args}"]
    }
    assert not {"seed", "learning-rate"} & found["config"].keys()
    assert found["experiments"]["other"] == {"epochs": 6}


def test_a_script_without_a_parser_is_given_values_for_its_settings() -> None:
    settings = {"lr": Setting(0.1, 1), "name": Setting("x", 2), "twice": Setting(1, 3, again=4)}
    text = draft("train.py", [], check("", settings=settings), None, "a.toml")
    assert tomllib.loads(text)["sweep"] == {"command": ["{python}", "train.py"], "args": "globals"}
    assert commented(text)["config"] == {"lr": 0.1, "name": "x"}
    assert commented(text)["experiments"]["other"] == {"lr": 0.2}
    own = draft("train.py", [], check("", settings=settings, reads_argv=True), None, "a.toml")
    assert tomllib.loads(own)["sweep"] == {"command": ["{python}", "train.py", "{args}"]}


def test_hydra_and_other_programs_get_what_they_take() -> None:
    assert tomllib.loads(draft("train.py", [], check("hydra"), None, "a.toml"))["sweep"]["args"] == "key=value"
    command = tomllib.loads(draft("train.py", [], check("hydra"), None, "a"))["sweep"]["command"]
    assert 'hydra.run.dir="{dir}"' in command  # quoted, since Hydra refuses a path with `=` otherwise
    given = draft("train.py", ["hydra.run.dir=x"], check("hydra"), None, "a")
    assert tomllib.loads(given)["sweep"]["command"] == ["{python}", "train.py", "hydra.run.dir=x", "{args}"]
    other = draft("fit", ["--fast"], ScriptCheck(), None, "a.toml")
    assert tomllib.loads(other)["sweep"] == {"command": ["./fit", "--fast", "{args}"]}


def test_a_log_shows_templates_and_metrics() -> None:
    shape = LogShape.of(b"begin\n" + b"".join(b"step %d: loss %.2f, acc 0.5\n" % (n, 1 / n) for n in range(1, 5)))
    text = draft("train.py", [], check("click"), shape, "a.toml")
    assert tomllib.loads(text)["sweep"]["log"] == ["step {step}: loss {loss}, acc {acc}"]
    assert tomllib.loads(text)["sweep"]["metrics"] == ["loss", "acc"]
    assert tomllib.loads(text)["sweep"]["maximize"] == ["acc"], "else the worst is told as the best"
    assert LogShape.of(b'{"step": 1, "loss": 2.0}\n').log == '"json"'
    assert LogShape.of(b"nothing\n").log == ""
    unnumbered = LogShape.of(b"Train: 0 [ 5/9]  Loss: 2.5 (2.6)\n" * 3 + b"Best metric: 50.0 (epoch 0)\n")
    assert "Loss: {loss}" in unnumbered.log, "what try-log suggests"
    assert unnumbered.metrics == ("loss",)


def test_the_second_experiment_differs_from_the_first() -> None:
    count = ScriptOption(dest="verbose", flags=("--verbose",), kind="count", default=0)
    text = draft("train.py", [], ScriptCheck(options=(count,), facts=check().facts), None, "a.toml")
    assert text.endswith("# other = { verbose = 1 }\n")


def test_texts_of_the_script_cannot_leave_their_comment(tmp_path: Path) -> None:
    odd = ScriptOption(dest="x", flags=("--x",), default='a\n[sweep]\n"', help="one\n[experiments]\ntwo\x1b[31m")
    text = draft("a\nb.py", [], ScriptCheck(options=(odd,), facts=check().facts), None, "c\nd.toml")
    assert tomllib.loads(text)["experiments"] == {"baseline": {}}
    assert "\x1b" not in text
