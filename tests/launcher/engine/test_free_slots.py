"""Which slots are free, and which can be used at all."""

from __future__ import annotations

from launcher.engine.free_slots import FreeSlots


def test_slots_are_given_out_and_back_in_order() -> None:
    slots = FreeSlots([0, 0, 1])
    slots.take(0)
    slots.take(1)
    slots.give_back(1)
    assert list(slots) == [2, 1]
    slots.give_back(0, is_next=True)
    assert list(slots) == [0, 2, 1], "a start that was refused gives its slot back at its place"


def test_slots_of_a_lost_device_are_neither_free_nor_given_back() -> None:
    slots = FreeSlots([0, 0, 1])
    slots.take(0)
    assert slots.num_devices == 2
    slots.drop(slots.of_device(0))
    slots.give_back(0)
    assert list(slots) == [2]
    assert not slots.is_usable(0)
    assert slots.num_devices == 1
    slots.drop([2])
    assert not slots
    assert slots.num_devices == 0
