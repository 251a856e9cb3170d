"""What an experiment gets on a cluster: its GPUs and cores, and a slot, as the cluster decides where it runs."""

from __future__ import annotations

from dataclasses import replace

from launcher.clusters.settings import ClusterSettings
from launcher.devices.device import Device
from launcher.devices.slots import Slot
from launcher.planning.job import Sweep

MANY, MANY_CHECKPOINT_S = 50, 600.0


class ClusterDevice(Device):
    """The place of an attempt on a cluster. Its text is the cluster's name: which node and GPU, the cluster decides."""

    def __str__(self) -> str:
        return self.id


def needs(sweep: Sweep) -> ClusterSettings:
    """Return the [cluster] table with the GPUs and the cores that an experiment gets."""
    settings, table = sweep.settings, sweep.cluster
    gpus = table.gpus if table.gpus is not None else settings.gpus
    return replace(table, gpus=gpus, cpus=table.cpus or settings.gpus * (settings.threads or 1))


def can_resume(sweep: Sweep) -> bool:
    """Return whether an experiment can go on from a checkpoint: a target can, and a script whose job file says how."""
    return not sweep.settings.command or bool(sweep.settings.resume.glob)


def checkpoint_s(sweep: Sweep, num: int) -> float:
    """Return the seconds between checkpoints of `num` experiments at once.

    Where more than 50 run, a minute would mean a gigabyte a second to the shared folder for models of 50 MB. So the
    default is ten minutes there; what the job file says holds in any case.
    """
    is_said = "checkpoint_s" in sweep.written.get("sweep", {})
    at_once = min(num, sweep.cluster.at_once or num)
    is_many = at_once > MANY and not is_said
    return max(sweep.settings.checkpoint_s, MANY_CHECKPOINT_S) if is_many else sweep.settings.checkpoint_s


def cluster_slots(sweep: Sweep, cluster: str, num: int) -> list[Slot]:
    """Return a slot for each of `num` experiments: all are handed over at once, and wait there."""
    table = needs(sweep)
    device = ClusterDevice("cuda" if table.gpus else "cpu", cluster)
    threads = sweep.settings.threads or sweep.cluster.cpus or 1
    return [Slot(index, device, threads) for index in range(max(1, num))]
