"""Refusals, lost devices and repeated attempts: what the scheduler makes of them."""

from __future__ import annotations

import random

import pytest

from launcher.engine.messages import (
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
)
from launcher.engine.scheduler import Scheduler


def test_what_is_refused_keeps_its_place_and_others_go_on() -> None:
    scheduler = Scheduler(["a", "b", "c"], 1)
    assert scheduler.handle(Begin()) == [Start("a", (0,))]
    assert scheduler.handle(Refused("a", (0,))) == [Start("b", (0,))]
    assert not scheduler.is_held_back, "the slot is in use"
    assert scheduler.handle(Ended("b", "done")) == [Start("a", (0,))]
    assert scheduler.handle(Refused("a", (0,))) == [Start("c", (0,))]
    assert scheduler.handle(Refused("c", (0,))) == [], "nothing can start, and this is not the end"
    assert scheduler.is_held_back
    assert scheduler.handle(RetryRefused()) == [Start("a", (0,))]


def test_one_after_another_what_is_refused_lets_the_next_go_on_its_own_device() -> None:
    scheduler = Scheduler(["a", "b"], 2, designated=[0, 1])
    assert scheduler.handle(Begin()) == [Start("a", (0,))]
    assert scheduler.handle(Refused("a", (0,))) == [Start("b", (1,))]
    assert scheduler.handle(Ended("b", "done")) == [Start("a", (0,))]


def test_a_lost_device_takes_its_slots_and_gives_back_what_ran_there_once() -> None:
    scheduler = Scheduler(["a", "b", "c"], 4, devices=[0, 1, 0, 1])
    assert scheduler.handle(Begin()) == [Start("a", (0,)), Start("b", (1,)), Start("c", (2,))]
    assert scheduler.handle(SlotsLost((0, 2))) == []
    assert scheduler.handle(Ended("a", "failed", 9.0)) == [Start("a", (3,))]
    assert scheduler.handle(Ended("c", "done", 9.0)) == []
    assert scheduler.handle(SlotsLost((1, 3))) == []
    assert scheduler.handle(Ended("b", "failed", 9.0)) == []
    assert scheduler.handle(Ended("a", "failed", 9.0)) == [Done()], "nothing is left to run on"
    assert not scheduler.has_slots
    assert scheduler.num_waiting == 1, "b had its once; a had had it"


def test_a_device_is_set_aside_with_all_its_slots() -> None:
    scheduler = Scheduler(["a", "b", "c"], 3, devices=[0, 0, 1])
    scheduler.handle(Begin())
    assert scheduler.handle(Ended("a", "failed", 0.1)) == []
    assert scheduler.handle(Ended("b", "failed", 0.1)) == [Quarantined((1,), ("a", "b"))]
    assert scheduler.handle(Ended("c", "done")) == [Start("a", (2,))]


def test_again_counts_no_retry_and_not_again_uses_none() -> None:
    scheduler = Scheduler(["a"], 1, retries=1)
    scheduler.handle(Begin())
    assert scheduler.handle(Ended("a", "out_of_memory", 0.1, again=True)) == [Start("a", (0,))]
    assert scheduler.handle(Ended("a", "failed", 0.1)) == [Start("a", (0,))]
    assert scheduler.handle(Ended("a", "out_of_memory", 0.1, again=False)) == [Done()]


@pytest.mark.parametrize("seed", range(200))
@pytest.mark.parametrize("designated", [False, True])
def test_no_sweep_starves_or_deadlocks_whatever_is_refused_and_lost(seed: int, designated: bool) -> None:
    """Cards of random size, experiments of random need, foreign holders that come and go, cards that get lost."""
    random_ = random.Random(seed)
    devices = [random_.randrange(3) for _ in range(5)]
    free = dict.fromkeys(devices, 10)
    need = {f"e{number}": random_.randint(1, 10) for number in range(40)}
    turn = [random_.randrange(5) for _ in need] if designated else None
    scheduler = Scheduler(list(need), 5, turn, retries=1, devices=devices)
    running: dict[str, int] = {}
    is_done = False
    actions = scheduler.handle(Begin())
    for _ in range(5_000):
        while actions:
            match actions.pop(0):
                case Start(name, (slot,)):
                    assert slot not in running.values()
                    assert not designated or not running
                    if need[name] > free[devices[slot]]:
                        actions += scheduler.handle(Refused(name, (slot,)))
                    else:
                        free[devices[slot]] -= need[name]
                        running[name] = slot
                case Done():
                    is_done = True
                case Quarantined() | Stop():
                    pass
        if is_done:
            break
        what = random_.random()
        if running and what < 0.5:
            name = random_.choice(sorted(running))
            slot = running.pop(name)
            free[devices[slot]] += need[name]
            actions = scheduler.handle(
                Ended(name, random_.choice(["done", "done", "failed"]), random_.choice([0.1, 9.0]))
            )
        elif what < 0.51:
            device = random_.choice(devices)
            actions = scheduler.handle(SlotsLost(tuple(slot for slot in range(5) if devices[slot] == device)))
        elif scheduler.is_held_back:
            actions = scheduler.handle(RetryRefused())
    assert is_done, "it came to no end"
    assert not running
    assert scheduler.num_waiting == 0 or not scheduler.has_slots


def test_an_interrupt_ends_a_sweep_in_which_nothing_can_start() -> None:
    scheduler = Scheduler(["a"], 1)
    scheduler.handle(Begin())
    assert scheduler.handle(Refused("a", (0,))) == []
    assert scheduler.handle(Interrupted()) == [Done()]
