"""The slots of a launch: which are free, and which can be used at all."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterator, Sequence


class FreeSlots:
    """Slots by their index. `devices` has the number of the device of each slot."""

    def __init__(self, devices: Sequence[int]) -> None:
        assert devices, "a launch needs at least one slot"
        self._devices = devices
        self._free = deque(range(len(devices)))
        self._usable = set(range(len(devices)))
        self.num_devices = len(set(devices))  # that can be used

    def __bool__(self) -> bool:
        """Return whether a slot is free."""
        return bool(self._free)

    def __iter__(self) -> Iterator[int]:
        """Iterate over the free slots, in the order in which they are given out."""
        return iter(self._free)

    @property
    def num_free_devices(self) -> int:
        """On how many devices a slot is free."""
        return len({self._devices[slot] for slot in self._free})

    def is_usable(self, slot: int) -> bool:
        """Return whether the device of a slot is neither set aside nor lost."""
        return slot in self._usable

    def device(self, slot: int) -> int:
        """Return the number of the device of a slot."""
        return self._devices[slot]

    def of_device(self, device: int) -> list[int]:
        """Return the usable slots of a device."""
        return [slot for slot in self._usable if self._devices[slot] == device]

    def pick(self, num: int, first: int, refused: Collection[int]) -> tuple[int, ...] | None:
        """Return `num` free slots on different devices, the slot `first` and others in order; None if there are none.

        Example: slots 0 and 1 on one device, slot 2 on another, all free: `pick(2, 0, ())` returns slots 0 and 2.
        """
        if first in refused:
            return None
        found = {self._devices[first]: first}
        for slot in self._free if num > 1 else ():
            if len(found) < num and self._devices[slot] not in found and slot not in refused:
                found[self._devices[slot]] = slot
        return tuple(found.values()) if len(found) == num else None

    def from_slot(self, start: int) -> list[int]:
        """Return a usable slot of each device, from the slot `start` on, and after the last from the first."""
        found: dict[int, int] = {}
        for slot in (*range(start, len(self._devices)), *range(start)):
            if slot in self._usable:
                found.setdefault(self._devices[slot], slot)
        return list(found.values())

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
        self.num_devices = len({self._devices[slot] for slot in self._usable})
        self._free = deque(slot for slot in self._free if slot in self._usable)
