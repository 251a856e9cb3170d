"""A node that is cut off: the cluster runs the job again on another node, and then the first comes back.

The second node is a mount namespace, in which the path of the folder leads to the second view of it.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.launcher.conftest import Workplace, marked, wait_for
from tests.launcher.supervisor.sweep import ToySweep, finish, steps_of, wait_for_step

_ELSEWHERE = 'mount --bind "$1" "$2" && shift 2 && exec "$@"'


@pytest.fixture
def on_two_nodes(place: Workplace, two_nodes: tuple[Path, Path]) -> Iterator[tuple[ToySweep, ToySweep]]:
    """A sweep as two nodes see it, under the same path."""
    here, there = two_nodes
    elsewhere = ("unshare", "--mount", "sh", "-c", _ELSEWHERE, "sh", str(there), str(here))
    if shutil.which("unshare") is None or subprocess.run([*elsewhere, "true"], check=False).returncode:
        pytest.skip("no mount namespace can be made here (unshare --mount, as root)")
    sweeps = ToySweep(here, place.mark), ToySweep(here, place.mark, prefix=elsewhere)
    yield sweeps
    for sweep in sweeps:
        sweep.close()
    wait_for(lambda: not marked(place.mark))


def signal_all(mark: str, number: signal.Signals) -> None:
    for process in marked(mark):
        with contextlib.suppress(ProcessLookupError):
            os.kill(process.pid, number)


@pytest.mark.slow  # two workers import torch
def test_a_node_that_was_cut_off_ends_itself_and_nothing_is_mixed(on_two_nodes: tuple[ToySweep, ToySweep]) -> None:
    here, there = on_two_nodes
    truth = ToySweep(here.folder.parent / "shared", here.mark)  # a node may remember the size of a file for 20 s
    numbers = dict(here.reference(steps=300))
    here.order(here.spec(steps=300, step_s=0.02, act="checkpoint"))
    here.batch(("a", 1))
    zombie = here.start(SLURM_JOB_ID="17")
    wait_for_step(truth, 8)
    signal_all(here.mark, signal.SIGSTOP)
    stopped = {process.pid for process in marked(here.mark)}
    second = there.start(SLURM_JOB_ID="17", SLURM_RESTART_COUNT="1")
    try:
        wait_for_step(truth, 30, attempt=2)
    finally:
        for pid in stopped:
            os.kill(pid, signal.SIGCONT)
    code, out = finish(zombie)
    assert code == 75, out
    assert truth.ended(1).asked == "superseded"
    assert second.poll() is None, "it was the first that came back in the middle"
    code, out = finish(second)
    assert code == 0, out
    history = truth.history()
    assert history.attempt == 2
    assert {step: record["loss"] for step, record in history.steps.items()} == numbers, "each step once"
    own = steps_of(truth.paths.of_attempt(2).records("a"))
    assert own.count(300) == 1
    assert steps_of(truth.paths.of_attempt(1).records("a"))[-1] < 300
