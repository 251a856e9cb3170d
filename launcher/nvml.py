"""Which NVIDIA devices this machine has, asked of NVML, which makes no CUDA context. Never torch."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import Any

_IDLE_MEMORY_SHARE = 0.05  # a GPU with less of its memory in use, and no process on it, is idle


@dataclass(frozen=True)
class Gpu:
    """What NVML says of a card or MIG instance."""

    id: str  # the number nvidia-smi shows; for a MIG instance its UUID
    uuid: str
    name: str
    memory_bytes: int
    used_bytes: int
    pids: tuple[int, ...] = ()

    @property
    def is_idle(self) -> bool:
        """Nobody computes on it."""
        return not self.pids and self.used_bytes <= _IDLE_MEMORY_SHARE * self.memory_bytes

    def __str__(self) -> str:
        holders = f", processes {', '.join(map(str, self.pids))}" if self.pids else ""
        return (
            f"GPU {self.id} {self.name}, {self.used_bytes / 2**30:.1f} of {self.memory_bytes / 2**30:.1f} GiB{holders}"
        )


def gpus() -> list[Gpu]:
    """Return the NVIDIA devices, in PCI bus order, a card with MIG as its instances; none where there is no driver."""
    import pynvml  # 50 ms, and only a launch needs it

    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError:
        return []
    try:
        found: list[Gpu] = []
        for index in range(pynvml.nvmlDeviceGetCount()):
            with contextlib.suppress(pynvml.NVMLError):  # a card that is lost or needs a reset is none to use
                card = pynvml.nvmlDeviceGetHandleByIndex(index)
                instances = _mig_instances(pynvml, card)
                found += [_gpu(pynvml, instance) for instance in instances] or [_gpu(pynvml, card, str(index))]
        return found
    finally:
        pynvml.nvmlShutdown()


def _mig_instances(nvml: Any, card: Any) -> list[Any]:
    try:
        if nvml.nvmlDeviceGetMigMode(card)[0] != nvml.NVML_DEVICE_MIG_ENABLE:
            return []
        count = nvml.nvmlDeviceGetMaxMigDeviceCount(card)
    except nvml.NVMLError:  # a card that knows no MIG
        return []
    instances = []
    for index in range(count):
        try:
            instances.append(nvml.nvmlDeviceGetMigDeviceHandleByIndex(card, index))
        except nvml.NVMLError:  # a place without an instance
            continue
    return instances


def _gpu(nvml: Any, handle: Any, index: str = "") -> Gpu:
    uuid = str(nvml.nvmlDeviceGetUUID(handle))
    memory = nvml.nvmlDeviceGetMemoryInfo(handle)
    try:
        pids = tuple(sorted(process.pid for process in nvml.nvmlDeviceGetComputeRunningProcesses(handle)))
    except nvml.NVMLError:  # not permitted in some containers
        pids = ()
    return Gpu(index or uuid, uuid, str(nvml.nvmlDeviceGetName(handle)), int(memory.total), int(memory.used), pids)
