"""What a launch asks of its cluster before anything starts, and how often it goes on after a lost node."""

from __future__ import annotations

from pathlib import Path

import pytest

from launcher.clusters.base import NotHeard, Place, Ticket
from launcher.engine import remote
from launcher.engine.lost_attempts import MOST, LostAttempts
from launcher.engine.remote import Remote
from launcher.errors import LauncherError
from launcher.store.cluster_paths import ClusterPaths
from launcher.store.launch_lease import LaunchLease
from tests.launcher.engine.parts import decision, plan


class SilentCluster:
    """A cluster that never answers."""

    name = "slurm"

    def adopt(self) -> dict[Ticket, Place]:
        raise NotHeard("timed out")


def test_a_launch_gives_up_on_a_cluster_that_stays_silent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remote, "HEARD_S", 0.0)
    planned = plan(tmp_path, [decision()])
    folders = ClusterPaths(planned.paths.outcome)
    made = Remote(SilentCluster(), planned.sweep, folders, LaunchLease(folders.beats))  # type: ignore[arg-type]
    with pytest.raises(LauncherError, match="slurm does not answer: timed out"):
        made.take_up(planned.paths, lambda _: None)
    made.lease.close()
    assert not list(folders.beats.iterdir())


def test_an_experiment_goes_on_after_a_lost_node_some_times_and_each_counts_for_itself() -> None:
    lost = LostAttempts()
    assert [lost.may_go_on("a", 0) for _ in range(MOST + 2)] == [True] * MOST + [False] * 2
    assert lost.may_go_on("b", 0)


def test_an_experiment_that_gets_further_each_time_goes_on_as_often_as_it_is_preempted() -> None:
    lost = LostAttempts()
    assert all(lost.may_go_on("a", step) for step in range(10, 100, 10))
    assert [lost.may_go_on("a", 90) for _ in range(MOST)] == [True] * (MOST - 1) + [False]
