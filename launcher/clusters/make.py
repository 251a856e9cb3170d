"""Makes the cluster that a launch names. A new cluster is one new file, and a line here."""

from __future__ import annotations

from pathlib import Path

from launcher.clusters.base import Cluster
from launcher.clusters.settings import ClusterSettings
from launcher.errors import InputError


def make_cluster(name: str, settings: ClusterSettings, outcome: Path, grace_s: float, can_resume: bool) -> Cluster:
    """Return a cluster for one outcome folder.

    Args:
        name: "slurm" or "ray".
        settings: the [cluster] table, with `gpus` and `cpus` as an experiment gets them.
        outcome: the outcome folder; other machines must see it by the same path.
        grace_s: that a worker has for saving when it is asked to end.
        can_resume: whether an experiment can go on from a checkpoint.

    Raises:
        InputError: a key of the table has no meaning on this cluster.
    """
    if name == "slurm":
        from launcher.clusters.slurm import SlurmCluster

        successors = settings.seconds is not None or can_resume  # a partition has a limit of its own
        return SlurmCluster(settings, outcome, grace_s=grace_s, requeue=can_resume, submits_successor=successors)
    if name == "ray":
        from launcher.clusters.ray import RayCluster

        return RayCluster(settings, outcome)
    raise InputError(f"--on {name}: there is no such cluster.")
