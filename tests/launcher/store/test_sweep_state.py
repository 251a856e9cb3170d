"""How a sweep stands: what its launch does, by who holds the folder's lock and what the events say."""

from __future__ import annotations

import contextlib
import os
import socket
from pathlib import Path

import pytest

from launcher.store.attempt_files import AttemptEnding, AttemptFiles
from launcher.store.claims import Claim, claim
from launcher.store.cluster_paths import ClusterPaths
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


@pytest.mark.parametrize(
    ("ending", "state", "why"),
    [
        (AttemptEnding(node="n1", refused="its code is another"), "failed", "its code is another"),
        (AttemptEnding(asked="limit", code=0, verdict="no checkpoint"), "failed", "no checkpoint"),
        (AttemptEnding(asked="stop"), "interrupted", ""),
        (AttemptEnding(signal="SIGKILL", untold=(EndingKind.KILLED, "by SIGKILL")), "killed", "by SIGKILL"),
        (AttemptEnding(signal="SIGKILL"), "interrupted", "its launcher was gone"),
    ],
)
def test_the_end_of_an_attempt_on_a_cluster_is_known_before_a_launch_writes_it_down(
    paths: Paths, ending: AttemptEnding, state: str, why: str
) -> None:
    with contextlib.closing(EventLog(paths.events)) as events:
        events.append(Started("a", 2, "slurm", 1))
    files = AttemptFiles(ClusterPaths(paths.outcome).attempts("a"))
    files.folder.mkdir(parents=True)
    for attempt in (2, 3):
        assert claim(files.folder, attempt, Claim.of_this_process())
    assert phase(paths) == "left", "attempt 3 was begun by the cluster"
    ending.write(files.path(3, "end"))
    assert phase(paths) == "ended", "the launch has left, and was not killed"
    found = read_sweep_state(paths, 0.0)
    assert found is not None
    (experiment,) = found.read_experiments()
    assert (experiment.state, experiment.why) == (state, why)


def test_other_metrics_take_the_place_of_those_of_the_launch(paths: Paths) -> None:
    found = read_sweep_state(paths, 0.0)
    assert found is not None
    other = found.with_metrics(["accuracy"], ["accuracy"]).manifest
    assert (other.metrics, other.maximize) == (["accuracy"], ["accuracy"])
    assert [experiment.name for experiment in found.read_experiments()] == ["a"]
