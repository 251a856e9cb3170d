"""What surrounds a launch: streams that are closed, signals that are ignored, scripts, folders, torn state files."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from launcher.store.attempts import read_last_attempts
from launcher.store.ending import EndingKind
from launcher.store.events import Ended, EventLog, Started
from launcher.store.records import RecordReader
from tests.launcher.conftest import TOYS, Workplace, compile_stub, marked, wait_for

pytestmark = pytest.mark.slow


def script(place: Workplace, text: str) -> subprocess.CompletedProcess[str]:
    (place.folder / "script.py").write_text(text)
    environment = os.environ | {"PYTHONPATH": str(TOYS)}
    return subprocess.run(
        [sys.executable, "script.py"], cwd=place.folder, env=environment, capture_output=True, text=True, check=False
    )


def test_a_script_needs_no_main_guard(place: Workplace) -> None:
    place.toy({"a": {}})
    done = script(place, "from launcher import load, run\nprint('once', run(load('job.toml')).exit_code)\n")
    assert done.stdout == "once 0\n", done.stderr


def test_two_sweeps_of_one_process_may_have_modules_of_one_name(place: Workplace) -> None:
    for number, field in enumerate(("first", "second")):
        folder = place.folder / field
        folder.mkdir()
        (folder / "same.py").write_text(
            f"from dataclasses import dataclass\n@dataclass\nclass C:\n    {field}: int = {number}\n"
        )
        (folder / "train_it.py").write_text("from same import C\ndef run(config: C, run):\n    run.log(1, loss=1.0)\n")
        table = f'target = "train_it:run"\nname = "{field}"\npreload = []\nmetrics = []\n'
        (folder / "job.toml").write_text(f"[sweep]\n{table}[experiments]\na = {{ {field} = 5 }}\n")
    done = script(
        place,
        "from launcher import load, run\n"
        "print([run(load(f'{name}/job.toml')).exit_code for name in ('first', 'second')])\n",
    )
    assert done.stdout == "[0, 0]\n", done.stderr


def test_a_launch_in_a_thread_leaves_signals_alone(place: Workplace) -> None:
    place.toy({"a": {}})
    done = script(
        place,
        "import threading\nfrom launcher import load, run\n"
        "thread = threading.Thread(target=lambda: print(run(load('job.toml')).exit_code))\n"
        "thread.start()\nthread.join()\n",
    )
    assert done.stdout == "0\n", done.stderr


@pytest.mark.parametrize("closed", ["2>&-", "<&- >&- 2>&-", "| head -0"])
def test_closed_streams_cost_no_results(place: Workplace, closed: str) -> None:
    place.toy({"a": {}})
    command = f"set -o pipefail; {sys.executable} -m launcher job.toml {closed}"
    environment = os.environ | {"PYTHONPATH": str(TOYS)}
    done = subprocess.run(["bash", "-c", command], cwd=place.folder, env=environment, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    assert len(place.history("a").steps) == 5


def test_a_reader_that_stands_still_stops_no_experiment(place: Workplace) -> None:
    """As with a pager, Ctrl-S, or an ssh connection that hangs: the messages wait, the launcher does not."""
    names = [f"e{number}" for number in range(30)]
    place.toy({name: {"at": 1, "act": "raise"} for name in names})
    process = place.start("job.toml", "--parallel", "--devices", "0,1")
    assert process.stderr is not None
    fcntl.fcntl(process.stderr, fcntl.F_SETPIPE_SZ, 4096)
    wait_for(lambda: len([one for one in read_last_attempts(place.paths.events).values() if one.ending]) == len(names))
    assert process.poll() is None, "it waits only to say how it went"
    _, err = process.communicate(timeout=60)
    assert process.returncode == 1
    assert all(err.count(f"{name} failed") >= 1 for name in names)
    assert err.splitlines()[-1] == "The same command again goes on with what is not done."


@pytest.mark.parametrize("how", ["nohup", "--detach"])
def test_a_hang_up_may_be_survived(place: Workplace, how: str) -> None:
    place.toy({"a": {"steps": 2, "barrier": str(place.folder / "go")}, "b": {}})
    if how == "nohup":
        ignoring = {"preexec_fn": lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN)}
        process = place.start("job.toml", start_new_session=True, **ignoring)
    else:
        process = place.start("job.toml", "--detach", start_new_session=True)
    wait_for(lambda: place.history("a").steps)
    helpers = helpers_of(place, process.pid)
    assert len(helpers) == 1
    os.killpg(process.pid, signal.SIGHUP)  # as a terminal does that closes
    (place.folder / "go").touch()
    wait_for(lambda: place.history("b").steps)
    still = helpers_of(place, process.pid)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 0
    assert "resource_tracker" not in err
    assert still == helpers, "the fork server is that of before"


def test_a_closed_terminal_keeps_no_launch_from_its_on_finish(place: Workplace) -> None:
    place.toy({"a": {"steps": 2, "barrier": str(place.folder / "go")}})
    keyboard, terminal = os.openpty()
    arguments = ["job.toml", "--devices", "cpu", "--detach", "--on-finish", "tee summary.json"]
    process = subprocess.Popen(
        [sys.executable, "-m", "launcher", *arguments],
        cwd=place.folder, env=os.environ | {"PYTHONPATH": str(TOYS)}, start_new_session=True,
        stdin=terminal, stdout=terminal, stderr=terminal,
    )  # fmt: skip
    os.close(terminal)
    wait_for(lambda: place.history("a").steps)
    os.close(keyboard)
    os.killpg(process.pid, signal.SIGHUP)  # as a terminal does that closes
    (place.folder / "go").touch()
    assert process.wait(60) == 0
    assert json.loads((place.folder / "summary.json").read_text())["exit_code"] == 0


@pytest.mark.parametrize("where", ["> /dev/full", "2> /dev/full", "> /dev/full 2>&1"])
def test_output_that_cannot_be_written_costs_no_results(place: Workplace, where: str) -> None:
    place.toy({"a": {}})
    for command in (f"job.toml --devices cpu --on-finish 'tee summary.json' {where}", "status job.toml > /dev/full"):
        done = subprocess.run(
            ["bash", "-c", f"{sys.executable} -m launcher {command}"],
            cwd=place.folder, env=os.environ | {"PYTHONPATH": str(TOYS)}, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 5, done.stderr
        told = ["error: some of the output could not be written: No space left on device."]
        assert done.stderr.splitlines()[-1:] == ([] if "2>" in command else told)
    assert len(place.history("a").steps) == 5
    assert json.loads((place.folder / "summary.json").read_text())["exit_code"] == 0


def test_ctrl_c_while_torch_is_imported_prints_no_traceback(place: Workplace) -> None:
    place.toy({"a": {}}, preload=["torch", "torch._dynamo"])
    process = place.start("job.toml", start_new_session=True)
    wait_for(lambda: any("launcher.worker.preloaded" in command_of(one) for one in marked(place.mark)))
    os.killpg(process.pid, signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Traceback" not in err


def helpers_of(place: Workplace, launcher: int) -> set[int]:
    """Return the fork server of a launcher, and multiprocessing's own processes, of which there are none."""
    found = set()
    for process in marked(place.mark):
        with contextlib.suppress(psutil.NoSuchProcess):  # a worker that has just ended
            command = " ".join(command_of(process))
            if process.ppid() == launcher and re.search("launcher.worker.preloaded|multiprocessing", command):
                found.add(process.pid)
    return found


def command_of(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.Error:
        return []


@pytest.mark.parametrize("jump_s", [86_400, -86_400])
def test_28_a_clock_that_jumps_by_a_day_hangs_nothing(place: Workplace, jump_s: int) -> None:
    compile_stub("clock_stub.c", place.folder / "clock.so")
    jump = place.folder / "jump"
    place.environment = {"LD_PRELOAD": str(place.folder / "clock.so"), "CLOCK_JUMP": str(jump)}
    experiments = {name: {"steps": 6, "barrier": str(place.folder / "go"), "act": "checkpoint"} for name in "ab"}
    place.toy(experiments, kill_after_s=20, stall_after_s=10, checkpoint_s=5)
    process = place.start("job.toml", "--parallel", "--devices", "0,1")
    wait_for(lambda: all(len(place.history(name).steps) == 5 for name in "ab"))
    jump.write_text(str(jump_s))
    (place.folder / "go").touch()
    _, err = process.communicate(timeout=60)
    assert (process.returncode, "2 done" in err, "no record for" in err) == (0, True, False), err
    events = [json.loads(line) for line in place.paths.events.read_text().splitlines()]
    days = {event["at"][:10] for event in events}
    assert len(days) > 1, "the clock of the launcher has jumped"
    assert all(0 <= event["seconds"] < 60 for event in events if event["event"] == "ended")
    for name in "ab":
        times = [record["at_s"] for record in RecordReader(place.paths.records(name)).read()]
        assert times == sorted(times)
        assert 0 <= times[0] <= times[-1] < 60


def test_the_log_of_a_killed_launch_is_completed_by_the_next(place: Workplace) -> None:
    place.toy({"a": {"steps": 6, "act": "checkpoint", "barrier": str(place.folder / "go")}}, checkpoint_s=0)
    process = place.start("job.toml")
    wait_for(lambda: "step 5/6" in place.log("a"))
    process.kill()
    process.communicate()
    wait_for(lambda: not marked(place.mark))
    log = place.log("a")
    place.paths.log("a").write_text(log[: log.index("step 3/6")])  # as if killed before these lines
    (place.folder / "go").touch()
    assert place.launch("job.toml").code == 0
    steps = [line.split()[1] for line in place.log("a").splitlines() if line.startswith("step ")]
    assert steps[:5] == ["1/6", "2/6", "3/6", "4/6", "5/6"]
    assert place.log("a").count("=== a interrupted, its launcher was gone ===") == 1
    seen = read_last_attempts(place.paths.events)["a"]
    assert (seen.ending, seen.earlier) == ("done", ("attempt 1: interrupted",))


def test_the_logs_folder_may_vanish_while_experiments_run(place: Workplace) -> None:
    place.toy({"a": {"steps": 2, "barrier": str(place.folder / "go")}, "b": {}})
    process = place.start("job.toml")
    wait_for(lambda: place.history("a").steps)
    shutil.rmtree(place.paths.logs)
    (place.folder / "go").touch()
    _, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    assert len(place.history("b").steps) == 5


def test_a_record_file_that_is_removed_while_its_experiment_runs_is_the_reason_of_its_ending(place: Workplace) -> None:
    place.toy({"a": {"steps": 3, "at": 1, "barrier": "go"}, "b": {}})
    process = place.start("job.toml")
    wait_for(lambda: place.history("a").steps)
    place.paths.records("a").unlink()
    (place.folder / "go").touch()
    _, err = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "its record file was removed while it ran" in err
    assert place.history("b").end, "the other goes on"
    assert place.launch("job.toml").code == 0
    assert len(place.history("a").steps) == 3


def test_a_child_that_holds_the_bell_open_confuses_nobody(place: Workplace) -> None:
    (place.folder / "kid.py").write_text(
        "import os, time\nfrom toy import ToyConfig\n"
        "def run(config: ToyConfig, run) -> None:\n    parent = os.getpid()\n    if os.fork() == 0:\n"
        "        while os.getppid() == parent:\n            time.sleep(0.0005)\n        os._exit(0)\n"
        "    run.log(1, loss=1.0)\n"
    )
    names = [f"e{number}" for number in range(40)]
    place.toy({name: {} for name in names}, target="kid:run")
    result = place.launch("job.toml", "--parallel", "--devices", "0,1")
    assert result.code == 0, result.err
    assert "40 done" in result.err


def test_a_torn_event_costs_only_itself(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    log = EventLog(path)
    log.append(Started("a", 1, "cpu", 1))
    log.append(Ended("a", 1, EndingKind.DONE, "", 1.0))
    log.close()
    with path.open("ab") as file:
        file.write(b'{"at": "x", "event": "ende')
    log = EventLog(path)
    log.append(Started("a", 2, "cpu", 1, goes_on=True))
    log.close()
    seen = read_last_attempts(path)["a"]
    assert (seen.attempt, seen.ending, seen.seconds) == (2, None, 1.0)
    assert seen.earlier == ("attempt 1: done",)


def test_an_ending_that_no_launcher_saw_is_written_down_by_the_next(place: Workplace) -> None:
    place.toy({"a": {}})
    assert place.launch("job.toml").code == 0
    lines = place.paths.events.read_text().splitlines(keepends=True)
    place.paths.events.write_text("".join(lines[:-1]))  # as if the launcher had died just before
    assert read_last_attempts(place.paths.events)["a"].ending is None
    for _ in range(2):
        result = place.launch("job.toml")
        assert (result.code, "keep   a  done, 5 steps" in result.err) == (0, True)
    assert read_last_attempts(place.paths.events)["a"].ending == "done"
    assert place.paths.events.read_text().count('"ended"') == 1


def test_an_interrupted_fresh_start_never_mixes_with_what_was(place: Workplace) -> None:
    go = place.folder / "go"
    go.touch()
    experiments = {name: {"steps": 4, "act": "checkpoint", "barrier": str(go)} for name in "ab"}
    place.toy(experiments, checkpoint_s=0)
    assert place.launch("job.toml").code == 0
    go.unlink()
    process = place.start("job.toml", "--fresh")
    wait_for(lambda: place.history("a").attempt == 2 and len(place.history("a").steps) == 3)
    process.kill()
    process.communicate()
    go.touch()
    result = place.launch("job.toml")
    assert result.code == 0, result.err
    assert "run    b  new" in result.err, "it was to be trained again, and had not been"
    assert list(place.history("a").steps) == list(place.history("b").steps) == [1, 2, 3, 4]


def test_a_resumed_experiment_is_not_taken_for_its_earlier_attempt(place: Workplace) -> None:
    """A short grace time, and a neighbour whose bell makes the launcher look before the new worker has said a word."""
    experiments = {name: {"steps": 60, "step_s": 0.02, "act": "checkpoint"} for name in "ab"}
    place.toy(experiments, checkpoint_s=0, grace_s=0.3)
    process = place.start("job.toml", "--parallel", "--devices", "0,1")
    wait_for(lambda: all(len(place.history(name).steps) > 5 for name in "ab"))
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)
    result = place.launch("job.toml", "--parallel", "--devices", "0,1")
    assert result.code == 0, result.err
    assert "killed" not in result.err
