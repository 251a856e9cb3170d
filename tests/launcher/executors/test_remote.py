"""The thread that follows a cluster survives faults, and ends when it is told to."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from launcher.executors import remote
from launcher.executors.base import ExecutorEvent, RecordsWritten
from launcher.executors.remote import RemoteExecutor
from tests.launcher.conftest import wait_for


class Attempts:
    """Attempts whose first turn fails, and whose others tell of records."""

    num_handed_over = 0

    def __init__(self) -> None:
        self.num_turns = 0

    def due_s(self, now_s: float) -> float:
        return 0.01

    def turn(self, now_s: float) -> list[ExecutorEvent]:
        self.num_turns += 1
        if self.num_turns == 1:
            raise RuntimeError("a fault of ours")
        return [RecordsWritten("a")]


class Cluster:
    name = "memory"
    is_closed = False

    def close(self) -> None:
        self.is_closed = True


def made(message: Callable[[str], None], cluster: Cluster) -> RemoteExecutor:
    return RemoteExecutor(cluster, [], Attempts(), lambda _: None, message)  # type: ignore[arg-type, return-value]


def test_a_fault_of_ours_is_told_once_and_the_cluster_is_followed_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remote, "_AGAIN_S", 0.01)
    told: list[str] = []
    cluster = Cluster()
    executor = made(told.append, cluster)
    executor.warm_up()
    assert {*wait_for(executor.poll)} == {RecordsWritten("a")}  # once or twice
    executor.close()
    executor.close()
    assert told == ["following the cluster failed: RuntimeError: a fault of ours. It is tried again."]
    assert cluster.is_closed


def test_an_executor_that_was_never_warmed_up_closes(monkeypatch: pytest.MonkeyPatch) -> None:
    cluster = Cluster()
    made(lambda _: None, cluster).close()
    assert cluster.is_closed
