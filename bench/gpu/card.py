"""The card that the checks run on, as the driver tells of it; or what stands in for a card in a dry run."""

from __future__ import annotations

import time
from dataclasses import dataclass

from launcher.devices.nvml import find_gpus

DRY_BYTES = 8 * 2**30  # what a dry run claims to have
FREE_WITHIN_S = 10.0
SAME_BYTES = 64 * 2**20  # by so much the driver's own share of a card may move


@dataclass(frozen=True)
class Card:
    """A device, and how much of it is real: a card, the tests' stub with a CPU behind it, or a CPU alone."""

    name: str
    uuid: str  # empty in a dry run
    total_bytes: int
    id: str = "cpu"  # what --devices takes
    is_real: bool = False

    @property
    def has_driver(self) -> bool:
        """A driver answers for the card, its own or the stub."""
        return bool(self.uuid)

    @property
    def torch_device(self) -> str:
        """What torch calls the device."""
        return "cuda" if self.is_real else "cpu"

    def used_bytes(self) -> int:
        """Return how much of the card's memory the driver says is in use."""
        return next(gpu.used_bytes for gpu in find_gpus() if gpu.uuid == self.uuid)

    def pids(self) -> set[int]:
        """Return the processes that the driver says compute on the card."""
        return set(next(gpu.pids for gpu in find_gpus() if gpu.uuid == self.uuid))

    def wait_until_free(self, before_bytes: int) -> float | None:
        """Return the seconds until the card is as empty as before; None where it stays fuller."""
        began_s = time.monotonic()
        while time.monotonic() - began_s < FREE_WITHIN_S:
            if self.used_bytes() <= before_bytes + SAME_BYTES:
                return time.monotonic() - began_s
            time.sleep(0.05)
        return None


def find_card(*, is_stub: bool = False) -> Card | None:
    """Return the first idle card, else the first; None where the driver knows none."""
    found = find_gpus()
    if not found:
        return None
    gpu = next((one for one in found if one.is_idle), found[0])
    return Card(gpu.name, gpu.uuid, gpu.memory_bytes, gpu.id, is_real=not is_stub)


def dry_card() -> Card:
    """Return what stands in for a card where there is none."""
    return Card("no card: a dry run on the CPU", "", DRY_BYTES)
