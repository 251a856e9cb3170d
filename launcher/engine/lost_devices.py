"""The devices that a launch uses no more: lost, set aside, or without an executor that starts workers."""

from __future__ import annotations

import re

from launcher.devices.device import Device
from launcher.engine.classify_ending import Ending
from launcher.engine.console import Console
from launcher.engine.listener import AttemptEnd, LogEvent
from launcher.engine.messages import SlotsLost
from launcher.errors import LauncherError
from launcher.executors.base import Executor, SlotsGone
from launcher.store.events import DeviceLost, SetAside

# Words in errors whose cause may be a GPU, its driver or its libraries.
_ABOUT_GPUS = re.compile(
    r"CUDA|\bcu(DNN|BLAS|FFT|SOLVER|SPARSE|RAND)|NCCL|NVML|nvidia|\bHIP\b|ROCm|MIOpen|\bGPU\b", re.I
)


class LostDevices:
    """Tells of devices that are lost or set aside, and knows them afterwards."""

    def __init__(self, executor: Executor, console: Console, log_event: LogEvent) -> None:
        self._executor = executor
        self._console = console
        self._log_event = log_event
        self._places: set[str] = set()  # see Device.place
        self.can_start = True  # the executor makes workers, now or in a moment

    def __contains__(self, device: Device) -> bool:
        return device.place in self._places

    def lose(self, gone: SlotsGone) -> SlotsLost:
        """Take in that a device is gone; return the event for the scheduler."""
        places = {slot.device.place for slot in self._executor.slots}
        self._places.add(self._executor.slots[gone.slots[0]].device.place)
        self._log_event(DeviceLost("", gone.device, gone.uuid, gone.why))
        left = "What is left goes elsewhere." if places - self._places else "It was the last: nothing can start."
        self._console.message(f"{gone.device} is lost and set aside: {gone.why}. {left}")
        return SlotsLost(gone.slots)

    def check(self, end: AttemptEnd) -> SlotsLost | None:
        """Look whether the device of an attempt that has failed is gone; return the event for the scheduler if so."""
        if not end.ending.kind.is_failure:
            return None
        gone = self._executor.check_device(end.slot.index, end.ending.why)
        if gone is None:
            return None
        why = gone.why if gone.why != end.ending.why else f"{end.name} failed with: {gone.why}"
        return self.lose(SlotsGone(gone.slots, gone.device, gone.uuid, why))

    def set_aside(self, slot: int, first: str, second: str) -> None:
        """Use the device of a slot no more, because two experiments have failed on it within a second each."""
        device = self._executor.slots[slot].device
        self._executor.set_aside(slot)
        if device.uuid:
            self._places.add(device.place)
        self._log_event(SetAside("", str(device), [first, second]))
        self._console.message(
            f"{device} is set aside: {first} and {second} both failed on it at once. What is left goes elsewhere, and "
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


def may_be_device(ending: Ending, device: Device) -> bool:
    """Return whether the device may be the cause of a failure: a process died on a GPU, or its error speaks of GPUs.

    It never is for a CPU slot, because the next CPU slot is no better, nor for an error of plain Python, because that
    error would be the same on any device.
    """
    return device.kind == "cuda" and (not ending.is_raised or bool(_ABOUT_GPUS.search(ending.why)))
