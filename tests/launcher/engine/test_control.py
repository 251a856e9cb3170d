"""A running launch, steered from a second process: `stop`, `retry`, and what else may lie in the folder of requests."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from pathlib import Path
from typing import Any

import pytest

from launcher.store.requests import Inbox, clear, make_request, send
from tests.launcher.cli.test_status import states
from tests.launcher.conftest import Workplace, wait_for
from tests.launcher.faults import endings


def events(place: Workplace, *kinds: str) -> list[dict[str, Any]]:
    found = [json.loads(line) for line in place.paths.events.read_text().splitlines()]
    return [event for event in found if event["event"] in kinds]


def begun(place: Workplace, *names: str) -> Any:
    """Return whether all these experiments have recorded steps."""
    return lambda: all(place.history(name).steps for name in names)


def finish(process: subprocess.Popen[str]) -> str:
    _, err = process.communicate(timeout=60)
    assert "Traceback" not in err
    return err


@pytest.mark.slow
def test_one_of_two_that_run_is_stopped_and_the_next_takes_its_slot(place: Workplace) -> None:
    barrier = place.folder / "go"
    experiments = {name: {"steps": 4, "barrier": str(barrier), "act": "checkpoint"} for name in ("a", "b")}
    place.toy(experiments | {"c": {}}, checkpoint_s=0)
    process = place.start("job.toml", "--parallel", "--devices", "0,1")
    wait_for(begun(place, "a", "b"))
    result = place.launch("stop", "a", "--job", "job.toml")
    assert (result.code, result.err) == (0, "")
    assert result.out == "a: asked to save and end, killed after its grace time\n"
    wait_for(begun(place, "c"))
    assert place.launch("stop", "a", "--job", "job.toml").out == "a: not running: interrupted\n"
    barrier.touch()
    err = finish(process)
    assert process.returncode == 1
    assert "stop (asked by pid " in err
    assert endings(place) == {"a": "interrupted", "b": "done", "c": "done"}
    assert list(place.paths.requests.iterdir()) == []
    result = place.launch("job.toml", "--parallel")
    assert result.code == 0
    assert "goes on from its checkpoint" in result.err
    assert place.history("a").attempt == 2


def test_one_that_does_not_end_is_killed_when_that_is_asked(place: Workplace) -> None:
    place.toy({"a": {"steps": 3, "at": 2, "act": "sleep"}}, grace_s=300)
    process = place.start("job.toml")
    wait_for(begun(place, "a"))
    assert "asked to save" in place.launch("stop", "a", "--job", "job.toml").out
    assert place.launch("stop", "a", "--job", "job.toml").out == "a: asked to end already; stop --force kills it\n"
    assert place.launch("stop", "a", "--force", "--job", "job.toml").out == "a: killed\n"
    finish(process)
    assert process.returncode == 1
    assert endings(place) == {"a": "interrupted"}


@pytest.mark.slow
def test_one_that_waits_leaves_the_queue_and_may_come_back(place: Workplace) -> None:
    barrier = place.folder / "go"
    place.toy({"a": {"steps": 2, "barrier": str(barrier)}, "b": {}, "c": {}})
    process = place.start("job.toml")
    wait_for(begun(place, "a"))
    assert place.launch("stop", "b", "c", "--job", "job.toml").out.count("taken out of the queue") == 2
    assert states(place) == {"a": "running", "b": "withdrawn", "c": "withdrawn"}
    assert place.launch("retry", "c", "--job", "job.toml").out == "c: queued again\n"
    assert states(place) == {"a": "running", "b": "withdrawn", "c": "waiting"}
    barrier.touch()
    err = finish(process)
    assert process.returncode == 1
    assert "1 not started" in err
    assert [event["experiment"] for event in events(place, "started")] == ["a", "c"]
    assert states(place) == {"a": "done", "b": "withdrawn", "c": "done"}
    assert place.launch("job.toml").code == 0
    assert states(place)["b"] == "done"


def test_what_failed_is_retried_while_the_launch_goes_on(place: Workplace) -> None:
    barrier = place.folder / "go"
    place.toy({"bad": {"act": "raise", "at": 2}, "a": {"steps": 2, "barrier": str(barrier)}})
    process = place.start("job.toml")
    wait_for(begun(place, "bad", "a"))
    result = place.launch("retry", "--failed", "--job", "job.toml")
    assert (result.code, result.out) == (0, "bad: queued again\n")
    assert states(place) == {"bad": "waiting", "a": "running"}
    result = place.launch("retry", "a", "--job", "job.toml")
    assert (result.code, result.out) == (1, "a: running; nothing to retry\n")
    barrier.touch()
    assert "bad: tried again, attempt 2." in finish(process)
    assert [(one["experiment"], one["attempt"]) for one in events(place, "started")] == [
        ("bad", 1),
        ("a", 1),
        ("bad", 2),
    ]
    result = place.launch("retry", "--failed", "--job", "job.toml")
    assert result.code == 2
    assert "no launcher is at work in outcome/job" in result.err
    assert "To go on with what is not done: python -m launcher job.toml" in result.err


def test_stop_all_does_what_ctrl_c_does(place: Workplace) -> None:
    place.toy({"a": {"steps": 3, "barrier": "never"}, "b": {}})
    process = place.start("job.toml")
    wait_for(begun(place, "a"))
    result = place.launch("stop", "--job", "job.toml")
    assert result.code == 2
    assert "Stop everything: stop --all" in result.err
    assert process.poll() is None
    assert "nothing more is started" in place.launch("stop", "--all", "--job", "job.toml").out
    assert "1 experiment asked to save and end" in finish(process)
    assert process.returncode == 130
    assert endings(place) == {"a": "interrupted"}
    assert place.launch("stop", "--all", "--job", "job.toml").code == 2


def test_an_unknown_experiment_and_an_empty_folder_are_told(place: Workplace) -> None:
    place.toy({"baseline": {}})
    result = place.launch("stop", "baslin", "--job", "job.toml")
    assert result.code == 2
    assert 'there is no experiment "baslin". Did you mean "baseline"?' in result.err
    result = place.launch("retry", "baseline", "--job", "job.toml")
    assert result.code == 2
    assert "there is no sweep in outcome/job" in result.err


@pytest.mark.slow
def test_what_a_stopped_launcher_does_not_take_is_withdrawn(place: Workplace) -> None:
    place.toy({"a": {"steps": 2, "barrier": "never"}})
    process = place.start("job.toml")
    wait_for(begun(place, "a"))
    process.send_signal(signal.SIGSTOP)
    try:
        result = place.launch("stop", "a", "--job", "job.toml")
    finally:
        process.send_signal(signal.SIGCONT)
    assert result.code == 1
    assert f"kill {process.pid}" in result.err
    assert list(place.paths.requests.iterdir()) == []
    process.terminate()
    finish(process)
    assert events(place, "request") == []


def test_odd_things_among_the_requests_are_told_once_and_end_nothing(place: Workplace) -> None:
    barrier = place.folder / "go"
    place.toy({"a": {"steps": 2, "barrier": str(barrier)}})
    folder = place.paths.requests
    folder.mkdir(parents=True)
    send(folder, make_request("stop", ()))  # of an earlier launch
    process = place.start("job.toml")
    wait_for(begun(place, "a"))
    (folder / "1-1.json").write_text("[" * 100_000)
    (folder / "2-2.json").write_text('{"id": "2-2", "ask": "shutdown", "experiments": [], "force": false}')
    (folder / "notes.txt").write_text("hello")
    os.mkfifo(folder / "3-3.json")
    (folder / "4-4.json").symlink_to(place.folder / "job.toml")
    (folder / "5-5.json").mkdir()
    names = {f"{name}.refused" for name in ("1-1.json", "2-2.json", "3-3.json", "4-4.json", "5-5.json", "notes.txt")}
    wait_for(lambda: {path.name for path in folder.iterdir()} == names)
    barrier.touch()
    err = finish(process)
    assert process.returncode == 0
    assert err.count("is not a request this launcher honours") == len(names)
    clear(folder)
    assert {path.name for path in folder.iterdir()} == {"5-5.json.refused"}, "a folder is nothing of ours"


def test_a_request_of_another_user_is_not_honoured(tmp_path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can make a file that belongs to another user")
    told: list[str] = []
    inbox = Inbox(tmp_path / "requests", told.append)
    assert inbox.take() == []
    file = send(tmp_path / "requests", make_request("stop", ()))
    os.chown(file, 12345, -1)
    assert inbox.take() == inbox.take() == []
    assert [line.count("uid 12345") for line in told] == [1]
    mine = make_request("retry", ("a", "b"))
    send(tmp_path / "requests", mine)
    assert inbox.take() == [mine]
    assert file.exists(), "another user's file is left alone"
