"""How a sweep stands, seen from another process while it runs and after: `status`, `follow`, `wait`."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from launcher.store.locks import lock_folder
from tests.launcher.conftest import Workplace, marked, wait_for

ROOT = Path(__file__).parents[3]


def status(place: Workplace) -> dict[str, Any]:
    """Ask for the status as a program would."""
    result = place.launch("status", "job.toml", "--json")
    assert result.code == 0, result.err
    found: dict[str, Any] = json.loads(result.out)
    return found


def states(place: Workplace) -> dict[str, str]:
    return {one["name"]: one["state"] for one in status(place)["experiments"]}


def test_status_while_it_runs_and_after(place: Workplace) -> None:
    barrier = str(place.folder / "go")
    kept: dict[str, dict[str, Any]] = {"kept": {}}
    place.toy(kept)
    place.launch("job.toml")
    new = {"a": {"steps": 4, "barrier": barrier}, "bad": {"act": "raise", "at": 2}, "z": {"steps": 2}}
    place.toy(kept | new, metrics=["loss"])
    process = place.start("job.toml")  # one after another, so that z waits
    wait_for(lambda: len(place.history("a").steps) == 3)
    found = status(place)
    assert found["phase"] == "running"
    assert found["launcher"]["pid"] == process.pid
    assert found["metric"] == "loss"
    assert found["counts"] == {"running": 1, "waiting": 2, "done": 1}
    first, a, bad, _ = found["experiments"]
    assert (first["state"], first["is_kept"], first["step"]) == ("done", True, 5)
    assert (a["state"], a["is_kept"], a["step"], a["total"]) == ("running", False, 3, 4)
    assert a["device"].startswith("cpu")
    assert a["best"] == a["newest"] > first["newest"], "after three steps and after five"
    assert (bad["state"], bad["attempt"], bad["seconds"]) == ("waiting", 0, None)
    text = place.launch("status", "job.toml").out
    assert f"launcher: pid {process.pid} on " in text
    assert "done, kept" in text
    assert "1 running, 2 waiting, 1 done." in text

    Path(barrier).touch()
    process.communicate(timeout=60)
    found = status(place)
    assert (found["phase"], found["launcher"]) == ("ended", None)
    assert found["counts"] == {"done": 3, "failed": 1}
    assert found["best"]["loss"] == {"experiment": "kept", "step": 5} | {
        key: found["best"]["loss"][key]
        for key in ("value", "level", "spread", "standard_error", "configuration", "at_the_end")
    }
    result = place.launch("status", "job.toml")
    assert "bad failed: RuntimeError: told to fail" in result.out
    assert "To go on with what is not done: python -m launcher job.toml" in result.out


def test_status_after_the_launcher_was_killed_says_so_and_what_to_type(place: Workplace) -> None:
    place.toy({"a": {"steps": 3, "barrier": "never"}, "b": {}})
    process = place.start("job.toml", "--devices", "cpu")
    wait_for(lambda: len(place.history("a").steps) == 2)
    process.kill()
    process.communicate()
    wait_for(lambda: not marked(place.mark))
    found = status(place)
    assert (found["phase"], found["launcher"]) == ("gone", None)
    assert states(place) == {"a": "interrupted", "b": "not started"}
    text = place.launch("status", "job.toml").out
    assert f"the last one, pid {process.pid} on " in text
    assert "killed before it could end" in text
    assert "a interrupted: its launcher was gone" in text
    assert text.rstrip().endswith("python -m launcher job.toml --devices cpu")


def test_status_while_the_first_launcher_checks_the_data(place: Workplace) -> None:
    place.toy({"a": {}})
    place.paths.create()
    lock = lock_folder(place.paths.lock)
    try:
        found = status(place)
        assert (found["phase"], found["launcher"]["pid"]) == ("starting", os.getpid())
        assert states(place) == {"a": "waiting"}
    finally:
        lock.release()


def test_the_time_left_follows_from_what_is_kept_and_how_much_work_there_is(place: Workplace) -> None:
    (place.folder / "lasting.py").write_text(
        "import pathlib, time\nfrom dataclasses import dataclass\n@dataclass(frozen=True)\nclass Config:\n"
        "    length: float\n    barrier: str = ''\n    def work(self) -> float:\n        return self.length\n"
        "def run(config: Config, run) -> None:\n    run.total(1)\n    print('begun', flush=True)\n"
        "    while config.barrier and not pathlib.Path(config.barrier).exists():\n        time.sleep(0.01)\n"
        "    run.log(1, loss=1.0)\n"
    )
    barrier = str(place.folder / "go")
    lasting: dict[str, dict[str, Any]] = {"kept": {"length": 1.0}}
    place.toy(lasting, target="lasting:run")
    place.launch("job.toml")
    lasting |= {"running": {"length": 2.0, "barrier": barrier}, "waiting": {"length": 5.0}}
    place.toy(lasting, target="lasting:run")
    process = place.start("job.toml")
    wait_for(lambda: "begun" in place.log("running"))
    found = status(place)
    assert found["seconds_left"] == pytest.approx(7 * found["experiments"][0]["seconds"], rel=1e-3)
    Path(barrier).touch()
    process.communicate(timeout=60)
    assert process.returncode == 0


@pytest.mark.parametrize("command", ["status", "wait"])
def test_no_sweep_is_told_with_what_to_type(place: Workplace, command: str) -> None:
    place.toy({"a": {}})
    result = place.launch(command, "job.toml")
    assert result.code == 2
    assert "there is no sweep in outcome/job" in result.err
    assert "python -m launcher run job.toml --parallel" in result.err
    assert not place.paths.outcome.exists(), "to look makes nothing"


@pytest.fixture(scope="module")
def over(tmp_path_factory: pytest.TempPathFactory) -> Workplace:
    """A sweep of two experiments that are done."""
    place = Workplace(tmp_path_factory.mktemp("over"))
    place.toy({"a": {"steps": 2}, "b": {}}, metrics=["loss"])
    assert place.launch("job.toml").code == 0
    assert not marked(place.mark), "processes left"
    return place


def test_status_imports_nothing_heavy(over: Workplace) -> None:
    code = (
        "import sys\nfrom launcher.cli.app import app\napp(['status', 'job.toml'], standalone_mode=False)\n"
        "print([one for one in ('torch', 'pandas', 'rich', 'matplotlib', 'pynvml') if one in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=over.folder, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_follow_two_at_once_to_the_end_of_the_sweep(place: Workplace) -> None:
    barrier = str(place.folder / "go")
    experiments = {name: {"steps": 30, "barrier": barrier} for name in ("one", "two", "other")}
    place.toy(experiments)
    process = place.start("job.toml")  # one after another: the log of "two" does not exist yet
    wait_for(lambda: "step 29/30" in place.log("one"))
    follower = place.start("follow", "one", "two", "--job", "job.toml")
    assert follower.stdout is not None
    first = [follower.stdout.readline() for _ in range(10)]
    assert [line.split(" loss")[0] for line in first] == [f"one | step {step}/30" for step in range(20, 30)]
    assert not place.paths.log("two").exists()
    Path(barrier).touch()
    out, err = follower.communicate(timeout=60)
    process.communicate(timeout=60)
    assert (follower.returncode, err) == (0, "")
    lines = out.splitlines()
    assert lines[0].startswith("one | step 30/30")
    assert lines[1].startswith("one | === one done, 30 steps")
    assert "two | === two, attempt 1 ===" in lines
    assert lines[-1].startswith("two | === two done, 30 steps")
    assert sum(line.startswith("two | step ") for line in lines) == 30
    assert "other" not in out


def test_follow_ends_with_ctrl_c_and_with_its_reader(place: Workplace) -> None:
    place.toy({"a": {"steps": 3, "barrier": "never"}})
    process = place.start("job.toml")
    wait_for(lambda: "step 2/3" in place.log("a"))
    follower = place.start("follow", "a", "--job", "job.toml", "-n", "1")
    assert follower.stdout is not None
    assert follower.stdout.readline().startswith("step 2/3")
    follower.send_signal(signal.SIGINT)
    _, err = follower.communicate(timeout=20)
    assert (follower.returncode, err) == (130, "")
    follower = place.start("follow", "--job", "job.toml")
    assert follower.stdout is not None
    assert follower.stderr is not None
    follower.stdout.readline()
    follower.stdout.close()  # nothing more comes, yet it ends
    assert (follower.wait(timeout=20), follower.stderr.read()) == (0, "")
    follower.stderr.close()
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)


@pytest.mark.slow
def test_follow_after_the_sweep_shows_what_is_there_inert(place: Workplace) -> None:
    place.toy({"a": {}})
    place.launch("job.toml")
    with place.paths.log("a").open("ab") as log:
        log.write(b"\x1b[2J\xff and no end")
    result = place.launch("follow", "--job", "job.toml", "-n", "1")
    assert result.code == 0
    assert result.out == "\\x1b[2J\ufffd and no end\n"
    assert "no launcher is at work" in result.err
    result = place.launch("follow", "aa", "--job", "job.toml")
    assert result.code == 2
    assert 'there is no experiment "aa". Did you mean "a"?' in result.err


@pytest.mark.slow
def test_make_status_and_make_tail(over: Workplace) -> None:
    make = ["make", "-s", "-f", str(ROOT / "Makefile"), f"PYTHON={sys.executable}", "JOB=job.toml"]

    def run(*arguments: str) -> str:
        environment = os.environ | {"PYTHONPATH": str(ROOT), "NAME": "of the machine"}
        return subprocess.run(
            [*make, *arguments], cwd=over.folder, env=environment, capture_output=True, text=True, check=True
        ).stdout

    assert "2 done." in run("status")
    assert run("tail", "NAME=b").splitlines()[-1].startswith("=== b done, 5 steps")
    assert {line.split()[0] for line in run("tail").splitlines()} == {"a", "b"}


def test_wait_tells_how_it_ended(place: Workplace) -> None:
    barrier = place.folder / "go"
    place.toy({"a": {"steps": 2, "barrier": str(barrier)}, "b": {}})
    process = place.start("job.toml")
    wait_for(lambda: len(place.history("a").steps) == 1)
    result = place.launch("wait", "job.toml", "--timeout", "0.3")
    assert result.code == 124
    assert f"not ended within 0.3 s: pid {process.pid} on " in result.err
    waiter = place.start("wait", "job.toml")
    barrier.touch()
    out, err = waiter.communicate(timeout=60)
    process.communicate(timeout=60)
    assert (waiter.returncode, out, err) == (0, "2 done.\n", "")
    place.toy({"a": {"act": "raise"}, "b": {}})
    place.launch("job.toml")
    result = place.launch("wait", "job.toml")
    assert result.code == 1
    assert "not done: a (failed)" in result.err
