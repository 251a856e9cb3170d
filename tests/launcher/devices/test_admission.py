"""Admission by memory: plain values in, a reason or nothing out; then what the scheduler makes of a refusal."""

from __future__ import annotations

import random

import pytest

from launcher.devices.admission import GIB, Holder, Reading, Tenant, refusal
from launcher.devices.device import Device
from launcher.devices.slots import make_slots
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

IDLE = Reading(48 * GIB, 48 * GIB)
FOREIGN = Reading(48 * GIB, 26 * GIB, (Holder(812, 1001, 22 * GIB),))
OURS = Reading(48 * GIB, 26 * GIB)  # 22 GiB in use, by workers of ours alone


def mine(name: str = "a", need: float | None = None, used: float | None = None, **more: bool) -> Tenant:
    return Tenant(name, *(None if value is None else int(value * GIB) for value in (need, used)), **more)


@pytest.mark.parametrize(
    ("reading", "tenants", "need", "told"),
    [
        (None, [], 60, ""),
        (IDLE, [], None, ""),
        (IDLE, [], 60, ""),
        (Reading(48 * GIB, 47 * GIB), [], None, ""),
        (FOREIGN, [], 26, ""),
        (FOREIGN, [], 27, "22.0 of 48.0 GB held by pid 812, uid 1001, 27.0 GB needed"),
        (FOREIGN, [], None, "what it needs is not known (gpu_memory_gb in the job file says it)"),
        (OURS, [], None, "22.0 of 48.0 GB held; what it needs is not known"),
        (Reading(48 * GIB, 48 * GIB, (Holder(7),)), [], None, "0.0 of 48.0 GB held by pid 7; what it needs"),
        (OURS, [mine(need=22, used=22)], 26, ""),
        (OURS, [mine(need=30, used=22)], 19, "22.0 of 48.0 GB held by a, 8.0 GB promised, 19.0 GB needed"),
        (OURS, [mine(need=30, used=22)], 18, ""),
        (IDLE, [mine(need=30)], 19, "0.0 of 48.0 GB held by a, 30.0 GB promised, 19.0 GB needed"),
        (OURS, [mine(need=30, has_stepped=True)], 26, ""),
        (OURS, [mine(need=20, used=22)], 26, ""),
        (OURS, [mine()], None, "a starts there, and what it needs shows at its first step"),
        (OURS, [mine(has_stepped=True)], None, ""),
        (OURS, [mine(has_stepped=True), mine("b")], None, "b starts there"),
        (OURS, [mine(has_stepped=True), mine("b", is_alone=True)], 1, "a and b runs alone there"),
    ],
)
def test_what_is_admitted(reading: Reading | None, tenants: list[Tenant], need: float | None, told: str) -> None:
    why = refusal(reading, tenants, None if need is None else int(need * GIB))
    assert (told in why) if told else (why == "")


def test_alone_means_no_other_worker_of_ours() -> None:
    assert refusal(IDLE, [], None, is_alone=True) == ""
    assert refusal(IDLE, [mine()], 1, is_alone=True) == "it is to run alone there, and a still runs"
    assert refusal(None, [mine(), mine("b")], None, is_alone=True).endswith("a and b still run")
    assert refusal(None, [mine(is_alone=True)], None) == "a runs alone there, after it ran out of memory"


def test_what_only_a_larger_card_can_take_waits_for_it_and_what_none_can_take_is_tried() -> None:
    assert "a larger one takes it" in refusal(IDLE, [], 60 * GIB, largest_bytes=80 * GIB)
    assert refusal(IDLE, [], 100 * GIB, largest_bytes=80 * GIB) == ""


def test_many_holders_are_the_largest_three() -> None:
    holders = tuple(Holder(pid, 1000, pid * GIB) for pid in range(1, 6))
    why = refusal(Reading(48 * GIB, 33 * GIB, holders), [], 40 * GIB)
    assert "held by pid 5, uid 1000; pid 4, uid 1000; pid 3, uid 1000; 2 more, 40.0 GB needed" in why


def test_slots_of_a_gpu_are_shared_and_spread_and_those_of_a_cpu_are_not() -> None:
    cards = [Device("cuda", "1", "GPU-b"), Device("cuda", "3", "GPU-d")]
    slots = make_slots(cards, parallel=True, threads=None, cores=9, per_device=2)
    assert [str(slot) for slot in slots] == ["GPU 1 (1/2)", "GPU 3 (1/2)", "GPU 1 (2/2)", "GPU 3 (2/2)"]
    assert [slot.threads for slot in slots] == [2] * 4
    assert [str(one) for one in make_slots(cards, parallel=False, threads=None, cores=9, per_device=2)] == [
        "GPU 1",
        "GPU 3",
    ]
    assert len(make_slots([Device("cpu", "cpu")], parallel=True, threads=None, cores=9, per_device=2)) == 1


def test_what_is_refused_keeps_its_place_and_others_go_on() -> None:
    scheduler = Scheduler(["a", "b", "c"], 1)
    assert scheduler.handle(Begin()) == [Start("a", 0)]
    assert scheduler.handle(Refused("a", 0)) == [Start("b", 0)]
    assert not scheduler.is_held_back, "the slot is in use"
    assert scheduler.handle(Ended("b", "done")) == [Start("a", 0)]
    assert scheduler.handle(Refused("a", 0)) == [Start("c", 0)]
    assert scheduler.handle(Refused("c", 0)) == [], "nothing can start, and this is not the end"
    assert scheduler.is_held_back
    assert scheduler.handle(RetryRefused()) == [Start("a", 0)]


def test_one_after_another_what_is_refused_lets_the_next_go_on_its_own_device() -> None:
    scheduler = Scheduler(["a", "b"], 2, designated=[0, 1])
    assert scheduler.handle(Begin()) == [Start("a", 0)]
    assert scheduler.handle(Refused("a", 0)) == [Start("b", 1)]
    assert scheduler.handle(Ended("b", "done")) == [Start("a", 0)]


def test_a_lost_device_takes_its_slots_and_gives_back_what_ran_there_once() -> None:
    scheduler = Scheduler(["a", "b", "c"], 4, devices=[0, 1, 0, 1])
    assert scheduler.handle(Begin()) == [Start("a", 0), Start("b", 1), Start("c", 2)]
    assert scheduler.handle(SlotsLost((0, 2))) == []
    assert scheduler.handle(Ended("a", "failed", 9.0)) == [Start("a", 3)]
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
    assert scheduler.handle(Ended("b", "failed", 0.1)) == [Quarantined(1, ("a", "b"))]
    assert scheduler.handle(Ended("c", "done")) == [Start("a", 2)]


def test_again_counts_no_retry_and_not_again_uses_none() -> None:
    scheduler = Scheduler(["a"], 1, retries=1)
    scheduler.handle(Begin())
    assert scheduler.handle(Ended("a", "out_of_memory", 0.1, again=True)) == [Start("a", 0)]
    assert scheduler.handle(Ended("a", "failed", 0.1)) == [Start("a", 0)]
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
                case Start(name, slot):
                    assert slot not in running.values()
                    assert not designated or not running
                    if need[name] > free[devices[slot]]:
                        actions += scheduler.handle(Refused(name, slot))
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
    assert scheduler.handle(Refused("a", 0)) == []
    assert scheduler.handle(Interrupted()) == [Done()]
