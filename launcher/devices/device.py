"""One GPU, or one share of the CPU: what an experiment runs on."""

from __future__ import annotations

from dataclasses import dataclass

AMD = "AMD-"  # begins what stands for the UUID of an AMD card, which is known by its number alone


@dataclass(frozen=True)
class Device:
    """A GPU, or a share of the CPU standing in for one."""

    kind: str  # "cuda" or "cpu": what torch calls it
    id: str  # what the user wrote or may write: "3", a UUID, or "cpu"
    uuid: str = ""  # empty for a CPU slot
    name: str = ""
    memory_bytes: int = 0

    def __str__(self) -> str:
        return f"GPU {self.id}" if self.kind == "cuda" else self.id

    def environment(self) -> dict[str, str]:
        """Return the variables by which a worker sees this device alone, as index 0."""
        visible = "" if self.kind == "cpu" else self.id if self.uuid.startswith(AMD) else self.uuid
        return {
            "CUDA_DEVICE_ORDER": "PCI_BUS_ID",  # CUDA's own default is fastest first, which renumbers mixed cards
            "CUDA_VISIBLE_DEVICES": visible,
            # AMD's runtime takes this before the variable above. Not ROCR_VISIBLE_DEVICES as well: that hides devices
            # one layer below and renumbers those left, so that the numbers here would mean others.
            "HIP_VISIBLE_DEVICES": visible,
        }
