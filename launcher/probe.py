"""Asks NVML about one device while a launch runs: its memory, who is on it, and whether it is still there.

`nvml` lists the devices once, before anything starts; this keeps the driver library open for the short questions
between two starts. Called by `cards`.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


class DeviceLost(Exception):
    """The device does not answer any more: it fell off the bus, needs a reset, or its driver is gone."""


@dataclass(frozen=True)
class Answer:
    """What the driver says about a device at one moment."""

    total_bytes: int
    free_bytes: int
    processes: Mapping[int, int | None] = field(default_factory=dict)  # pid → bytes, None where it does not tell


class Probe:
    """Questions to the driver; opened at the first one."""

    def __init__(self) -> None:
        self._nvml: Any = None

    def ask(self, uuid: str) -> Answer | None:
        """Return the memory and processes of a device, or None where nobody can tell.

        Raises:
            DeviceLost: the device is gone.
        """
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
        """Release the driver library."""
        if self._nvml is not None:
            with contextlib.suppress(self._nvml.NVMLError):
                self._nvml.nvmlShutdown()
            self._nvml = None


def owner(pid: int) -> int | None:
    """Return the user id a process runs as; None if it cannot be seen from here."""
    try:
        return os.stat(f"/proc/{pid}").st_uid
    except OSError:
        return None
