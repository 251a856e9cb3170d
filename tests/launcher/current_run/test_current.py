"""`launcher.current()`: which run it is, and that it works in the Pythons that people train with."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import launcher
from launcher.current_run import current as module
from launcher.current_run.print_run import PrintRun
from launcher.current_run.script_run import ScriptRun
from launcher.store.records import RecordReader
from tests.launcher.conftest import Workplace
from tests.pythons import find

ROOT = Path(__file__).parents[3]
OLDER = next(filter(None, map(find, ("3.8", "3.9", "3.10"))), "")


@pytest.fixture(autouse=True)
def _no_run_is_kept() -> Iterator[None]:
    yield
    module.set_current(None)


def test_the_run_is_made_once_and_is_that_of_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAUNCHER_DIR", str(tmp_path))
    monkeypatch.setenv("LAUNCHER_NAME", "wide")
    run = launcher.current()
    assert isinstance(run, ScriptRun)
    assert launcher.current() is run
    assert (run.name, run.seed, run.attempt, run.device, run.dir, run.outcome) == (
        "wide",
        0,
        1,
        "cpu",
        tmp_path,
        tmp_path,
    )


def test_in_a_worker_it_is_the_run_of_the_training_function(monkeypatch: pytest.MonkeyPatch) -> None:
    given = PrintRun()
    module.set_current(given)
    monkeypatch.setenv("LAUNCHER_DIR", "/nowhere")
    assert launcher.current() is given


def test_a_function_of_a_launch_finds_its_run(place: Workplace) -> None:
    source = "import launcher\n\ndef train(config: dict, run):\n    run.log(1, same=launcher.current() is run)\n"
    (place.folder / "ours.py").write_text(source)
    assert place.launch(str(place.toy({"a": {}}, target="ours:train"))).code == 0
    steps = [record for record in RecordReader(place.paths.records("a")).read() if "step" in record]
    assert [record["same"] for record in steps] == [True]


def test_a_script_that_nobody_launched_prints(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "argv", ["/somewhere/train.py"])
    run = launcher.current()
    run.total(2)
    run.info(parameters=3)
    run.log(1, loss=0.123456789, note="x")
    run.save({}, 1)
    assert (run.load(), run.should_save, run.should_stop, run.was_stopped) == (None, False, False, False)
    assert (run.attempt, run.seed, run.device, run.outcome) == (1, 0, "cpu", Path())
    monkeypatch.setenv("RANK", "1")
    run.log(2, loss=1.0)
    assert capsys.readouterr().out.splitlines() == [
        "train: 2 steps",
        "train: parameters 3",
        "step 1  loss 0.12346  note x",
    ]


@pytest.mark.skipif(not OLDER, reason="no Python 3.8, 3.9 or 3.10 here")
def test_a_script_may_run_in_an_older_python_than_the_launcher(tmp_path: Path) -> None:
    code = "import launcher; run = launcher.current(); run.log(1, loss=0.5); run.info(a=1); print(run.should_stop)"
    environment = {"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", ""), "PYTHONPATH": str(ROOT)}
    known = environment | {"LAUNCHER_DIR": str(tmp_path), "LAUNCHER_NAME": "a"}
    done = subprocess.run([OLDER, "-c", code], env=known, capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("False\n", "")
    lines = [json.loads(line) for line in (tmp_path / ".launcher" / "run.jsonl").read_text().splitlines()]
    assert lines == [{"step": 1, "loss": 0.5}, {"kind": "info", "a": 1}]
    printed = subprocess.run([OLDER, "-c", code], env=environment, capture_output=True, text=True)
    assert printed.stdout.splitlines() == ["step 1  loss 0.5", "-c: a 1", "False"]
