"""Asks NVML about one device while a launch runs: its memory, who is on it, and whether it is still there.

`nvml` lists the devices once, before anything starts; this keeps the driver library open for the short questions
between two starts. Called by `cards`.
"""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

ANSWER_S = 1.0  # a question takes a millisecond; a driver in trouble can hold a call for minutes


class DeviceLost(Exception):
    """The device does not answer any more: it fell off the bus, needs a reset, or its driver is gone."""


class DriverSilent(Exception):
    """The driver was asked and has not answered yet."""


@dataclass(frozen=True)
class Answer:
    """What the driver says about a device at one moment."""

    total_bytes: int
    free_bytes: int
    processes: Mapping[int, int | None] = field(default_factory=dict)  # pid → bytes, None where it does not tell


class Probe:
    """Questions to the driver, each on a thread of its own, which the event loop does not wait for without end."""

    def __init__(self) -> None:
        self._nvml: Any = None
        self._unanswered: dict[str, threading.Thread] = {}  # by device

    def ask(self, uuid: str) -> Answer | None:
        """Return the memory and processes of a device, or None where nobody can tell.

        Raises:
            DeviceLost: the device is gone.
            DriverSilent: there is no answer within ANSWER_S, or to an earlier question yet.
        """
        if (earlier := self._unanswered.get(uuid)) is not None and earlier.is_alive():
            raise DriverSilent
        answers: list[Answer | DeviceLost | None] = []
        thread = threading.Thread(target=self._put, args=(uuid, answers), name="nvml-probe", daemon=True)
        thread.start()
        thread.join(ANSWER_S)
        if not answers and not thread.is_alive():  # it broke: nobody can tell
            return None
        if not answers:
            self._unanswered[uuid] = thread
            raise DriverSilent
        if isinstance(answers[0], DeviceLost):
            raise answers[0]
        return answers[0]

    def _put(self, uuid: str, answers: list[Answer | DeviceLost | None]) -> None:
        signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())  # they are the main thread's
        try:
            answers.append(self._measure(uuid))
        except DeviceLost as lost:
            answers.append(lost)

    def _measure(self, uuid: str) -> Answer | None:
        nvml = self._open()
        if nvml is None:
            return None
        try:
            handle = nvml.nvmlDeviceGetHandleByUUID(uuid)
            memory = nvml.nvmlDeviceGetMemoryInfo(handle)
        except nvml.NVMLError as error:
            # A card that fell off the bus is reported in each of these ways, by driver and call.
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
            processes = {one.pid: one.usedGpuMemory for one in nvml.nvmlDeviceGetComputeRunningProcesses(handle)}
        return Answer(int(memory.total), int(memory.free), processes)

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
        """Release the driver library, unless it still holds a question."""
        if self._nvml is not None and not any(thread.is_alive() for thread in self._unanswered.values()):
            with contextlib.suppress(self._nvml.NVMLError):
                self._nvml.nvmlShutdown()
            self._nvml = None


def owner(pid: int) -> int | None:
    """Return the user id a process runs as; None if it cannot be seen from here."""
    try:
        return os.stat(f"/proc/{pid}").st_uid
    except OSError:
        return None
