"""Turns devices into slots, the places where an attempt runs, and shares out the CPU cores among them."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass

from launcher.devices import Device


@dataclass(frozen=True)
class Slot:
    """One place to run: a device and the CPU threads an attempt on it may use."""

    index: int
    device: Device
    threads: int


def num_cores() -> int:
    """Return how many cores this process may use (its affinity, not the machine's count)."""
    return len(os.sched_getaffinity(0))


def make_slots(devices: Sequence[Device], *, parallel: bool, threads: int | None, cores: int) -> list[Slot]:
    """Make one slot a device. Cores are shared evenly among the slots that can be busy at once, one thread at least.

    `threads`, where given, is used as it is: numbers on a CPU are the same bit for bit only for the same count.
    """
    at_once = len(devices) if parallel else 1
    share = threads or max(1, cores // at_once)
    return [Slot(index, device, share) for index, device in enumerate(devices)]
