"""Lists the NVIDIA GPUs of this machine by NVML, the driver's management library.

Unlike torch, NVML makes no CUDA context, which would take memory on each card.
"""

from __future__ import annotations

import contextlib
import ctypes
import signal
import threading
from dataclasses import dataclass
from typing import Any

_SIGNAL_S = 0.1  # within this time the main thread handles a signal while it waits for the driver
_IDLE_MEMORY_SHARE = 0.05  # a GPU with no process on it and no more of its memory in use is idle


@dataclass(frozen=True)
class Gpu:
    """A card or a MIG instance, as NVML describes it."""

    id: str  # the number nvidia-smi shows; for a MIG instance its UUID
    uuid: str
    name: str
    memory_bytes: int
    used_bytes: int
    pids: tuple[int, ...] = ()

    @property
    def is_idle(self) -> bool:
        """No process computes on it, and hardly any of its memory is in use."""
        return not self.pids and self.used_bytes <= _IDLE_MEMORY_SHARE * self.memory_bytes

    def __str__(self) -> str:
        holders = f", processes {', '.join(map(str, self.pids))}" if self.pids else ""
        return (
            f"GPU {self.id} {self.name}, {self.used_bytes / 2**30:.1f} of {self.memory_bytes / 2**30:.1f} GiB{holders}"
        )


def find_gpus() -> list[Gpu]:
    """Return the NVIDIA GPUs in PCI bus order; none without a driver. A card with MIG stands as its instances."""
    try:
        ctypes.CDLL("libnvidia-ml.so.1")
    except OSError:
        return []  # no driver: this test takes no import of pynvml
    found: list[Gpu] = []
    # On a thread, because a driver in trouble can hold a call for minutes, and Ctrl-C would have no effect meanwhile.
    thread = threading.Thread(target=lambda: found.extend(_list()), name="nvml-list", daemon=True)
    thread.start()
    while thread.is_alive():
        thread.join(_SIGNAL_S)
    return found


def _list() -> list[Gpu]:
    signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())  # signals are for the main thread
    import pynvml

    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError:
        return []
    try:
        found: list[Gpu] = []
        for index in range(pynvml.nvmlDeviceGetCount()):
            with contextlib.suppress(pynvml.NVMLError):  # a card that is lost or needs a reset cannot be used
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
    except nvml.NVMLError:  # a card without MIG
        return []
    instances = []
    for index in range(count):
        try:
            instances.append(nvml.nvmlDeviceGetMigDeviceHandleByIndex(card, index))
        except nvml.NVMLError:  # an empty place
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
