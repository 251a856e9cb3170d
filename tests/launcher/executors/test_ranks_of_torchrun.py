"""Launches of torchrun: its ranks lead sessions of their own, and yet nothing of them outlives worker or launcher."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Sequence

import psutil
import pytest

from launcher.executors.lifeline import MARK
from tests.launcher.conftest import TOYS, Workplace, marked, wait_for

RANKS = str(TOYS / "scripts" / "ranks.py")
FAKE = [str(TOYS / "scripts" / "torchrun"), RANKS]
REAL = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2", RANKS, "--gloo"]
KINDS = [
    pytest.param(FAKE, id="in its shape"),
    pytest.param(REAL, id="itself", marks=[pytest.mark.slow, pytest.mark.timeout(300)]),
]


def write_job(place: Workplace, command: Sequence[str], steps: int) -> None:
    table = {"command": command, "log": ["step {step}: loss {loss}"], "metrics": [], "grace_s": 5, "telemetry_s": 0}
    rows = [f"{key} = {json.dumps(value)}" for key, value in table.items()]
    place.job("\n".join(["[sweep]", *rows, "[experiments]", f"a = {{ steps = {steps} }}", ""]))


def started(place: Workplace, command: Sequence[str]) -> tuple[subprocess.Popen[str], list[psutil.Process]]:
    """Return the launch, and the processes of the command once its ranks train."""
    write_job(place, command, 100_000)
    launch = place.start("job.toml")
    try:
        wait_for(lambda: place.history("a").last_step or launch.poll() is not None, 120)
        wait_for(lambda: len({os.getsid(rank.pid) for rank in carrying("RANK", place)}) == 4)  # with a child of each
    except BaseException:
        launch.kill()
        launch.communicate()
        raise
    return launch, carrying(MARK, place)


def carrying(variable: str, place: Workplace) -> list[psutil.Process]:
    """Return the processes of a launch that have a variable."""
    return [process for process in marked(place.mark) if process.environ().get(variable)]


def worker_of(process: psutil.Process) -> int:
    return os.getsid(process.pid)


@pytest.mark.parametrize("command", KINDS)
def test_torchrun_trains_and_leaves_nothing_behind(place: Workplace, command: Sequence[str]) -> None:
    write_job(place, command, 5)
    result = place.launch("job.toml", limit_s=200)
    assert result.code == 0, result.err + place.log("a")
    assert list(place.history("a").steps) == [1, 2, 3, 4, 5]


@pytest.mark.parametrize("command", KINDS)
def test_nothing_outlives_a_killed_launcher(place: Workplace, command: Sequence[str]) -> None:
    launch, ours = started(place, command)
    launch.kill()
    launch.communicate()
    wait_for(lambda: not any(is_alive(process) for process in ours), 20)
    wait_for(lambda: not marked(place.mark), 20)


@pytest.mark.parametrize("command", KINDS)
def test_nothing_outlives_a_killed_worker(place: Workplace, command: Sequence[str]) -> None:
    launch, ours = started(place, command)
    agent = next(process for process in ours if not process.environ().get("RANK"))
    os.kill(worker_of(agent), signal.SIGKILL)
    wait_for(lambda: not any(is_alive(process) for process in ours), 20)
    launch.send_signal(signal.SIGINT)
    launch.communicate(timeout=60)
    end = place.history("a").end
    assert end is None or end["ending"] != "done"


@pytest.mark.parametrize("command", KINDS)
def test_nothing_outlives_an_ordinary_stop(place: Workplace, command: Sequence[str]) -> None:
    launch, ours = started(place, command)
    launch.send_signal(signal.SIGINT)
    launch.communicate(timeout=60)
    wait_for(lambda: not any(is_alive(process) for process in ours), 20)
    end = place.history("a").end
    assert end is not None
    assert end["ending"] == "interrupted"


def is_alive(process: psutil.Process) -> bool:
    try:
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
