"""The time that is left of a launch, and what becomes of cores for which no experiment is left."""

from __future__ import annotations

import time
from collections.abc import Sequence

import pytest

from launcher.devices.device import Device
from launcher.devices.slots import Slot
from launcher.engine.experiments import Experiments
from launcher.engine.time_left import TimeLeft
from launcher.planning.estimate import DurationEstimate
from tests.launcher.engine.fakes import FakeExecutor
from tests.launcher.engine.parts import GPU, NotedWorker, attempt, decision

NAMES = ("a", "b", "c")


class Launch:
    """Three experiments, of which some run, on an executor of two slots with two threads each."""

    def __init__(
        self,
        running: Sequence[str],
        *,
        seconds: float | None = None,
        is_elastic: bool = False,
        is_parallel: bool = True,
    ) -> None:
        known = {name: DurationEstimate(seconds=seconds) for name in NAMES}
        self.experiments = Experiments([decision(name, index) for index, name in enumerate(NAMES)], NAMES, known)
        self.experiments.running = {name: attempt(NotedWorker()) for name in running}
        self.executor = FakeExecutor(2)
        self.executor.slots = [Slot(number, Device("cpu", f"cpu:{number}"), 2) for number in range(2)]
        self.messages: list[str] = []
        self._is_parallel, self._is_elastic = is_parallel, is_elastic

    @property
    def time_left(self) -> TimeLeft:
        self.executor.close()
        return TimeLeft(
            self.experiments,
            self.executor,
            self.messages.append,
            is_parallel=self._is_parallel,
            is_elastic=self._is_elastic,
        )


def test_before_anything_was_measured_the_time_left_is_not_known() -> None:
    assert Launch(["a"]).time_left.seconds_left(["b", "c"]) is None


def test_what_waits_starts_as_slots_get_free() -> None:
    launch = Launch(["a"], seconds=100.0)
    launch.experiments.known["a"] = DurationEstimate(seconds=100.0, share_done=0.9)
    assert launch.time_left.seconds_left(["b", "c"]) == pytest.approx(110.0)
    assert launch.time_left.seconds_left([]) == pytest.approx(10.0)


def test_one_after_another_the_times_add_up() -> None:
    assert Launch(["a"], seconds=100.0, is_parallel=False).time_left.seconds_left(["b", "c"]) == pytest.approx(300.0)


def test_idle_cores_go_to_what_still_runs_where_the_job_allows_it() -> None:
    launch = Launch(["a"], seconds=100.0, is_elastic=True)
    launch.time_left.nothing_waits()
    assert launch.executor.threads == [4]
    assert launch.messages == []


def test_cores_that_idle_for_more_than_a_minute_are_told_once() -> None:
    launch = Launch(["a"], seconds=100.0)
    time_left = launch.time_left
    time_left.nothing_waits()
    time_left.nothing_waits()
    assert launch.executor.threads == []
    (message,) = launch.messages
    assert message.startswith("Nothing is left to start: from now on 2 of 4 cores idle. With elastic_threads = true")


@pytest.mark.parametrize(
    "launch",
    [
        Launch(["a"], seconds=50.0),  # for less than a minute
        Launch(["a", "b"], seconds=100.0),  # no core idles
        Launch([], seconds=100.0),  # nothing runs
        Launch(["a"], seconds=100.0, is_parallel=False),  # one experiment at a time has all cores anyway
    ],
)
def test_cores_that_do_not_idle_for_long_are_not_told(launch: Launch) -> None:
    launch.time_left.nothing_waits()
    assert launch.messages == []


def test_cores_beside_gpus_are_not_told() -> None:
    launch = Launch(["a"], seconds=100.0)
    launch.executor.slots = [*GPU, *GPU]
    launch.time_left.nothing_waits()
    assert launch.messages == []


@pytest.mark.parametrize("is_elastic", [False, True])
def test_cores_of_a_cluster_are_neither_told_nor_given_away(is_elastic: bool) -> None:
    launch = Launch(["a"], seconds=100.0, is_elastic=is_elastic)
    launch.executor.is_remote = True
    launch.time_left.nothing_waits()
    assert (launch.messages, launch.executor.threads) == ([], [])


def test_whether_idle_cores_are_worth_telling_is_computed_once_a_second(monkeypatch: pytest.MonkeyPatch) -> None:
    """A thousand experiments may end at once, and the time left costs a look at all of them."""
    clock = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: clock[0])
    launch = Launch(["a"], seconds=50.0)
    time_left = launch.time_left
    time_left.nothing_waits()
    launch.experiments.known["a"] = DurationEstimate(seconds=100.0)
    time_left.nothing_waits()
    assert launch.messages == []
    clock[0] = 101.0
    time_left.nothing_waits()
    assert len(launch.messages) == 1
