"""The slots of a launch: which are free, and which can be used at all."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence


class FreeSlots:
    """Slots by their index. `devices` has the number of the device of each slot."""

    def __init__(self, devices: Sequence[int]) -> None:
        assert devices, "a launch needs at least one slot"
        self._devices = devices
        self._free = deque(range(len(devices)))
        self._usable = set(range(len(devices)))

    def __bool__(self) -> bool:
        """Return whether a slot is free."""
        return bool(self._free)

    def __iter__(self) -> Iterator[int]:
        """Iterate over the free slots, in the order in which they are given out."""
        return iter(self._free)

    @property
    def has_usable(self) -> bool:
        """A slot is left whose device is neither set aside nor lost."""
        return bool(self._usable)

    def is_usable(self, slot: int) -> bool:
        """Return whether the device of a slot is neither set aside nor lost."""
        return slot in self._usable

    def device(self, slot: int) -> int:
        """Return the number of the device of a slot."""
        return self._devices[slot]

    def of_device(self, device: int) -> list[int]:
        """Return the usable slots of a device."""
        return [slot for slot in self._usable if self._devices[slot] == device]

    def has_other_device(self, device: int) -> bool:
        """Return whether a usable slot is on another device."""
        return any(self._devices[slot] != device for slot in self._usable)

    def take(self, slot: int) -> None:
        """Give out a free slot."""
        self._free.remove(slot)

    def give_back(self, slot: int, *, is_next: bool = False) -> None:
        """Make a slot free again, if it can be used: the last to be given out, or with `is_next` the first."""
        if slot in self._usable:
            (self._free.appendleft if is_next else self._free.append)(slot)

    def drop(self, slots: Sequence[int]) -> None:
        """Use these slots no more."""
        self._usable.difference_update(slots)
        self._free = deque(slot for slot in self._free if slot in self._usable)
