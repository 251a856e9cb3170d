"""Reads the [cluster] table of a job file, and tells what of it does not go with the [sweep] table."""

from __future__ import annotations

from typing import Any

from launcher.clusters.settings import ClusterSettings
from launcher.config.notation import read
from launcher.planning.settings_check import check_settings
from launcher.planning.source_lines import SourceLines


def read_cluster(table: dict[str, Any], num_gpus: int | None, lines: SourceLines) -> tuple[ClusterSettings, list[str]]:
    """Return the settings in the [cluster] table, and what is wrong. `num_gpus`: of [sweep]; None: unknown."""
    if not table:
        return ClusterSettings(), []
    found, problems = check_settings(ClusterSettings, "cluster", read(table), lines)
    if found is None or num_gpus is None:
        return ClusterSettings(), problems
    if num_gpus > 1 and found.gpus not in (None, 0, num_gpus):
        where = lines.where("cluster", "gpus")
        problems.append(
            f"{where}cluster.gpus is {found.gpus:g}, and sweep.gpus says that an experiment trains on {num_gpus}: "
            "leave one of them out."
        )
    if num_gpus > 1 and found.per_job > 1:
        where = lines.where("cluster", "per_job")
        problems.append(f"{where}cluster.per_job and sweep.gpus exclude each other: each has its GPUs for itself.")
    return found, problems
