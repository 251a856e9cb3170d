"""The slots of one attempt: one, or with `gpus = n` in the job file n slots on n devices, a process for each.

The scheduler hands slots out by their index. From its start to its end an attempt is known by its slot set.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from launcher.devices.device import Device, visible_devices
from launcher.devices.slots import Slot


@dataclass(frozen=True)
class SlotSet:
    """One slot or more, each on a device of its own. Its text is what a person reads: `GPU 3, 4`, `GPU 3 (1/2)`."""

    slots: tuple[Slot, ...]

    def __post_init__(self) -> None:
        assert self.slots, "an attempt needs a slot"

    def __str__(self) -> str:
        return str(self.slots[0]) if len(self.slots) == 1 else self.device

    def __len__(self) -> int:
        return len(self.slots)

    def __iter__(self) -> Iterator[Slot]:
        return iter(self.slots)

    @classmethod
    def of(cls, slots: Sequence[Slot], indices: Sequence[int]) -> SlotSet:
        """Return the slots of a launch that have these indices."""
        return cls(tuple(slots[index] for index in indices))

    @property
    def indices(self) -> tuple[int, ...]:
        """The index of each slot."""
        return tuple(slot.index for slot in self.slots)

    @property
    def devices(self) -> tuple[Device, ...]:
        """The device of each slot."""
        return tuple(slot.device for slot in self.slots)

    @property
    def device(self) -> str:
        """The devices in a few words, as logs, events and tables have them: `GPU 3`, `GPU 3, 4`, `cpu:0, 1`."""
        first, *others = map(str, self.devices)
        word, mark, _ = first.partition(" " if " " in first else ":")
        return ", ".join([first, *(name.removeprefix(word + mark) for name in others)])

    @property
    def about_devices(self) -> str:
        """The devices with their models and UUIDs, for the header of a log."""
        models = dict.fromkeys(device.name for device in self.devices if device.name)
        uuids = [device.uuid for device in self.devices if device.uuid]
        return " ".join([self.device, *([", ".join(models)] if models else []), *([", ".join(uuids)] if uuids else [])])

    @property
    def kind(self) -> str:
        """What torch calls the devices: "cuda" or "cpu"."""
        return self.slots[0].device.kind

    @property
    def places(self) -> frozenset[str]:
        """Whose memory the processes of the attempt share with others; see `Device.place`."""
        return frozenset(device.place for device in self.devices)

    @property
    def threads(self) -> int:
        """The CPU threads of each process of the attempt."""
        return self.slots[0].threads

    def environment(self) -> dict[str, str]:
        """Return the environment variables that show a worker these devices only, as its devices 0, 1, …"""
        return visible_devices(self.devices)
