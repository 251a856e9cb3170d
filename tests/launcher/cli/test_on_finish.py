"""`--on-finish`: the command that runs when a launch is over."""

from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path

import psutil
import pytest

from launcher.cli import on_finish
from tests.launcher.conftest import Workplace, wait_for


def test_fail_fast_ends_the_sweep_and_on_finish_hears_of_it(place: Workplace) -> None:
    place.toy({"good": {"barrier": "never"}, "bad": {"at": 2, "act": "raise"}, "late": {}}, threads=1)
    script = place.folder / "finish.py"
    script.write_text("import sys\nopen('heard.json', 'w').write(sys.stdin.read())\nprint('on stdout')\nsys.exit(7)\n")
    options = ("--parallel", "--fail-fast", "--devices", "cpu", "--json", "--only", "good,bad,late")
    if len(os.sched_getaffinity(0)) < 2:
        pytest.skip("one core: nothing runs beside the experiment that fails")
    result = place.launch("job.toml", *options, "--on-finish", f"'{sys.executable}' finish.py")
    assert result.code == 1, "whatever the command ends with"
    heard = json.loads((place.folder / "heard.json").read_text())
    assert json.loads(result.out) == heard, "the command's own output is not on stdout"
    assert "on stdout" in result.err
    assert "finish.py ended with exit code 7." in result.err
    assert heard["exit_code"] == 1
    assert heard["endings"]["bad"]["ending"] == "failed"
    assert heard["endings"]["good"]["ending"] == "interrupted"
    assert heard["not_started"] == ["late"]
    assert "bad failed: nothing more is started" in result.err


def test_on_finish_runs_after_an_interrupt_too(place: Workplace) -> None:
    place.toy({"a": {"barrier": "never"}})
    process = place.start("job.toml", "--devices", "cpu", "--on-finish", "tee heard.json")
    wait_for(lambda: place.history("a").steps)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert json.loads((place.folder / "heard.json").read_text())["exit_code"] == 130


def test_a_command_on_finish_that_does_not_end_is_killed_with_its_children(tmp_path: Path) -> None:
    note = tmp_path / "pid"
    words = ["sh", "-c", f"sleep 300 & echo $! > {note}.new; mv {note}.new {note}; wait"]
    assert "took more than 1 s, and was killed" in on_finish.run(words, {}, limit_s=1.0)
    child = int(note.read_text())
    wait_for(lambda: not psutil.pid_exists(child) or psutil.Process(child).status() == psutil.STATUS_ZOMBIE)


def test_what_goes_wrong_with_the_command_is_returned_and_silence_is_success() -> None:
    assert on_finish.run(["true"], {}) == ""
    assert on_finish.run(["sh", "-c", "exit 7"], {}) == "--on-finish sh -c 'exit 7' ended with exit code 7."
    assert on_finish.run(["sh", "-c", "kill -9 $$"], {}).endswith("was killed by SIGKILL.")
