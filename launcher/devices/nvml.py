"""Which NVIDIA devices this machine has and what their sensors say, asked of NVML, which makes no CUDA context.

Never torch.
"""

from __future__ import annotations

import contextlib
import ctypes
import signal
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

_CLOSE_LIMIT_S = 1.0
_SIGNAL_S = 0.1  # until a signal is noticed that another thread was sent
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
    try:
        ctypes.CDLL("libnvidia-ml.so.1")
    except OSError:
        return []  # no driver: that much is known without importing its bindings
    found: list[Gpu] = []
    # A driver in trouble can hold a call for minutes, and a signal would wait with it.
    thread = threading.Thread(target=lambda: found.extend(_list()), name="nvml-list", daemon=True)
    thread.start()
    while thread.is_alive():
        thread.join(_SIGNAL_S)
    return found


def _list() -> list[Gpu]:
    signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())  # they are the main thread's
    import pynvml

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


@dataclass(frozen=True)
class Reading:
    """What the sensors of a device say; None where the driver does not know, as of a MIG instance all but memory."""

    at_s: float  # by time.monotonic
    percent: float | None  # of the time since the driver's last look in which the GPU did anything
    memory_bytes: int | None  # in use on the card, by whomever
    temperature_c: float | None
    power_w: float | None


class Sensors:
    """Reads the sensors of some devices every few seconds, in one NVML session that stays open.

    On a thread of its own: a reading takes milliseconds a card, but one that falls off the bus can hold a call to the
    driver for minutes, and the event loop must not wait with it.
    """

    def __init__(self, every_s: float) -> None:
        self.readings: dict[str, Reading] = {}  # the newest, by UUID; replaced whole
        self._every_s = every_s
        self._uuids: frozenset[str] = frozenset()
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="nvml-sensors", daemon=True)

    def watch(self, uuids: frozenset[str]) -> None:
        """Read these devices from now on, and no others."""
        self._uuids = uuids
        if uuids and self._thread.ident is None:
            self._thread.start()

    def close(self) -> None:
        """End the session. A call that hangs is left to hang: the thread does not keep the process alive."""
        self._is_over.set()
        if self._thread.ident is not None:
            self._thread.join(_CLOSE_LIMIT_S)

    def _run(self) -> None:
        signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())  # they are the main thread's
        import pynvml

        try:
            pynvml.nvmlInit()
        except pynvml.NVMLError:
            return
        handles: dict[str, Any] = {}
        while True:
            self.readings = {uuid: one for uuid in self._uuids if (one := _read(pynvml, handles, uuid)) is not None}
            if self._is_over.wait(self._every_s):
                break
        pynvml.nvmlShutdown()


def _read(nvml: Any, handles: dict[str, Any], uuid: str) -> Reading | None:
    """Return what is known of a device now, None if nothing is; then it is looked for again the next time."""
    if uuid not in handles and (handle := _known(nvml, nvml.nvmlDeviceGetHandleByUUID, uuid)) is not None:
        handles[uuid] = handle
    if uuid not in handles:
        return None
    handle = handles[uuid]
    rates = _known(nvml, nvml.nvmlDeviceGetUtilizationRates, handle)
    memory = _known(nvml, nvml.nvmlDeviceGetMemoryInfo, handle)
    temperature = _known(nvml, nvml.nvmlDeviceGetTemperature, handle, nvml.NVML_TEMPERATURE_GPU)
    power_mw = _known(nvml, nvml.nvmlDeviceGetPowerUsage, handle)
    if rates is memory is temperature is power_mw is None:
        del handles[uuid]
        return None
    return Reading(
        time.monotonic(),
        None if rates is None else float(rates.gpu),
        None if memory is None else int(memory.used),
        None if temperature is None else float(temperature),
        None if power_mw is None else power_mw / 1000,
    )


def _known(nvml: Any, ask: Callable[..., Any], *arguments: Any) -> Any:
    """Return an answer of NVML, or None: not supported, not permitted, a driver without the function, the card lost."""
    try:
        return ask(*arguments)
    except nvml.NVMLError:
        return None
