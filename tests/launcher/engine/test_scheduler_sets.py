"""The scheduler with experiments that need several slots, each on a device of its own."""

from __future__ import annotations

import random

import pytest

from launcher.engine.messages import (
    Added,
    Begin,
    Done,
    Ended,
    Interrupted,
    Quarantined,
    Refused,
    RetryRefused,
    SlotsLost,
    Start,
    Stop,
    StopRequested,
)
from launcher.engine.scheduler import Scheduler


def of_two(names: str, num_slots: int, **options: object) -> Scheduler:
    """Return a scheduler of experiments that need two slots each."""
    return Scheduler(list(names), num_slots, needs=dict.fromkeys(names, 2), **options)  # type: ignore[arg-type]


def test_an_experiment_gets_all_its_slots_at_once() -> None:
    scheduler = of_two("abc", 5)
    assert scheduler.handle(Begin()) == [Start("a", (0, 1)), Start("b", (2, 3))]
    assert scheduler.handle(Ended("b", "done")) == [Start("c", (4, 2))]
    assert scheduler.handle(Ended("c", "failed")) == []
    assert scheduler.handle(Ended("a", "done")) == [Done()]


def test_the_slots_of_an_experiment_are_on_different_devices() -> None:
    scheduler = of_two("ab", 4, devices=[0, 0, 1, 1])
    assert scheduler.handle(Begin()) == [Start("a", (0, 2)), Start("b", (1, 3))]


def test_one_after_another_each_runs_on_the_next_slots() -> None:
    scheduler = of_two("abc", 3, designated=[0, 2, 1])
    assert scheduler.handle(Begin()) == [Start("a", (0, 1))]
    assert scheduler.handle(Ended("a", "done")) == [Start("b", (2, 0))]
    scheduler.handle(SlotsLost((1,)))
    assert scheduler.handle(Ended("b", "done")) == [Start("c", (2, 0))], "a slot that is lost is replaced"
    assert scheduler.handle(Ended("c", "done")) == [Done()]


def test_what_waits_for_more_slots_than_are_left_is_not_waited_for() -> None:
    scheduler = of_two("ab", 2)
    assert scheduler.handle(Begin()) == [Start("a", (0, 1))]
    assert scheduler.handle(SlotsLost((1,))) == []
    assert scheduler.has_slots is False
    assert scheduler.handle(Ended("a", "done")) == [Done()]
    assert scheduler.num_waiting == 1


def test_a_failure_with_a_lost_device_is_tried_again_free_on_those_that_are_left() -> None:
    scheduler = of_two("a", 3)
    scheduler.handle(Begin())
    scheduler.handle(SlotsLost((1,)))
    assert scheduler.handle(Ended("a", "failed", 9.0)) == [Start("a", (2, 0))]
    assert scheduler.handle(Ended("a", "failed", 9.0)) == [Done()]


def test_two_quick_failures_set_aside_only_the_device_that_both_had() -> None:
    scheduler = Scheduler(list("abc"), 5, needs=dict.fromkeys("ab", 2) | {"c": 3})
    assert scheduler.handle(Begin()) == [Start("a", (0, 1)), Start("b", (2, 3))]
    assert scheduler.handle(Ended("a", "failed", 9.0)) == [Start("c", (4, 0, 1))]
    assert scheduler.handle(Ended("b", "failed", 0.1)) == []
    scheduler.handle(Added("d", 1))  # it takes slot 2
    assert scheduler.handle(Ended("d", "failed", 0.1)) == [Quarantined((2,), ("b", "d"))]
    assert scheduler.handle(Ended("c", "done", 9.0)) == [Start("b", (3, 4)), Start("d", (0,))]


def test_devices_are_set_aside_only_if_enough_are_left_for_the_experiment() -> None:
    scheduler = of_two("ab", 3)
    assert scheduler.handle(Begin()) == [Start("a", (0, 1))]
    assert scheduler.handle(Ended("a", "failed", 0.1)) == [Start("b", (2, 0))]
    assert scheduler.handle(Ended("b", "failed", 0.1)) == [Quarantined((0,), ("a", "b")), Start("a", (1, 2))]
    assert scheduler.handle(Ended("a", "failed", 0.1)) == [Start("b", (1, 2))]
    assert scheduler.handle(Ended("b", "failed", 0.1)) == [Done()], "two slots are left, and they need two"


def test_a_slot_that_refuses_is_left_out_and_the_others_are_used() -> None:
    scheduler = of_two("ab", 3)
    assert scheduler.handle(Begin()) == [Start("a", (0, 1))]
    assert scheduler.handle(Refused("a", (1,))) == [Start("a", (0, 2))]
    assert scheduler.handle(Refused("a", (0,))) == [Start("b", (0, 2))], "a is left with one slot"
    assert scheduler.handle(Refused("b", (0, 2))) == []
    assert scheduler.is_held_back
    assert scheduler.handle(RetryRefused()) == [Start("a", (0, 2))], "it has kept its place"


def test_the_second_interrupt_kills_and_nothing_more_starts() -> None:
    scheduler = of_two("abc", 4)
    scheduler.handle(Begin())
    assert scheduler.handle(Interrupted()) == [Stop("a", False), Stop("b", False)]
    assert scheduler.handle(Ended("a", "interrupted")) == []
    assert scheduler.handle(Ended("b", "interrupted")) == [Done()]


def mixed(seconds: dict[str, float | None]) -> Scheduler:
    """Return a scheduler in which a and b run on a slot each, large waits for all three, and the others for one."""
    names = ["a", "b", "large", *(name for name in seconds if name not in ("a", "b", "large"))]
    scheduler = Scheduler(names, 3, needs={"large": 3}, seconds_left=lambda name: seconds.get(name))
    scheduler.handle(Begin())
    return scheduler


def starts(scheduler: Scheduler, *names: str) -> bool:
    return all(type(scheduler.state(name)).__name__ == "Running" for name in names)


def test_what_ends_in_time_goes_before_an_experiment_that_waits_for_slots() -> None:
    scheduler = mixed({"a": 5.0, "b": 10.0, "long": 11.0, "short": 10.0})
    assert starts(scheduler, "a", "b", "short")
    assert not starts(scheduler, "long")


@pytest.mark.parametrize("seconds", [{"a": None, "b": None, "short": 1.0}, {"a": 5.0, "b": 10.0, "short": None}])
def test_where_it_is_not_known_how_long_an_experiment_takes_nobody_is_held_up(seconds: dict[str, float | None]) -> None:
    assert not starts(mixed(seconds), "short")


def test_small_experiments_that_never_end_in_time_do_not_starve_a_large_one() -> None:
    names = ["0", "1", "large", *map(str, range(2, 50))]
    now_s, ends = 0.0, dict[str, float]()
    scheduler = Scheduler(
        names, 3, needs={"large": 3}, seconds_left=lambda name: ends.get(name, now_s + 10.0 + int(name) % 3) - now_s
    )
    actions = scheduler.handle(Begin())
    while True:
        started = [action.experiment for action in actions if isinstance(action, Start)]
        if "large" in started:
            break
        ends |= {name: now_s + 10.0 + int(name) % 3 for name in started}
        first = min(ends, key=ends.__getitem__)
        now_s = ends.pop(first)
        actions = scheduler.handle(Ended(first, "done"))
    assert now_s == 11.0, "as soon as the two that ran before it have ended"


def test_a_larger_experiment_than_all_slots_holds_nobody_up() -> None:
    scheduler = Scheduler(["huge", "a", "b"], 2, needs={"huge": 3})
    assert scheduler.handle(Begin()) == [Start("a", (0,)), Start("b", (1,))]
    scheduler.handle(Ended("a", "done"))
    assert scheduler.handle(Ended("b", "done")) == [Done()]
    assert not scheduler.has_slots


@pytest.mark.parametrize("seed", range(150))
@pytest.mark.parametrize("designated", [False, True])
def test_no_sweep_of_sets_starves_or_deadlocks_whatever_happens(seed: int, designated: bool) -> None:
    """Experiments of one to three slots, some refused for a while; devices are lost and set aside, some are stopped."""
    random_ = random.Random(seed)
    devices = [random_.randrange(5) for _ in range(7)]
    names = [f"e{number}" for number in range(30)]
    need = {name: random_.randint(1, 3) for name in names}
    length = {name: random_.choice([None, 1.0, 5.0, 20.0]) for name in names}
    turn = [random_.randrange(7) for _ in names] if designated else None
    scheduler = Scheduler(
        names, 7, turn, retries=1, devices=devices, needs=need, seconds_left=lambda name: length.get(name)
    )
    usable, running, is_done = set(range(7)), dict[str, tuple[int, ...]](), False
    actions = scheduler.handle(Begin())
    for _ in range(4_000):
        while actions:
            match actions.pop(0):
                case Start(name, slots):
                    assert len(slots) == need[name]
                    assert len({devices[slot] for slot in slots}) == len(slots), "each on a device of its own"
                    assert not {slot for held in running.values() for slot in held} & set(slots)
                    assert set(slots) <= usable
                    assert not designated or not running
                    running[name] = slots
                    if random_.random() < 0.2:
                        del running[name]
                        refusing = tuple(slot for slot in slots if random_.random() < 0.6) or slots[:1]
                        actions += scheduler.handle(Refused(name, refusing))
                case Quarantined(slots, _):
                    usable -= {slot for slot in range(7) if devices[slot] in {devices[bad] for bad in slots}}
                case Done():
                    is_done = True
        if is_done:
            break
        what = random_.random()
        if running and what < 0.5:
            name = random_.choice(sorted(running))
            del running[name]
            actions = scheduler.handle(
                Ended(name, random_.choice(["done", "done", "failed"]), random_.choice([0.1, 9.0]))
            )
        elif what < 0.505:
            lost = tuple(slot for slot in range(7) if devices[slot] == random_.choice(devices))
            usable -= set(lost)
            actions = scheduler.handle(SlotsLost(lost))
        elif what < 0.52:
            actions = scheduler.handle(StopRequested(random_.choice(names)))
        elif scheduler.is_held_back:
            actions = scheduler.handle(RetryRefused())
    assert is_done, "it came to no end"
    assert not running
    assert scheduler.num_waiting == 0 or not scheduler.has_slots
