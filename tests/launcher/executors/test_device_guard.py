"""The device guard between our workers and a driver that answers as a test says."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import psutil
import pytest

from launcher.devices.device import Device
from launcher.devices.query import DeviceLost, DeviceMemory, DriverSilent
from launcher.devices.slot_set import SlotSet
from launcher.devices.slots import Slot
from launcher.executors.base import Demand, Refusal, SlotsGone
from launcher.executors.device_guard import DeviceGuard
from tests.launcher.conftest import wait_for

GIB = 2**30
CARDS = [Device("cuda", str(number), f"GPU-{number}", "A card", 8 * GIB) for number in (0, 1)]
SLOTS = [Slot(index, CARDS[number], 1) for index, number in enumerate((0, 1, 0))]  # slots 0 and 2 share a card
IDLE = DeviceMemory(8 * GIB, 8 * GIB)


class FakeDriver:
    """Answers for each card what a test has set: its memory, or an error to raise."""

    def __init__(self) -> None:
        self.answers: dict[str, DeviceMemory | Exception] = {card.uuid: IDLE for card in CARDS}
        self.asked: list[str] = []

    def ask(self, uuid: str) -> DeviceMemory:
        self.asked.append(uuid)
        answer = self.answers[uuid]
        if isinstance(answer, Exception):
            raise answer
        return answer

    def close(self) -> None:
        pass


@pytest.fixture
def driver(monkeypatch: pytest.MonkeyPatch) -> FakeDriver:
    made = FakeDriver()
    monkeypatch.setattr("launcher.executors.device_guard.DriverQuery", lambda: made)
    return made


@pytest.fixture
def guard(driver: FakeDriver) -> DeviceGuard:
    return DeviceGuard(SLOTS, may_choose=True)


def needs(gib: float, *, is_alone: bool = False) -> Demand:
    return Demand(int(gib * GIB), is_alone)


def test_on_an_idle_card_anything_may_start(guard: DeviceGuard) -> None:
    assert guard.refusal("a", [0], needs(100)) is None
    assert guard.refusal("a", [0], Demand()) is None


def test_the_driver_is_asked_once_until_something_changes(guard: DeviceGuard, driver: FakeDriver) -> None:
    for _ in range(3):
        guard.refusal("a", [0], needs(1))
    assert driver.asked == ["GPU-0"]
    guard.refresh()
    guard.refusal("a", [0], needs(1))
    guard.started("a", SlotSet((SLOTS[0],)), 11, needs(1))
    guard.ended("a")
    guard.refusal("b", [0], needs(1))
    assert driver.asked == ["GPU-0"] * 3


def test_what_a_worker_was_promised_counts_until_it_has_settled(guard: DeviceGuard, driver: FakeDriver) -> None:
    guard.started("a", SlotSet((SLOTS[0],)), 11, needs(6))
    refused = guard.refusal("b", [2], needs(4))
    assert refused == Refusal("GPU 0: 0.0 of 8.0 GB held by a, 6.0 GB promised, 4.0 GB needed", "GPU-0", slots=(2,))
    assert guard.refusal("b", [1], needs(4)) is None, "the other card is free"
    driver.answers["GPU-0"] = DeviceMemory(8 * GIB, 6 * GIB, {11: 2 * GIB})
    guard.refresh()
    refused = guard.refusal("b", [2], needs(4))
    assert refused == Refusal("GPU 0: 2.0 of 8.0 GB held by a, 4.0 GB promised, 4.0 GB needed", "GPU-0", slots=(2,))
    guard.settled("a")
    assert guard.refusal("b", [2], needs(4)) is None, "it took less than it was promised"


def test_our_own_workers_are_no_foreign_processes(guard: DeviceGuard, driver: FakeDriver) -> None:
    driver.answers["GPU-0"] = DeviceMemory(8 * GIB, 1 * GIB, {11: 7 * GIB})
    refused = guard.refusal("b", [0], needs(4))
    assert refused is not None
    assert "held by pid 11" in refused.why
    guard.started("a", SlotSet((SLOTS[0],)), 11, needs(7))
    refused = guard.refusal("b", [2], needs(4))
    assert refused is not None
    assert "held by a" in refused.why


def test_an_experiment_that_must_be_alone_waits_for_the_others_and_they_for_it(guard: DeviceGuard) -> None:
    guard.started("a", SlotSet((SLOTS[0],)), 11, needs(1))
    refused = guard.refusal("b", [2], needs(1, is_alone=True))
    assert refused is not None
    assert "it is to run alone there, and a still runs" in refused.why
    guard.ended("a")
    assert guard.refusal("b", [2], needs(1, is_alone=True)) is None
    guard.started("b", SlotSet((SLOTS[2],)), 12, needs(1, is_alone=True))
    refused = guard.refusal("c", [0], needs(1))
    assert refused is not None
    assert "b runs alone there" in refused.why


def test_a_driver_that_does_not_answer_refuses_and_loses_nothing(guard: DeviceGuard, driver: FakeDriver) -> None:
    driver.answers["GPU-0"] = DriverSilent()
    assert guard.refusal("a", [0], needs(1)) == Refusal("GPU 0: the driver does not answer for it", "GPU-0", slots=(0,))
    assert guard.check(0, "CUDA error") is None
    driver.answers["GPU-0"] = IDLE
    assert guard.refusal("a", [0], needs(1)) is None


def test_a_lost_card_takes_all_its_slots_and_is_told_once(guard: DeviceGuard, driver: FakeDriver) -> None:
    driver.answers["GPU-0"] = DeviceLost("GPU is lost")
    gone = SlotsGone((0, 2), "GPU 0", "GPU-0", "the driver says: GPU is lost")
    assert guard.refusal("a", [0], needs(1)) == Refusal(gone=gone, slots=(0,))
    assert guard.refusal("a", [2], needs(1)) == Refusal(slots=(2,)), "what is refused there from now on is not told"
    assert guard.check(2, "CUDA error") is None, "it is known"
    assert guard.refusal("a", [1], needs(1)) is None


def test_after_a_failure_the_driver_is_asked_whether_the_card_is_there(guard: DeviceGuard, driver: FakeDriver) -> None:
    assert guard.check(0, "CUDA error: device-side assert") is None
    driver.answers["GPU-0"] = DeviceLost("GPU is lost")
    guard.refresh()
    gone = guard.check(0, "CUDA error: device-side assert")
    assert gone == SlotsGone((0, 2), "GPU 0", "GPU-0", "the driver says: GPU is lost")


@pytest.mark.parametrize("why", ["CUDA error: uncorrectable ECC error", "no CUDA-capable device is detected"])
def test_a_card_that_a_worker_calls_broken_is_gone_unless_it_is_the_last(guard: DeviceGuard, why: str) -> None:
    assert guard.check(0, why) == SlotsGone((0, 2), "GPU 0", "GPU-0", why)
    assert guard.check(1, why) is None, "rather try on than use no card at all"


def test_nothing_more_starts_on_a_card_that_was_set_aside(guard: DeviceGuard) -> None:
    guard.set_aside(0)
    assert guard.refusal("a", [2], needs(1)) == Refusal(slots=(2,))
    assert guard.refusal("a", [1], needs(1)) is None


def test_an_experiment_too_large_for_a_card_waits_for_a_larger_card_where_it_may_choose(driver: FakeDriver) -> None:
    small = Device("cuda", "0", "GPU-0", "A small card", 4 * GIB)
    slots = [Slot(0, small, 1), Slot(1, CARDS[1], 1)]
    driver.answers["GPU-0"] = DeviceMemory(4 * GIB, 4 * GIB)
    refused = DeviceGuard(slots, may_choose=True).refusal("a", [0], needs(6))
    assert refused == Refusal("GPU 0: it needs 6.0 GB and the card has 4.0; a larger one takes it", "GPU-0", slots=(0,))
    assert DeviceGuard(slots, may_choose=False).refusal("a", [0], needs(6)) is None
    counted = Demand(6 * GIB, is_counted=True)
    assert DeviceGuard(slots, may_choose=True).refusal("a", [0], counted) is None, "it may need less than that"


def test_a_cpu_slot_is_refused_only_for_who_must_be_alone(driver: FakeDriver) -> None:
    slots = [Slot(number, Device("cpu", f"cpu:{number}"), 1) for number in (0, 1)]
    guard = DeviceGuard(slots, may_choose=True)
    guard.started("a", SlotSet((slots[0],)), 11, Demand())
    assert guard.refusal("b", [1], Demand()) is None
    refused = guard.refusal("b", [1], Demand(is_alone=True))
    assert refused is not None
    assert refused.place == "cpu"
    assert guard.check(0, "no CUDA-capable device") is None
    assert driver.asked == []


def both() -> SlotSet:
    return SlotSet.of(SLOTS, (0, 1))


def test_an_experiment_on_two_cards_needs_its_memory_on_each_and_is_promised_it_there(guard: DeviceGuard) -> None:
    assert guard.refusal("a", (0, 1), needs(6)) is None
    guard.started("a", both(), 11, needs(6))
    for slots, refusing, number in (((2, 1), (2, 1), 0), ((1,), (1,), 1)):
        refused = guard.refusal("b", slots, needs(4))
        assert refused is not None
        assert refused.slots == refusing
        assert refused.why == f"GPU {number}: 0.0 of 8.0 GB held by a, 6.0 GB promised, 4.0 GB needed"
    guard.ended("a")
    assert guard.refusal("b", (2, 1), needs(4)) is None


def test_a_refusal_of_two_cards_names_the_one_that_refuses(guard: DeviceGuard, driver: FakeDriver) -> None:
    driver.answers["GPU-1"] = DeviceMemory(8 * GIB, 1 * GIB, {812: 7 * GIB})
    refused = guard.refusal("a", (0, 1), needs(4))
    assert refused is not None
    assert (refused.slots, refused.place) == ((1,), "GPU-1")
    driver.answers["GPU-1"] = DeviceLost("GPU is lost")
    guard.refresh()
    refused = guard.refusal("a", (0, 1), needs(4))
    assert refused is not None
    assert refused.gone is not None
    assert refused.slots == (1,)
    assert guard.refusal("a", (0, 1), needs(4)) == Refusal(slots=(1,)), "it is known by now"


def test_two_cards_that_are_too_small_wait_only_if_two_larger_ones_are_there(driver: FakeDriver) -> None:
    small = Device("cuda", "2", "GPU-2", "A small card", 4 * GIB)
    driver.answers["GPU-2"] = DeviceMemory(4 * GIB, 4 * GIB)
    slots = [Slot(0, small, 1), Slot(1, CARDS[1], 1)]
    assert DeviceGuard(slots, may_choose=True).refusal("a", (0, 1), needs(6)) is None, "no other card is there"
    slots.append(Slot(2, CARDS[0], 1))
    refused = DeviceGuard(slots, may_choose=True).refusal("a", (0, 1), needs(6))
    assert refused is not None
    assert refused.slots == (0,)


def test_children_of_a_worker_are_ours_in_whatever_session_they_are(guard: DeviceGuard, driver: FakeDriver) -> None:
    program = "import subprocess, time; subprocess.Popen(['sleep', '60']); time.sleep(60)"
    worker = subprocess.Popen([sys.executable, "-c", program], start_new_session=True)
    own_session = subprocess.Popen(["sleep", "60"], start_new_session=True)
    try:
        wait_for(lambda: psutil.Process(worker.pid).children())
        child = psutil.Process(worker.pid).children()[0].pid
        guard.started("a", SlotSet((SLOTS[0],)), worker.pid, needs(6))
        driver.answers["GPU-0"] = DeviceMemory(8 * GIB, 3 * GIB, {worker.pid: 2 * GIB, child: 3 * GIB})
        refused = guard.refusal("b", [2], needs(4))
        assert refused is not None
        assert refused.why == "GPU 0: 5.0 of 8.0 GB held by a, 1.0 GB promised, 4.0 GB needed"
        driver.answers["GPU-0"] = DeviceMemory(8 * GIB, 3 * GIB, {own_session.pid: 5 * GIB})
        guard.refresh()
        refused = guard.refusal("b", [2], needs(4))
        assert refused is not None
        assert f"held by pid {own_session.pid}" in refused.why
    finally:
        os.killpg(worker.pid, signal.SIGKILL)
        own_session.kill()
        worker.wait()
        own_session.wait()
