"""The scheduler: lists in, lists out; no process, no clock."""

from __future__ import annotations

import cProfile
from collections import deque

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from launcher.engine.messages import (
    Begin,
    Done,
    Ended,
    FailFast,
    Interrupted,
    Quarantined,
    RetryRequested,
    SlotsLost,
    Start,
    Stop,
    StopRequested,
)
from launcher.engine.scheduler import Finished, Running, Scheduler


def test_slots_are_filled_in_order_and_a_death_frees_one() -> None:
    scheduler = Scheduler(["a", "b", "c"], 2)
    assert scheduler.handle(Begin()) == [Start("a", (0,)), Start("b", (1,))]
    assert scheduler.handle(Ended("b", "failed")) == [Start("c", (1,))]
    assert scheduler.handle(Ended("a", "done")) == []
    assert scheduler.handle(Ended("c", "done")) == [Done()]
    assert scheduler.state("b") == Finished("failed")


def test_sequential_runs_one_at_a_time_on_designated_slots() -> None:
    scheduler = Scheduler(["a", "b", "c"], 2, designated=[1, 0, 1])
    assert scheduler.handle(Begin()) == [Start("a", (1,))]
    assert scheduler.handle(Ended("a", "done")) == [Start("b", (0,))]
    assert scheduler.handle(Ended("b", "done")) == [Start("c", (1,))]
    assert scheduler.handle(Ended("c", "done")) == [Done()]


def test_an_interrupt_starts_nothing_more_and_the_second_one_kills() -> None:
    scheduler = Scheduler(["a", "b", "c"], 2)
    scheduler.handle(Begin())
    assert scheduler.handle(Interrupted()) == [Stop("a", False), Stop("b", False)]
    assert scheduler.handle(Ended("a", "interrupted")) == []
    assert scheduler.handle(Interrupted(force=True)) == [Stop("b", True)]
    assert scheduler.handle(Ended("b", "interrupted")) == [Done()]
    assert scheduler.num_waiting == 1


def test_one_that_runs_is_withdrawn_and_not_tried_again_by_itself() -> None:
    scheduler = Scheduler(["a", "b"], 1, retries=3)
    scheduler.handle(Begin())
    assert scheduler.handle(StopRequested("a")) == [Stop("a", False)]
    assert scheduler.handle(StopRequested("a", force=True)) == [Stop("a", True)]
    assert scheduler.handle(Ended("a", "failed")) == [Start("b", (0,))]
    assert scheduler.handle(Ended("b", "done")) == [Done()]


def test_one_that_waits_is_withdrawn_and_comes_back_when_asked() -> None:
    scheduler = Scheduler(["a", "b", "c"], 1)
    scheduler.handle(Begin())
    assert scheduler.handle(StopRequested("b")) == []
    assert scheduler.handle(StopRequested("b")) == []
    assert scheduler.state("b") == Finished("withdrawn")
    assert scheduler.handle(Ended("a", "done")) == [Start("c", (0,))]
    assert scheduler.handle(RetryRequested("b")) == []
    assert scheduler.handle(Ended("c", "done")) == [Start("b", (0,))]
    assert scheduler.handle(Ended("b", "done")) == [Done()]


def test_what_is_queued_again_starts_at_once_where_a_slot_is_free() -> None:
    scheduler = Scheduler(["a", "b"], 2)
    scheduler.handle(Begin())
    assert scheduler.handle(Ended("b", "failed")) == []
    assert scheduler.handle(RetryRequested("b")) == [Start("b", (1,))]
    scheduler.handle(Interrupted())
    scheduler.handle(Ended("b", "failed"))
    assert scheduler.handle(RetryRequested("b")) == [], "nothing starts in a launch that is being stopped"
    assert scheduler.handle(Ended("a", "interrupted")) == [Done()]


def test_a_failure_is_tried_again_after_the_others() -> None:
    scheduler = Scheduler(["a", "b"], 1, retries=1)
    scheduler.handle(Begin())
    assert scheduler.handle(Ended("a", "failed")) == [Start("b", (0,))]
    assert scheduler.handle(Ended("b", "done")) == [Start("a", (0,))]
    assert scheduler.handle(Ended("a", "killed")) == [Done()]


@pytest.mark.parametrize("ending", ["done", "diverged", "interrupted"])
def test_what_would_end_the_same_way_is_not_tried_again(ending: str) -> None:
    scheduler = Scheduler(["a"], 1, retries=5)
    scheduler.handle(Begin())
    assert scheduler.handle(Ended("a", ending)) == [Done()]


def test_a_slot_on_which_two_fail_at_once_is_set_aside_and_both_are_tried_elsewhere() -> None:
    scheduler = Scheduler(["a", "b", "c"], 2)
    assert scheduler.handle(Begin()) == [Start("a", (0,)), Start("b", (1,))]
    assert scheduler.handle(Ended("b", "failed", 0.1)) == [Start("c", (1,))]
    assert scheduler.handle(Ended("c", "failed", 0.1)) == [Quarantined((1,), ("b", "c"))]
    assert scheduler.handle(Ended("a", "done", 9.0)) == [Start("b", (0,))]
    assert scheduler.handle(Ended("b", "failed", 0.1)) == [Start("c", (0,))]
    assert scheduler.handle(Ended("c", "failed", 0.1)) == [Done()], "the last slot is never set aside"


def test_slow_failures_and_failures_of_one_experiment_are_no_fault_of_the_slot() -> None:
    scheduler = Scheduler(["a", "b", "c"], 2, retries=1)
    scheduler.handle(Begin())
    assert scheduler.handle(Ended("b", "failed", 5.0)) == [Start("c", (1,))]
    assert scheduler.handle(Ended("c", "failed", 0.1)) == [Start("b", (1,))]
    assert scheduler.handle(Ended("b", "done", 0.1)) == [Start("c", (1,))]
    assert scheduler.handle(Ended("c", "failed", 0.1)) == []


def test_nothing_to_do_is_done_at_once() -> None:
    assert Scheduler([], 3).handle(Begin()) == [Done()]


def test_an_end_of_what_does_not_run_is_our_mistake() -> None:
    with pytest.raises(AssertionError, match="a ended but was not running"):
        Scheduler(["a"], 1).handle(Ended("a", "done"))


def drained(num_experiments: int, num_slots: int) -> list[str]:
    """Run experiments to their end, the one that started first ending first; return them in that order."""
    scheduler = Scheduler([str(number) for number in range(num_experiments)], num_slots)
    running = deque(action.experiment for action in scheduler.handle(Begin()) if isinstance(action, Start))
    order = []
    while running:
        order.append(running.popleft())
        actions = scheduler.handle(Ended(order[-1], "done"))
        running += [action.experiment for action in actions if isinstance(action, Start)]
    return order


def test_ten_thousand_experiments_on_a_thousand_slots() -> None:
    assert drained(10_000, 1_000) == [str(number) for number in range(10_000)]


def test_the_work_of_an_experiment_does_not_grow_with_the_slots() -> None:
    calls = []
    for num_slots in (10, 500):
        profile = cProfile.Profile()
        profile.runcall(drained, 1_000, num_slots)
        calls.append(sum(entry.callcount for entry in profile.getstats()))
    assert calls[1] < 1.2 * calls[0]


def test_with_fail_fast_the_first_failure_ends_the_sweep() -> None:
    scheduler = Scheduler(["a", "b", "c"], 2, fail_fast=True)
    scheduler.handle(Begin())
    assert scheduler.handle(Ended("a", "failed")) == [FailFast("a"), Stop("b", False)]
    assert scheduler.handle(Ended("b", "failed")) == [Done()], "it is said once"
    assert scheduler.num_waiting == 1


def test_with_fail_fast_what_is_tried_again_has_not_failed_yet() -> None:
    scheduler = Scheduler(["a", "b"], 1, retries=1, fail_fast=True)
    scheduler.handle(Begin())
    assert scheduler.handle(Ended("a", "killed")) == [Start("b", (0,))]
    assert scheduler.handle(Ended("b", "done")) == [Start("a", (0,))]
    assert scheduler.handle(Ended("a", "killed")) == [FailFast("a"), Done()]


@pytest.mark.parametrize(("ending", "halts"), [("diverged", True), ("interrupted", False), ("done", False)])
def test_fail_fast_is_about_failures(ending: str, halts: bool) -> None:
    scheduler = Scheduler(["a", "b"], 1, fail_fast=True)
    scheduler.handle(Begin())
    assert (FailFast("a") in scheduler.handle(Ended("a", ending))) is halts


class Sweep(RuleBasedStateMachine):
    """Random sweeps: whatever happens, no slot is used twice, none is lost, and every sweep ends."""

    def __init__(self) -> None:
        super().__init__()
        self.num_slots = 3
        self.names = [f"e{number}" for number in range(8)]
        self.scheduler = Scheduler(self.names, self.num_slots, retries=2)
        self.usable = set(range(self.num_slots))
        self.num_starts = dict.fromkeys(self.names, 0)
        self.num_requeued = dict.fromkeys(self.names, 0)
        self.withdrawn: set[str] = set()
        self.running: dict[str, int] = {}
        self.stopping = False
        self.is_done = False
        self.take(self.scheduler.handle(Begin()))

    def take(self, actions: list[object]) -> None:
        for action in actions:
            assert not self.is_done, "nothing follows Done"
            match action:
                case Start(experiment, (slot,)):
                    assert not self.stopping
                    assert slot not in self.running.values()
                    assert slot in self.usable
                    self.num_starts[experiment] += 1
                    allowed = 1 + 2 + 1 + self.num_requeued[experiment]
                    assert self.num_starts[experiment] <= allowed, "once, two retries, one for a bad device, the asked"
                    assert experiment not in self.withdrawn
                    self.running[experiment] = slot
                case Quarantined((slot,), _):
                    self.usable.remove(slot)
                    assert self.usable
                case Stop(experiment, _):
                    assert experiment in self.running
                case Done():
                    assert not self.running
                    self.is_done = True

    @precondition(lambda self: self.running)
    @rule(
        data=st.data(),
        ending=st.sampled_from(["done", "failed", "killed", "interrupted"]),
        seconds=st.sampled_from([0.1, 10.0]),
    )
    def end(self, data: st.DataObject, ending: str, seconds: float) -> None:
        name = data.draw(st.sampled_from(sorted(self.running)))
        del self.running[name]
        self.take(self.scheduler.handle(Ended(name, ending, seconds)))

    @precondition(lambda self: not self.is_done)
    @rule(force=st.booleans())
    def interrupt(self, force: bool) -> None:
        self.stopping = True
        self.take(self.scheduler.handle(Interrupted(force)))

    @precondition(lambda self: not self.is_done)
    @rule(data=st.data(), force=st.booleans())
    def withdraw(self, data: st.DataObject, force: bool) -> None:
        name = data.draw(st.sampled_from(self.names))
        self.withdrawn.add(name)
        self.take(self.scheduler.handle(StopRequested(name, force)))

    @precondition(lambda self: not self.is_done)
    @rule(data=st.data())
    def requeue(self, data: st.DataObject) -> None:
        ended = [name for name in self.names if isinstance(self.scheduler.state(name), Finished)]
        if not ended:
            return
        name = data.draw(st.sampled_from(ended))
        self.num_requeued[name] += 1
        self.withdrawn.discard(name)
        self.take(self.scheduler.handle(RetryRequested(name)))

    @precondition(lambda self: self.is_done)
    @rule()
    def rest(self) -> None:
        """A sweep that is over stays over."""
        assert not self.running

    @invariant()
    def states_agree(self) -> None:
        assert {name: Running((slot,)) for name, slot in self.running.items()} == {
            name: state for name in self.names if isinstance(state := self.scheduler.state(name), Running)
        }
        if not self.stopping:
            left = len(self.running) + self.scheduler.num_waiting
            assert len(self.running) == min(len(self.usable), left), "no slot idles while something waits"
        assert self.is_done == (not self.running and (self.stopping or self.scheduler.num_waiting == 0))


TestSweep = Sweep.TestCase
TestSweep.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)


def test_what_is_done_by_now_is_not_tried_again_when_its_first_device_turns_out_bad() -> None:
    scheduler = Scheduler(list("abcd"), 4, retries=1)
    scheduler.handle(Begin())
    scheduler.handle(Ended("d", "done", 9.0))
    assert scheduler.handle(Ended("a", "failed", 0.1)) == [Start("a", (3,))]
    assert scheduler.handle(Ended("a", "done", 9.0)) == []
    assert scheduler.handle(Ended("b", "failed", 0.1)) == [Start("b", (0,))]
    assert scheduler.handle(Ended("b", "failed", 0.1)) == [Quarantined((0,), ("a", "b")), Start("b", (3,))]


def test_what_was_asked_to_stop_after_it_had_failed_is_not_tried_again_when_its_device_turns_out_bad() -> None:
    scheduler = Scheduler(list("abc"), 2)
    scheduler.handle(Begin())
    assert scheduler.handle(Ended("a", "failed", 0.1)) == [Start("c", (0,))]
    assert scheduler.handle(StopRequested("a", False)) == []
    assert scheduler.handle(Ended("c", "failed", 0.1)) == [Quarantined((0,), ("a", "c"))]
    assert (scheduler.state("a"), scheduler.state("c")) == (Finished("failed"), None), "c waits for b's device"


def test_retries_are_left_after_the_free_one_of_a_lost_device() -> None:
    scheduler = Scheduler(["x"], 3, retries=1)
    scheduler.handle(Begin())
    for slot in (0, 1):
        scheduler.handle(SlotsLost((slot,)))
        assert scheduler.handle(Ended("x", "failed")) == [Start("x", (slot + 1,))]


def test_a_failure_for_good_halts_the_sweep_on_a_lost_device_too() -> None:
    scheduler = Scheduler(["x", "y"], 2, fail_fast=True)
    scheduler.handle(Begin())
    scheduler.handle(SlotsLost((0,)))
    assert scheduler.handle(Ended("x", "diverged")) == [FailFast("x"), Stop("y", False)]
    assert scheduler.is_last("y")
