"""Reads the [cluster] table of a job file, and tells what of it does not go with the [sweep] table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from launcher.clusters.settings import ClusterSettings
from launcher.config import validation
from launcher.config.notation import read
from launcher.planning.source_lines import SourceLines
from launcher.text import inline

if TYPE_CHECKING:
    from launcher.planning.job import SweepSettings

_CLASS = f"{ClusterSettings.__module__}.{ClusterSettings.__qualname__}"  # as messages about a dataclass name it


def read_cluster(
    table: dict[str, Any], settings: SweepSettings | None, lines: SourceLines
) -> tuple[ClusterSettings, list[str]]:
    """Return the settings in the [cluster] table, and what is wrong. `settings`: of [sweep]; None: they are wrong."""
    if not table:
        return ClusterSettings(), []
    found, errors = validation.check(ClusterSettings, read(table))
    problems = []
    for error in errors:
        named = f"cluster.{inline(error.key)} " if error.key else "[cluster] "
        message = error.message.replace(_CLASS, "the [cluster] table")
        problems.append(f"{lines.where('cluster', *error.path)}{named}{message}")
    if found is None or settings is None:
        return ClusterSettings(), problems
    if settings.gpus > 1 and found.gpus not in (None, 0, settings.gpus):
        where = lines.where("cluster", "gpus")
        problems.append(
            f"{where}cluster.gpus is {found.gpus:g}, and sweep.gpus says that an experiment trains on {settings.gpus}: "
            "leave one of them out."
        )
    if settings.gpus > 1 and found.per_job > 1:
        where = lines.where("cluster", "per_job")
        problems.append(f"{where}cluster.per_job and sweep.gpus exclude each other: each has its GPUs for itself.")
    return found, problems
