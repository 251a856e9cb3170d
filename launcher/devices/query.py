"""Asks the driver about one device while a launch runs: its memory, its processes, and whether it is still there.

`nvml` lists all devices once, before anything starts. This module keeps the driver library open for the short questions
between two starts. `executors.device_guard` asks them.
"""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

ANSWER_S = 1.0  # an answer takes a millisecond, but a driver in trouble can hold a call for minutes


class DeviceLost(Exception):
    """The device does not answer any more: it fell off the bus, needs a reset, or its driver is gone."""


class DriverSilent(Exception):
    """The driver was asked and has not answered yet."""


@dataclass(frozen=True)
class DeviceMemory:
    """Memory and processes of a device at one moment, as the driver tells."""

    total_bytes: int
    free_bytes: int
    processes: Mapping[int, int | None] = field(default_factory=dict)  # pid → bytes; None: the driver does not tell


class DriverQuery:
    """Questions to the driver. Each is asked on a thread of its own, for which the caller waits ANSWER_S at most."""

    def __init__(self) -> None:
        self._nvml: Any = None
        self._unanswered: dict[str, threading.Thread] = {}  # by UUID of the device

    def ask(self, uuid: str) -> DeviceMemory | None:
        """Return the memory and processes of a device; None if the driver cannot tell.

        Raises:
            DeviceLost: the device is gone.
            DriverSilent: the answer takes longer than ANSWER_S, or an earlier question is not answered yet.
        """
        if (earlier := self._unanswered.get(uuid)) is not None and earlier.is_alive():
            raise DriverSilent
        answers: list[DeviceMemory | DeviceLost | None] = []
        thread = threading.Thread(target=self._measure_into, args=(uuid, answers), name="nvml-query", daemon=True)
        thread.start()
        thread.join(ANSWER_S)
        if not answers and not thread.is_alive():  # the question failed in a way of its own, such as without pynvml
            return None
        if not answers:
            self._unanswered[uuid] = thread
            raise DriverSilent
        if isinstance(answers[0], DeviceLost):
            raise answers[0]
        return answers[0]

    def _measure_into(self, uuid: str, answers: list[DeviceMemory | DeviceLost | None]) -> None:
        signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())  # signals are for the main thread
        try:
            answers.append(self._measure(uuid))
        except DeviceLost as lost:
            answers.append(lost)

    def _measure(self, uuid: str) -> DeviceMemory | None:
        nvml = self._open()
        if nvml is None:
            return None
        try:
            handle = nvml.nvmlDeviceGetHandleByUUID(uuid)
            memory = nvml.nvmlDeviceGetMemoryInfo(handle)
        except nvml.NVMLError as error:
            # Depending on driver and call, a card that fell off the bus is reported by any of these.
            if error.value in (
                nvml.NVML_ERROR_GPU_IS_LOST,
                nvml.NVML_ERROR_NOT_FOUND,
                nvml.NVML_ERROR_RESET_REQUIRED,
                nvml.NVML_ERROR_UNKNOWN,
            ):
                raise DeviceLost(str(error)) from error
            return None
        processes: dict[int, int | None] = {}
        with contextlib.suppress(nvml.NVMLError):  # not permitted in some containers
            running = nvml.nvmlDeviceGetComputeRunningProcesses(handle)
            processes = {process.pid: process.usedGpuMemory for process in running}
        return DeviceMemory(int(memory.total), int(memory.free), processes)

    def _open(self) -> Any:
        if self._nvml is None:
            import pynvml  # 50 ms, and only a launch on a GPU needs it

            try:
                pynvml.nvmlInit()
            except pynvml.NVMLError:
                return None
            self._nvml = pynvml
        return self._nvml

    def close(self) -> None:
        """Release the driver library, unless a question is still unanswered."""
        if self._nvml is not None and not any(thread.is_alive() for thread in self._unanswered.values()):
            with contextlib.suppress(self._nvml.NVMLError):
                self._nvml.nvmlShutdown()
            self._nvml = None


def owner_uid(pid: int) -> int | None:
    """Return the id of the user that a process runs as; None if the process cannot be seen from here."""
    try:
        return os.stat(f"/proc/{pid}").st_uid
    except OSError:
        return None
