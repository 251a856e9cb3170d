"""Turns devices into slots, the places where attempts run, and divides the CPU cores among them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from launcher.devices.device import Device


@dataclass(frozen=True)
class Slot:
    """One place to run: a device and the CPU threads an attempt on it may use."""

    index: int
    device: Device
    threads: int
    share: str = ""  # "1/2": the first of two slots on its device

    def __str__(self) -> str:
        return f"{self.device} ({self.share})" if self.share else str(self.device)


def make_slots(
    devices: Sequence[Device],
    *,
    parallel: bool,
    threads: int | None,
    cores: int,
    per_device: int = 1,
    per_experiment: int = 1,
) -> list[Slot]:
    """Return the slots: `per_device` on each GPU, one on each CPU device.

    The `cores` are divided evenly among the slots that can be busy at once, at least one each. `threads` replaces that
    number: results on a CPU are the same bit for bit only for the same number of threads. If experiments run one after
    another (not `parallel`), each device has one slot, and `per_experiment` slots are busy at once. A CPU device stands
    for a core or more and is never shared. The first slots of all devices come before the second ones, so that work
    spreads over the devices.
    """
    rounds = per_device if parallel else 1
    places = [
        (device, f"{number}/{rounds}" if rounds > 1 and device.kind == "cuda" else "")
        for number in range(1, rounds + 1)
        for device in devices
        if number == 1 or device.kind == "cuda"
    ]
    at_once = len(places) if parallel else per_experiment
    num_threads = threads or max(1, cores // at_once)
    return [Slot(index, device, num_threads, share) for index, (device, share) in enumerate(places)]


def device_numbers(slots: Sequence[Slot]) -> list[int]:
    """Return the device of each slot as a number; each CPU slot counts as a device of its own."""
    keys = [slot.device.uuid or f"slot {slot.index}" for slot in slots]
    first: dict[str, int] = {}
    for number, key in enumerate(keys):
        first.setdefault(key, number)
    return [first[key] for key in keys]
