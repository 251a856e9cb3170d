"""What a person says about one launch, beside the job file: once, from the command line or Python to the launch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from launcher.devices.cpu_quota import num_cores
from launcher.devices.device import Device
from launcher.devices.nvml import Gpu
from launcher.devices.selection import DeviceSelection, select_devices
from launcher.devices.slots import Slot, make_slots
from launcher.executors.base import StartMethod

if TYPE_CHECKING:
    from launcher.planning.job import SweepSettings

Devices = str | int | Sequence[int | str] | None


@dataclass(frozen=True)
class LaunchOptions:
    """How to launch a sweep.

    devices: "cpu", ids ("1,2" or a list of them), or None for all idle GPUs, else CPU slots.
    parallel: one experiment a slot, all slots at once; None asks the job file.
    fresh: everything is trained again.
    wait: a folder or named device in use is waited for, instead of an error.
    start_method: how workers are made.
    """

    devices: Devices = None
    parallel: bool | None = None
    fresh: bool = False
    wait: bool = False
    start_method: StartMethod = "forkserver"

    def is_parallel(self, settings: SweepSettings) -> bool:
        """Whether experiments run side by side."""
        return settings.parallel if self.parallel is None else self.parallel

    def choose(self, settings: SweepSettings, existing: Sequence[Gpu] | None = None) -> DeviceSelection:
        """Return the devices to use, of `existing` GPUs or of those that NVML names.

        Raises:
            InputError: an id is malformed, repeated or unknown.
            NoDeviceError: no GPU is idle.
        """
        per_device = settings.slots_per_device if self.is_parallel(settings) else 1
        return select_devices(self.devices, per_device, existing)

    def slots(self, devices: Sequence[Device], settings: SweepSettings) -> list[Slot]:
        """Return the places to run on these devices."""
        return make_slots(
            devices,
            parallel=self.is_parallel(settings),
            threads=settings.threads,
            cores=num_cores(),
            per_device=settings.slots_per_device,
        )
