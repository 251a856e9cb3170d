"""What a script's source says without being run."""

from __future__ import annotations

import textwrap
from pathlib import Path

import pytest

from launcher.planning.script_facts import ScriptFacts, Setting, read_facts, setting_problems


def write(folder: Path, **sources: str) -> Path:
    """Write sources by name, `a__b` for a/b.py; return the first."""
    paths = [folder / f"{name.replace('__', '/')}.py" for name in sources]
    for path, text in zip(paths, sources.values(), strict=True):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text))
    return paths[0]


def facts(folder: Path, **sources: str) -> ScriptFacts:
    return read_facts(write(folder, **sources))


def test_local_modules_are_found_through_each_other(tmp_path: Path) -> None:
    found = facts(
        tmp_path,
        train="import json, model.net\nfrom tools import log as logging\nexec(open('settings.py').read())\n",
        model__init="",
        model__net="from . import layers\nfrom .deep.block import Block\n",
        model__layers="import train\n",
        model__deep__block="",
        tools__log="import missing\n",
        settings="x = 1\n",
        json="",
        unused="import train\n",
    )
    named = {str(path.relative_to(tmp_path)) for path in found.modules}
    assert named == {"model/net.py", "model/layers.py", "model/deep/block.py", "tools/log.py", "settings.py", "json.py"}


def test_the_digest_changes_with_the_script_and_its_modules_alone(tmp_path: Path) -> None:
    sources = {"train": "import model\n", "model": "x = 1\n", "other": ""}
    first = facts(tmp_path / "a", **sources).code_digest
    assert facts(tmp_path / "b", **sources).code_digest == first, "wherever it lies"
    assert facts(tmp_path / "c", **sources | {"other": "y = 1"}).code_digest == first
    assert facts(tmp_path / "d", **sources | {"model": "x = 2\n"}).code_digest != first
    assert facts(tmp_path / "e", **sources | {"train": "import model  # more\n"}).code_digest != first


@pytest.mark.parametrize(
    ("source", "kind"),
    [
        ("import argparse\np = argparse.ArgumentParser()\np.parse_args()", "argparse"),
        ("from transformers import HfArgumentParser as P\nP(C).parse_args_into_dataclasses()", "argparse"),
        ("import simple_parsing\nsimple_parsing.parse(C)", "argparse"),
        ("import pyrallis\n@pyrallis.wrap()\ndef main(config): ...\nmain()", "argparse"),
        ("import argparse\nx: argparse.Namespace", ""),
        ("import hydra\nimport argparse\nargparse.ArgumentParser().parse_args()", "hydra"),
        ("from lightning.pytorch.cli import LightningCLI\nLightningCLI()", "jsonargparse"),
        ("import typer\ntyper.run(f)", "click"),
        ("from absl import app, flags", "absl"),
        ("import fire\nfire.Fire(f)", "fire"),
        ("import tyro\ntyro.cli(f)", "tyro"),
        ("import sys\nprint(sys.argv)", ""),
    ],
)
def test_the_kind_of_parser_is_read_from_the_source(tmp_path: Path, source: str, kind: str) -> None:
    assert facts(tmp_path, train=source).parser == kind


def test_a_parser_of_a_module_counts_if_its_function_is_named(tmp_path: Path) -> None:
    options = "import argparse\ndef read():\n    return argparse.ArgumentParser().parse_args()\n"
    assert facts(tmp_path / "a", train="from options import read\nread()", options=options).parser == "argparse"
    assert facts(tmp_path / "b", train="import options", options=options).parser == ""


@pytest.mark.parametrize(
    ("source", "number"),
    [
        ("p.parse_args()", 1),
        ("p.parse_known_args()\np.parse_args()", 2),
        ("def f():\n    p.parse_args()\ndef g():\n    p.parse_args()", 1),
        ("a, rest = p.parse_known_args()\ndef f():\n    return q.parse_args(rest)", 2),
        ("def main(argv=None):\n    a, _ = p.parse_known_args(argv)", 1),
        ("print(1)", 0),
    ],
)
def test_calls_of_parsers_that_follow_each_other_are_counted(tmp_path: Path, source: str, number: int) -> None:
    assert facts(tmp_path, train=source).num_parses == number


def test_settings_are_literals_of_the_top_level(tmp_path: Path) -> None:
    found = facts(
        tmp_path,
        train="""
            __version__ = "1"
            lr = -0.1
            a = b = (1, 2)
            steps: int = 3
            later: int
            wide = 2 * 3
            steps = steps + 1
            seed = 1
            if True:
                inner = 1
            def f():
                local = 1
            seed = 2
        """,
    )
    assert dict(found.settings) == {
        "lr": Setting(-0.1, 3),
        "a": Setting((1, 2), 4),
        "b": Setting((1, 2), 4),
        "steps": Setting(3, 5),
        "seed": Setting(1, 9, again=14),
    }


def test_values_must_be_of_the_type_of_the_literal() -> None:
    settings = {
        "flag": Setting(True, 1),
        "whole": Setting(3, 2),
        "number": Setting(0.5, 3),
        "text": Setting("x", 4),
        "shape": Setting((1, 2), 5),
        "table": Setting({}, 6),
        "nothing": Setting(None, 7),
        "twice": Setting(1, 8, again=9),
    }
    good = {"flag": False, "whole": 4, "number": 1, "text": "y", "shape": [3], "table": {"a": 1}, "nothing": [1]}
    assert setting_problems(good, settings) == []
    bad = {"flag": 1, "whole": True, "number": "x", "text": None, "shape": 3, "table": [], "twice": 2, "txt": "{omit}"}
    assert dict(setting_problems(bad, settings)) == {
        ("flag",): "is True in the script, line 1: a boolean, not 1",
        ("whole",): "is 3 in the script, line 2: a whole number, not True",
        ("number",): "is 0.5 in the script, line 3: a number, not 'x'",
        ("text",): "is 'x' in the script, line 4: a text, not None",
        ("shape",): "is (1, 2) in the script, line 5: a list, not 3",
        ("table",): "is {} in the script, line 6: a table, not []",
        ("twice",): "is set on line 8 of the script, and again on line 9: delete one",
    }


def test_seed_and_current_are_seen(tmp_path: Path) -> None:
    assert facts(tmp_path, train="import os\nos.environ['LAUNCHER_SEED']").uses_seed
    assert facts(tmp_path, train="import launcher\nrun = launcher.current()").uses_current
    assert facts(tmp_path, train="from launcher import current").uses_current
    nothing = facts(tmp_path, train="seed = 1")
    assert not nothing.uses_seed
    assert not nothing.uses_current


@pytest.mark.parametrize("source", ["def (", "x = 1\n\0", "é = '\udcff'"])
def test_what_is_no_python_has_an_error(tmp_path: Path, source: str) -> None:
    path = tmp_path / "train.py"
    path.write_bytes(source.encode("utf-8", "surrogateescape"))
    assert read_facts(path).error


def test_a_module_that_is_no_python_is_passed_over(tmp_path: Path) -> None:
    found = facts(tmp_path, train="import broken", broken="def (")
    assert (found.error, found.modules) == ("", ())
