"""The card that the checks run on: its name and memory by the driver, or a substitute in a dry run."""

from __future__ import annotations

import time
from dataclasses import dataclass

from launcher.devices.nvml import find_gpus

DRY_BYTES = 8 * 2**30  # the memory of the substitute
FREE_WITHIN_S = 10.0
SAME_BYTES = 64 * 2**20  # the driver's own share of the memory may change by so much


@dataclass(frozen=True)
class Card:
    """A device: a real card, a CPU behind the stub driver of the tests, or a CPU without any driver."""

    name: str
    uuid: str  # empty in a dry run
    total_bytes: int
    id: str = "cpu"  # for --devices
    is_real: bool = False

    @property
    def has_driver(self) -> bool:
        """Whether a driver answers for the card: its own, or the stub."""
        return bool(self.uuid)

    @property
    def torch_device(self) -> str:
        """The name of the device in torch."""
        return "cuda" if self.is_real else "cpu"

    def used_bytes(self) -> int:
        """Return how many bytes of the card's memory are in use, by the driver."""
        return next(gpu.used_bytes for gpu in find_gpus() if gpu.uuid == self.uuid)

    def pids(self) -> set[int]:
        """Return the pids of the processes that compute on the card, by the driver."""
        return set(next(gpu.pids for gpu in find_gpus() if gpu.uuid == self.uuid))

    def wait_until_free(self, before_bytes: int) -> float | None:
        """Return the seconds until the card is as empty as before, or None if it stays fuller."""
        began_s = time.monotonic()
        while time.monotonic() - began_s < FREE_WITHIN_S:
            if self.used_bytes() <= before_bytes + SAME_BYTES:
                return time.monotonic() - began_s
            time.sleep(0.05)
        return None


def find_card(*, is_stub: bool = False) -> Card | None:
    """Return the first idle card, else the first card, or None if the driver knows no card."""
    found = find_gpus()
    if not found:
        return None
    gpu = next((gpu for gpu in found if gpu.is_idle), found[0])
    return Card(gpu.name, gpu.uuid, gpu.memory_bytes, gpu.id, is_real=not is_stub)


def dry_card() -> Card:
    """Return the substitute for a card in a dry run."""
    return Card("no card: a dry run on the CPU", "", DRY_BYTES)
