"""A worker of scripts takes one script after another, and nothing of an attempt reaches the next."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import socket
import sys
import textwrap
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from launcher.command.script import Script
from launcher.executors import forkserver
from launcher.executors.worker_process import WorkerProcess
from launcher.executors.worker_starter import WorkerStarter
from launcher.store.history import read_history
from launcher.store.locks import Lock
from launcher.store.paths import Paths
from launcher.store.records import RecordReader
from launcher.worker.bell import BellReader
from launcher.worker.spec import Spec
from tests.launcher.conftest import Cards, Workplace, marked, wait_for

TELLS = """
import os, sys
x = int(sys.argv[1])
held = bytearray(300_000_000 if x == 1 else 0)
print("step 1: x", x, "fds", len(os.listdir(f"/proc/{os.getppid()}/fd")))
"""


def job(place: Workplace, numbers: list[int], script: str = TELLS, **settings: Any) -> None:
    """Write a job of a script that takes a number; the experiments are e0, e1, …"""
    (place.folder / "one.py").write_text(textwrap.dedent(script))
    table: dict[str, Any] = {"command": ["{python}", "one.py", "{x}"], "log": ["step {step}: x {x} fds {fds}"]}
    table |= {"metrics": [], "check": False, "grace_s": 5} | settings
    rows = [f"{key} = {json.dumps(value)}" for key, value in table.items()]
    names = [f"e{number} = {{ x = {x} }}" for number, x in enumerate(numbers)]
    place.job("\n".join(["[sweep]", *rows, "[experiments]", *names, ""]))


def pid(place: Workplace, name: str) -> int:
    """Return the pid of the worker of an experiment's newest attempt."""
    records = RecordReader(place.paths.records(name)).read()
    return int([record["pid"] for record in records if record.get("kind") == "start"][-1])


def test_scripts_that_end_well_have_one_worker_and_each_its_own_numbers(place: Workplace) -> None:
    job(place, [1, 2, 3, 4])
    result = place.launch("job.toml")
    assert result.code == 0, result.err
    assert len({pid(place, f"e{number}") for number in range(4)}) == 1
    steps = [place.history(f"e{number}").steps[1] for number in range(4)]
    assert [step["x"] for step in steps] == [1, 2, 3, 4]
    assert len({step["fds"] for step in steps[1:]}) == 1, "a worker leaves no descriptor open"
    peaks = [place.history(f"e{number}").end["peak_memory_bytes"] for number in range(4)]  # type: ignore[index]
    assert peaks[0] > 250e6
    assert max(peaks[1:]) < 100e6
    assert [place.log(f"e{number}").count("step 1") for number in range(4)] == [1] * 4
    assert not marked(place.mark)


LEAVES = """
import subprocess, sys
x = int(sys.argv[1])
if x == 1: sys.exit("no data")
if x == 2: subprocess.Popen(["sleep", "600"], start_new_session=True)
print("step 1: x", x, "fds", 0)
"""


def test_a_script_that_fails_or_leaves_a_process_has_a_worker_that_ends(place: Workplace) -> None:
    job(place, [1, 2, 3], LEAVES)
    assert place.launch("job.toml").code == 1
    assert len({pid(place, f"e{number}") for number in range(3)}) == 3
    assert not marked(place.mark)


SHOWS = """
import os, sys, time
time.sleep(0.1)
print("runs in", os.getppid(), os.environ["CUDA_VISIBLE_DEVICES"])
"""


def test_a_worker_gets_scripts_of_the_cards_whose_locks_it_holds(cards: Cards, driver: Workplace) -> None:
    job(driver, list(range(6)), SHOWS)
    result = driver.launch("job.toml", "--parallel", "--devices", "0,1")
    assert result.code == 0, result.err
    logs = [driver.log(f"e{number}") for number in range(6)]
    seen = {tuple(re.findall(r"runs in (\d+) (\S+)", log)[0]) for log in logs}
    assert len(seen) == len(dict(seen)) == 2, "two workers, each with a card of its own"


GROWS = """
import os, sys
x = int(sys.argv[1])
if x == 1:
    for step in range(60_000): print(f"step {step}: x 1 fds 0")
if x == 2: os.setpriority(os.PRIO_PROCESS, os.getppid(), 7)
print("step 60000: x", os.getpriority(os.PRIO_PROCESS, 0), "fds 0")
"""


def test_a_worker_that_a_script_has_changed_runs_no_other(place: Workplace) -> None:
    job(place, [1, 2, 3], GROWS)
    result = place.launch("job.toml")
    assert result.code == 0, result.err
    assert len({pid(place, f"e{number}") for number in range(3)}) == 3
    ends = [place.history(f"e{number}").end or {} for number in range(3)]
    assert max(end["peak_memory_bytes"] for end in ends) < 30e6, "of the script, not of a worker that has read much"
    assert place.history("e2").steps[60_000]["x"] == 0, "not as nice as the script before"


def test_by_spawn_each_script_has_a_worker_of_its_own(place: Workplace) -> None:
    job(place, [2, 3])
    result = place.launch("job.toml", "--start-method=spawn")
    assert result.code == 0, result.err
    assert pid(place, "e0") != pid(place, "e1")


def test_an_idle_worker_ends_with_its_launcher(place: Workplace) -> None:
    job(place, [0, 600], "import sys, time; time.sleep(float(sys.argv[1]))")
    launch = place.start("job.toml", "--parallel", "--devices", "cpu")
    wait_for(lambda: place.history("e0").end is not None and place.paths.records("e1").exists())
    assert len(marked(place.mark)) >= 4, "launcher, fork server, two workers"
    launch.kill()
    launch.communicate()
    wait_for(lambda: not marked(place.mark))


@pytest.fixture
def starter() -> Iterator[WorkerStarter]:
    made = WorkerStarter("forkserver", ["launcher.worker.script"])
    yield made
    made.close()
    forkserver.end()  # it was kept for another launch of this process


def spec(folder: Path, name: str, code: str) -> Spec:
    about: dict[str, Any] = {"argv": (sys.executable, "-c", code), "shown": "", "folder": folder, "log": "json"}
    script = Script(**about, dir=folder / "outcome" / "runs" / name, environment={})
    return Spec(
        experiment=name, attempt=1, target="", folder=folder, config={}, given={}, digest="", state_digest="", seed=0,
        device_type="cpu", environment={}, threads=1, paths=Paths(folder / "outcome", folder / "logs"),
        checkpoint_s=60.0, script=script,
    )  # fmt: skip


def idle(starter: WorkerStarter, folder: Path, locks: Sequence[Lock] = ()) -> WorkerProcess:
    """Return a worker that has ended an attempt, and waits for a task."""
    worker, reader = starter.start(spec(folder, "first", "print()"), locks), BellReader()

    def _rests() -> bool:
        with contextlib.suppress(BlockingIOError):
            reader.feed(os.read(worker.bell.fileno(), 4096))
        return reader.has_rest

    wait_for(_rests)
    return worker


def ending(folder: Path, name: str) -> Any:
    end = read_history(Paths(folder / "outcome", folder / "logs").records(name)).end
    return None if end is None else end["ending"]


def after(starter: WorkerStarter, folder: Path, worker: WorkerProcess) -> None:
    """Run another attempt, which gets a worker of its own."""
    other = starter.start(spec(folder, "next", "print()"))
    assert other is not worker
    wait_for(lambda: ending(folder, "next") == "done")
    starter.keep(other)


def worker_log(folder: Path, name: str) -> str:
    return (folder / "logs" / f"{name}.log").read_text()


def test_a_stop_that_comes_with_the_next_task_is_of_the_next_task(starter: WorkerStarter, tmp_path: Path) -> None:
    worker = idle(starter, tmp_path)
    starter.keep(worker)
    os.kill(worker.pid, signal.SIGSTOP)
    assert starter.fork_attempt(spec(tmp_path, "next", "import time; time.sleep(600)")) is worker
    worker.begin()
    worker.stop(force=False)
    os.kill(worker.pid, signal.SIGCONT)
    wait_for(lambda: ending(tmp_path, "next"))
    assert ending(tmp_path, "next") == "interrupted"
    assert ending(tmp_path, "first") == "done"
    wait_for(worker.has_ended)
    worker.collect()


def test_who_was_sent_a_signal_gets_no_further_task(starter: WorkerStarter, tmp_path: Path) -> None:
    worker = idle(starter, tmp_path)
    worker.stop(force=False)  # as for the attempt that is over
    starter.keep(worker)
    after(starter, tmp_path, worker)


def test_an_idle_worker_that_was_killed_is_replaced(starter: WorkerStarter, tmp_path: Path) -> None:
    worker = idle(starter, tmp_path)
    starter.keep(worker)
    os.kill(worker.pid, signal.SIGKILL)
    wait_for(worker.has_ended)
    after(starter, tmp_path, worker)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGUSR2])
def test_a_signal_to_an_idle_worker_is_of_no_attempt(
    starter: WorkerStarter, tmp_path: Path, number: signal.Signals
) -> None:
    worker = idle(starter, tmp_path)
    starter.keep(worker)
    log = worker_log(tmp_path, "first")
    os.kill(worker.pid, number)
    wait_for(worker.has_ended)
    after(starter, tmp_path, worker)
    assert worker_log(tmp_path, "first") == log


def test_a_worker_whose_fork_server_is_gone_gets_no_further_task(starter: WorkerStarter, tmp_path: Path) -> None:
    worker = idle(starter, tmp_path)
    starter.keep(worker)
    worker.server.end()
    after(starter, tmp_path, worker)


def test_a_worker_that_has_a_device_of_another_attempt_is_ended(starter: WorkerStarter, tmp_path: Path) -> None:
    with contextlib.ExitStack() as held:
        files = [held.enter_context(open(tmp_path / str(number), "w")) for number in range(3)]
        a, b, c = (Lock(file.fileno()) for file in files)
        worker = idle(starter, tmp_path, (a, b))
        starter.keep(worker)
        other = starter.start(spec(tmp_path, "next", "print()"), (a, c))
        with pytest.raises(ProcessLookupError):
            os.kill(worker.pid, 0)
        wait_for(lambda: ending(tmp_path, "next") == "done")
        starter.keep(other)


def test_a_worker_that_cannot_get_its_task_is_killed_and_the_launch_goes_on(
    starter: WorkerStarter, tmp_path: Path
) -> None:
    worker = idle(starter, tmp_path)
    starter.keep(worker)
    assert starter.fork_attempt(spec(tmp_path, "next", "print()")) is worker
    assert worker.tasks is not None
    worker.tasks.shutdown(socket.SHUT_WR)
    worker.begin()
    wait_for(worker.has_ended)
    worker.collect()
    after(starter, tmp_path, worker)


def test_long_tasks_have_workers_of_their_own_that_do_not_wait(starter: WorkerStarter, tmp_path: Path) -> None:
    worker = idle(starter, tmp_path)
    starter.keep(worker)
    for name in ("b", "c"):
        other = starter.start(spec(tmp_path, name, f"print({'0' * 70_000!r})"))
        assert other is not worker
        wait_for(other.has_ended)
        assert other.collect().code == 0
        assert ending(tmp_path, name) == "done"
