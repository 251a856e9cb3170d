"""Reads the sensors of GPUs every few seconds: utilisation, memory, temperature and power, from NVML.

`executors.telemetry` writes the readings into the samples of the experiments.
"""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

_CLOSE_LIMIT_S = 1.0


@dataclass(frozen=True)
class SensorReading:
    """The sensors of a device at one moment. None: the driver does not tell; of a MIG instance it tells memory only."""

    at_s: float  # by time.monotonic
    percent: float | None  # share of the driver's last sampling period in which the GPU did anything
    memory_bytes: int | None  # in use on the card, by anybody
    temperature_c: float | None
    power_w: float | None
    processes: Mapping[int, int] = field(default_factory=dict)  # pid → bytes, of those for which the driver tells it


def together(readings: Sequence[SensorReading], num: int) -> SensorReading | None:
    """Return one reading for an attempt on `num` devices; None if the reading of one of them is missing.

    Memory and power are summed, use is averaged, and the temperature is that of the warmest. A value that one device
    does not tell is not known of all.
    """
    if not readings or len(readings) < num:
        return None
    if num == 1:
        return readings[0]
    percent = _known([each.percent for each in readings])
    memory = _known([each.memory_bytes for each in readings])
    warmth, power = _known([each.temperature_c for each in readings]), _known([each.power_w for each in readings])
    return SensorReading(
        min(each.at_s for each in readings),
        round(sum(percent) / num, 1) if percent else None,
        int(sum(memory)) if memory else None,
        max(warmth) if warmth else None,
        sum(power) if power else None,
    )


def _known(values: Sequence[float | None]) -> list[float]:
    known = [value for value in values if value is not None]
    return known if len(known) == len(values) else []


class Sensors:
    """Reads the sensors of some devices every few seconds, in one NVML session that stays open.

    It reads on a thread of its own. A reading takes milliseconds a card, but a card that fell off the bus can hold a
    call to the driver for minutes, and the event loop must not wait for that.
    """

    def __init__(self, every_s: float) -> None:
        """Make it; it starts when there is a device to read. `every_s`: seconds between two readings."""
        self.readings: dict[str, SensorReading] = {}  # the newest, by UUID; always replaced as a whole
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
        """End the session. If a call to the driver hangs, its thread stays, but does not keep the process alive."""
        self._is_over.set()
        if self._thread.ident is not None:
            self._thread.join(_CLOSE_LIMIT_S)

    def _run(self) -> None:
        signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())  # signals are for the main thread
        import pynvml

        try:
            pynvml.nvmlInit()
        except pynvml.NVMLError:
            return
        handles: dict[str, Any] = {}
        while True:
            found = {uuid: _read(pynvml, handles, uuid) for uuid in self._uuids}
            self.readings = {uuid: reading for uuid, reading in found.items() if reading is not None}
            if self._is_over.wait(self._every_s):
                break
        pynvml.nvmlShutdown()


def _read(nvml: Any, handles: dict[str, Any], uuid: str) -> SensorReading | None:
    """Return the reading of a device; None if no sensor answers. Then the device is looked up anew the next time."""
    if uuid not in handles and (handle := _answer(nvml, nvml.nvmlDeviceGetHandleByUUID, uuid)) is not None:
        handles[uuid] = handle
    if uuid not in handles:
        return None
    handle = handles[uuid]
    rates = _answer(nvml, nvml.nvmlDeviceGetUtilizationRates, handle)
    memory = _answer(nvml, nvml.nvmlDeviceGetMemoryInfo, handle)
    temperature = _answer(nvml, nvml.nvmlDeviceGetTemperature, handle, nvml.NVML_TEMPERATURE_GPU)
    power_mw = _answer(nvml, nvml.nvmlDeviceGetPowerUsage, handle)
    running = _answer(nvml, nvml.nvmlDeviceGetComputeRunningProcesses, handle)
    if rates is memory is temperature is power_mw is None:
        del handles[uuid]
        return None
    return SensorReading(
        time.monotonic(),
        None if rates is None else float(rates.gpu),
        None if memory is None else int(memory.used),
        None if temperature is None else float(temperature),
        None if power_mw is None else power_mw / 1000,
        {process.pid: process.usedGpuMemory for process in running or () if process.usedGpuMemory},
    )


def _answer(nvml: Any, ask: Callable[..., Any], *arguments: Any) -> Any:
    """Return NVML's answer; None if it has none: not supported, not permitted, an older driver, or the card is lost."""
    try:
        return ask(*arguments)
    except nvml.NVMLError:
        return None
