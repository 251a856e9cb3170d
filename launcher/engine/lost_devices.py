"""The devices that a launch uses no more: lost, set aside, or without an executor that starts workers."""

from __future__ import annotations

import re
from collections.abc import Sequence

from launcher.devices.device import Device
from launcher.devices.slot_set import SlotSet
from launcher.engine.classify_ending import Ending
from launcher.engine.console import Console
from launcher.engine.listener import AttemptEnd, LogEvent
from launcher.engine.messages import SlotsLost
from launcher.errors import LauncherError
from launcher.executors.base import Executor, SlotsGone
from launcher.store.events import DeviceLost, SetAside
from launcher.text import plural
from launcher.worker.ranks import failed_rank

# Words in errors whose cause may be a GPU, its driver or its libraries.
_ABOUT_GPUS = re.compile(
    r"CUDA|\bcu(DNN|BLAS|FFT|SOLVER|SPARSE|RAND)|NCCL|NVML|nvidia|\bHIP\b|ROCm|MIOpen|\bGPU\b", re.I
)


class LostDevices:
    """Tells of devices that are lost or set aside, and knows them afterwards."""

    def __init__(self, executor: Executor, console: Console, log_event: LogEvent, needed: int = 1) -> None:
        """Make it. `needed`: how many devices an experiment needs."""
        self._executor = executor
        self._console = console
        self._log_event = log_event
        self._needed = needed
        self._places: set[str] = set()  # see Device.place
        self.can_start = True  # the executor makes workers, now or in a moment

    def __contains__(self, device: Device) -> bool:
        return device.place in self._places

    def lose(self, gone: SlotsGone) -> SlotsLost:
        """Take in that a device is gone; return the event for the scheduler."""
        places = {slot.device.place for slot in self._executor.slots}
        self._places.add(self._executor.slots[gone.slots[0]].device.place)
        self._log_event(DeviceLost("", gone.device, gone.uuid, gone.why))
        if num_left := len(places - self._places):
            few = f"{plural(num_left, 'device')} left, and an experiment needs {self._needed}: nothing more can start."
            left = "What is left goes elsewhere." if num_left >= self._needed else few
        else:
            left = "It was the last: nothing can start."
        self._console.message(f"{gone.device} is lost and set aside: {gone.why}. {left}")
        return SlotsLost(gone.slots)

    def check(self, end: AttemptEnd) -> list[SlotsLost]:
        """Look whether a device of an attempt that has failed is gone; return the events for the scheduler.

        An error that says that a card is broken means the card of the process that raised the error.
        """
        if not end.ending.kind.is_failure:
            return []
        why, rank = end.ending.why, failed_rank(end.ending.why)
        found = [
            self._executor.check_device(slot.index, why if rank in (None, number) else "")
            for number, slot in enumerate(end.slots)
        ]
        return [self._lose_after(end, gone) for gone in found if gone is not None]

    def _lose_after(self, end: AttemptEnd, gone: SlotsGone) -> SlotsLost:
        why = gone.why if gone.why != end.ending.why else f"{end.name} failed with: {gone.why}"
        return self.lose(SlotsGone(gone.slots, gone.device, gone.uuid, why))

    def set_aside(self, slots: Sequence[int], first: str, second: str) -> None:
        """Use the devices of these slots no more, because two experiments have failed there within a second each."""
        aside = SlotSet.of(self._executor.slots, slots)
        for slot in aside:
            self._executor.set_aside(slot.index)
            if slot.device.uuid:
                self._places.add(slot.device.place)
            self._log_event(SetAside("", str(slot.device), [first, second]))
        are, it = ("is set aside", "it") if len(aside) == 1 else ("are set aside", "them")
        self._console.message(
            f"{aside.device} {are}: {first} and {second} both failed on {it} at once. What is left goes elsewhere, and "
            "what failed is tried once more there."
        )

    def cannot_start(self, error: LauncherError) -> SlotsLost:
        """Take in that the executor makes no workers any more; what runs goes on. Return the event for the scheduler.

        The error is told once.
        """
        if self.can_start:
            self.can_start = False
            self._console.message(str(error), "failure")
        return SlotsLost(tuple(slot.index for slot in self._executor.slots))


def may_be_device(ending: Ending, kind: str) -> bool:
    """Return whether a device of this kind may be the cause of a failure.

    It may be if a process died on a GPU, or if its error speaks of GPUs. It never is for a CPU slot, because the next
    CPU slot is no better, nor for an error of plain Python, because that error would be the same on any device.
    """
    return kind == "cuda" and (not ending.is_raised or bool(_ABOUT_GPUS.search(ending.why)))
