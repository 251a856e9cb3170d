"""How a sweep stands: what its launch does, by who holds the folder's lock and what the events say."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from launcher.store.ending import EndingKind
from launcher.store.events import Ended, EventLog, Started
from launcher.store.launch_info import LaunchInfo
from launcher.store.locks import lock_folder
from launcher.store.manifest import Manifest, ManifestExperiment, write_manifest
from launcher.store.paths import Paths
from launcher.store.sweep_state import read_sweep_state


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    """A sweep of one experiment, launched by this process."""
    paths = Paths(tmp_path / "outcome", tmp_path / "logs")
    paths.create()
    write(paths, LaunchInfo(pid=os.getpid(), host=socket.gethostname(), attempts={"a": 2}))
    return paths


def write(paths: Paths, launch: LaunchInfo) -> None:
    planned = [ManifestExperiment("a", {}, {}, "a")]
    write_manifest(paths, Manifest("s", "job.toml", "t:f", 0, ["loss"], [], planned, launch))


def phase(paths: Paths) -> str:
    found = read_sweep_state(paths, 0.0)
    assert found is not None
    return found.launch.phase


def test_a_folder_without_a_sweep_has_no_state(tmp_path: Path) -> None:
    assert read_sweep_state(Paths(tmp_path, tmp_path), 0.0) is None


def test_a_launch_is_at_work_if_it_is_the_one_that_wrote_the_manifest(paths: Paths) -> None:
    lock = lock_folder(paths.lock)
    try:
        assert phase(paths) == "running"
        write(paths, LaunchInfo(pid=1, host=socket.gethostname(), attempts={"a": 1}))
        assert phase(paths) == "starting", "an earlier launch wrote it; the one at work still checks the data"
    finally:
        lock.release()


def test_a_launch_is_gone_if_an_attempt_of_it_has_no_end_and_nobody_holds_the_lock(paths: Paths) -> None:
    assert phase(paths) == "ended", "nothing has started"
    events = EventLog(paths.events)
    events.append(Started("a", 1, "cpu", 1))
    assert phase(paths) == "ended", "the attempt without an end is of an earlier launch"
    events.append(Started("a", 2, "cpu", 1))
    assert phase(paths) == "gone"
    events.append(Ended("a", 2, EndingKind.DONE, "", 1.0))
    assert phase(paths) == "ended"
    events.close()


def test_other_metrics_take_the_place_of_those_of_the_launch(paths: Paths) -> None:
    found = read_sweep_state(paths, 0.0)
    assert found is not None
    other = found.with_metrics(["accuracy"], ["accuracy"]).manifest
    assert (other.metrics, other.maximize) == (["accuracy"], ["accuracy"])
    assert [experiment.name for experiment in found.read_experiments()] == ["a"]
