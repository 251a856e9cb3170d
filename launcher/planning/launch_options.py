"""The options of one launch that are not in the job file: one object, from the command line or Python to the launch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from launcher.errors import InputError
from launcher.text import did_you_mean, inline

if TYPE_CHECKING:  # `--help` needs the fields alone
    from launcher.devices.device import Device
    from launcher.devices.nvml import Gpu
    from launcher.devices.selection import DeviceSelection
    from launcher.devices.slots import Slot
    from launcher.executors.base import StartMethod
    from launcher.planning.job import Sweep, SweepSettings

HERE = "here"
CLUSTERS = ("slurm", "ray")
Devices = str | int | Sequence[int | str] | None


@dataclass(frozen=True, kw_only=True)
class LaunchOptions:
    """How to launch a sweep.

    devices: "cpu", or ids as "1,2" or as a list. None: all idle GPUs, or CPU slots if there is no GPU.
    parallel: whether all slots run an experiment at the same time. None: as the job file says.
    fresh: whether everything is trained again from its beginning.
    wait: whether to wait for a folder or a named device that is in use. Otherwise that is an error.
    start_method: how worker processes are made.
    on: the cluster on which the workers run, "slurm" or "ray"; "here": this machine. None: as the job file says.
    leave: whether to end as soon as the cluster has everything.
    ask: whether a plan asks the cluster what it would give.
    """

    devices: Devices = None
    parallel: bool | None = None
    fresh: bool = False
    wait: bool = False
    start_method: StartMethod = "forkserver"
    on: str | None = None
    leave: bool = False
    ask: bool = False

    def cluster(self, sweep: Sweep) -> str:
        """Return the name of the cluster on which the workers run; empty: this machine.

        Raises:
            InputError: there is no such cluster, or an option has no meaning there.
        """
        named = sweep.cluster.on if self.on is None else self.on
        name = "" if named == HERE else named
        if name and name not in CLUSTERS:
            raise InputError(
                f"--on {inline(name, 50)}: there is {', '.join((*CLUSTERS, HERE))}.{did_you_mean(name, CLUSTERS)}"
            )
        wrong = [
            option for option, value in (("--devices", self.devices), ("--sequential", self.parallel is False)) if value
        ]
        if name and wrong:
            raise InputError(f"--on {name}: {wrong[0]} is for this machine; the cluster decides where and when.")
        if self.ask and not name:
            raise InputError("--ask is for a cluster. See --on.")
        if self.leave and not name:
            raise InputError("--leave is for a cluster: on this machine the workers end with the launcher. See --on.")
        return name

    def is_parallel(self, settings: SweepSettings) -> bool:
        """Return whether experiments run side by side."""
        return settings.parallel if self.parallel is None else self.parallel

    def choose(self, settings: SweepSettings, existing: Sequence[Gpu] | None = None) -> DeviceSelection:
        """Return the devices to use, of the `existing` GPUs. None: of those that NVML lists.

        Raises:
            InputError: an id is malformed, repeated or unknown, or an experiment needs more devices than there are.
            NoDeviceError: no GPU is idle.
        """
        from launcher.devices.selection import check_number, select_devices

        per_device = settings.slots_per_device if self.is_parallel(settings) else 1
        found = select_devices(self.devices, per_device, existing)
        check_number(found, settings.gpus, is_named=bool(self.devices))
        return found

    def slots(self, devices: Sequence[Device], settings: SweepSettings) -> list[Slot]:
        """Return the slots of these devices: the places in which workers run."""
        from launcher.devices.cpu_quota import num_cores
        from launcher.devices.slots import make_slots

        return make_slots(
            devices,
            parallel=self.is_parallel(settings),
            threads=settings.threads,
            cores=num_cores(),
            per_device=settings.slots_per_device,
            per_experiment=settings.gpus,
        )
