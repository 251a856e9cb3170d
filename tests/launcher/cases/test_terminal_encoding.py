"""Terminals that cannot show every character: each command ends as it would elsewhere, and shows escapes."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys

import pytest

from launcher.terminal.console import Console
from tests.launcher.conftest import Workplace

pytestmark = pytest.mark.slow

ASCII_LOCALE = {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"}
TARGET = """
from dataclasses import dataclass



@dataclass
class Config:
    tag: str = ""
    fails: bool = False


def run(config: Config, run) -> None:
    print("Größe", config.tag)
    run.info(名="値")
    run.log(1, loss=1.0)
    if config.fails:
        raise ValueError("schlecht → 日本")
"""
JOB = """
[sweep]
target = "work:run"
preload = []
metrics = []
outcome = "ergebnis_ö"
logs = "protokoll_ö"

[config]
tag = "日本語"

[experiments]
a = {}
b = { fails = true, tag = "naïve…" }
"""


def prepare(place: Workplace, environment: dict[str, str]) -> None:
    (place.folder / "work.py").write_text(TARGET, encoding="utf-8")
    (place.folder / "jöb.toml").write_text(JOB, encoding="utf-8")
    place.environment = environment


def output(place: Workplace, *arguments: str, encoding: str = "ascii") -> tuple[int, str, str]:
    process = place.start(*arguments, encoding=encoding)
    out, err = process.communicate(timeout=60)
    assert "Traceback" not in err.replace("| Traceback", ""), err
    return process.returncode, out, err


@pytest.mark.parametrize(
    ("environment", "encoding"),
    [
        ({"PYTHONIOENCODING": "ascii"}, "ascii"),
        ({"PYTHONIOENCODING": "latin-1:strict"}, "latin-1"),
        (ASCII_LOCALE, "ascii"),
    ],
    ids=["ascii", "latin-1", "locale"],
)
def test_13_a_terminal_without_utf_8_changes_no_exit_code(
    place: Workplace, environment: dict[str, str], encoding: str
) -> None:
    prepare(place, environment)
    code, out, err = output(place, "jöb.toml", "--devices", "cpu", encoding=encoding)
    assert code == 1, "b fails, and nothing else does"
    assert "done" in out
    assert "schlecht > \\u65e5\\u672c" in err, "the failure names its error"
    assert (place.folder / "ergebnis_ö" / "sweep.json").exists()
    for command in (["follow", "--job"], ["status"], ["report"], ["plan", "--devices", "cpu"]):
        code, out, err = output(place, *command, "jöb.toml", encoding=encoding)
        assert code == 0, (command, err)
    code, out, _ = output(place, "report", "--json", "jöb.toml", encoding=encoding)
    assert json.loads(out)["results"][0]["名"] == "値", "JSON is ASCII, and the same everywhere"


def test_13_signs_of_ours_have_a_plain_stand_in_of_the_same_width() -> None:
    stream = io.TextIOWrapper(io.BytesIO(), encoding="ascii", errors="strict")
    console = Console(stream)
    console.message("a → b ✓ … 日")
    console.close()
    assert stream.buffer.getvalue() == b"a > b + ~ \\u65e5\n"  # type: ignore[attr-defined]


def test_13_the_launcher_as_a_library_prints_to_such_a_stream_too(place: Workplace) -> None:
    prepare(place, {})
    script = 'import launcher; print(launcher.run(launcher.load("jöb.toml"), devices="cpu").exit_code)'
    environment = os.environ | {"PYTHONIOENCODING": "ascii", "LAUNCHER_LOCKS": str(place.folder / ".locks")}
    done = subprocess.run([sys.executable, "-c", script], cwd=place.folder, env=environment, capture_output=True)
    assert done.stdout == b"1\n", done.stderr
    assert b"schlecht > \\u65e5\\u672c" in done.stderr
