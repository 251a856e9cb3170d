"""One GPU, or one share of the CPU, that an experiment runs on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

AMD = "AMD-"  # prefix of the name that stands for the UUID of an AMD card, of which only the number is known


@dataclass(frozen=True)
class Device:
    """A GPU, or a share of the CPU in place of one. Its text is what a person reads: `GPU 3`, `cpu:0`."""

    kind: str  # "cuda" or "cpu": what torch calls it
    id: str  # what the user may write to name it: "3", a UUID, or "cpu"
    uuid: str = ""  # empty for a CPU slot
    name: str = ""
    memory_bytes: int = 0

    def __str__(self) -> str:
        return f"GPU {self.id}" if self.kind == "cuda" else self.id

    @property
    def place(self) -> str:
        """Whose memory the workers on this device share: the card's UUID, or for a CPU slot "cpu", the machine's."""
        return self.uuid or self.kind

    @property
    def visible_name(self) -> str:
        """The name of the device for CUDA; empty for a CPU slot."""
        if self.kind == "cpu":
            return ""
        return self.id if self.uuid.startswith(AMD) else self.uuid


def visible_devices(devices: Sequence[Device]) -> dict[str, str]:
    """Return the environment variables that show a worker these devices only, as its devices 0, 1, …"""
    visible = ",".join(filter(None, (device.visible_name for device in devices)))
    return {
        "CUDA_DEVICE_ORDER": "PCI_BUS_ID",  # CUDA's default, the fastest first, renumbers cards of mixed models
        "CUDA_VISIBLE_DEVICES": visible,
        # AMD's runtime prefers this variable to the one above. ROCR_VISIBLE_DEVICES is not set as well: it hides
        # devices one layer below and renumbers the rest, so that this number would mean another card.
        "HIP_VISIBLE_DEVICES": visible,
    }
