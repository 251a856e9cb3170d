"""The [cluster] table as options of sbatch, and what of it Slurm has no use for."""

from __future__ import annotations

import math
from collections.abc import Sequence

from launcher.clusters.settings import ClusterSettings
from launcher.text import inline

MARGIN_S = 60  # besides the grace time: Slurm sends the signal before the time limit up to a minute early (sbatch(1))
_NAMED = ("time", "partition", "account", "qos", "constraint", "reservation")
# The launcher finds its jobs and their output by these, so they are not the user's.
_OURS = {
    "--array": "-a", "--job-name": "-J", "--output": "-o", "--wrap": "", "--wait": "-W", "--test-only": "",
    "--parsable": "", "--open-mode": "", "--dependency": "-d", "--chdir": "-D",
}  # fmt: skip


def job_options(settings: ClusterSettings, *, grace_s: float, requeue: bool, tells_limit: bool) -> list[str]:
    """Return the options of a job: what it needs, and how Slurm ends it and starts it again.

    `tells_limit`: the job is told before its time limit, be it of [cluster] or the default of the partition.
    Example: `["--gres=gpu:1", "--time=4:00:00", "--signal=B:USR1@90", "--requeue", "--open-mode=append"]`.
    """
    return [
        *needs(settings),
        *([f"--signal=B:USR1@{margin_s(grace_s)}"] if tells_limit else []),
        "--requeue" if requeue else "--no-requeue",
        *settings.extra,
        "--open-mode=append",
    ]


def needs(settings: ClusterSettings) -> list[str]:
    """Return the options that say what a job needs. It has `per_job` experiments, and each of them these needs."""
    share = settings.per_job
    options = [f"--gres=gpu:{round((settings.gpus or 0) * share)}"] if settings.gpus else []
    if settings.cpus is not None:
        options.append(f"--cpus-per-task={settings.cpus * share}")
    if settings.mem_gb is not None:
        options.append(f"--mem={math.ceil(settings.mem_gb * share * 1024)}M")
    return options + [f"--{key}={value}" for key in _NAMED if (value := getattr(settings, key))]


def margin_s(grace_s: float) -> int:
    """Return how long before its time limit a job is told."""
    return math.ceil(grace_s) + MARGIN_S


def given(settings: ClusterSettings) -> dict[str, object]:
    """Return the keys that became options of sbatch, with their values."""
    keys = ("gpus", "cpus", "mem_gb", *_NAMED, "extra")
    return {key: value for key in keys if (value := getattr(settings, key))}


def clusters(extra: Sequence[str]) -> str:
    """Return what `--clusters` names in `extra`, for squeue and scancel; empty if it names none."""
    return _value(extra, ("--clusters", "--cluster"), "-M")


def excluding(extra: Sequence[str], nodes: Sequence[str]) -> list[str]:
    """Return the option that leaves nodes out, besides those that `extra` leaves out. It goes behind `extra`."""
    given = _value(extra, ("--exclude",), "-x")
    if not nodes or "/" in given:  # the name of a file, to which nothing can be added
        return []
    return [f"--exclude={','.join(filter(None, [given, *nodes]))}"]


def _value(extra: Sequence[str], long: Sequence[str], short: str) -> str:
    """Return the last value that arguments give to an option; empty if they have none."""
    found = ""
    for option, after in zip(extra, [*extra, ""][1:], strict=True):
        name, equals, value = option.partition("=")
        if equals and name in long:
            found = value
        elif option in (*long, short):
            found = after
        elif option.startswith(short):
            found = option.removeprefix(short).removeprefix("=")
    return found


def problems(settings: ClusterSettings, *, grace_s: float) -> list[str]:
    """Return what the table has that cannot be on Slurm, each as a message that names its key."""
    found = []
    if settings.gpus and settings.gpus != int(settings.gpus):
        found.append(
            f"cluster.gpus = {settings.gpus:g}: Slurm gives whole GPUs. Type gpus = 1; on Ray experiments share a GPU"
        )
    for option in settings.extra:
        if long := _ours(option):
            found.append(f'cluster.extra: "{inline(option)}" cannot be given: the launcher sets {long} itself')
    for key in (*_NAMED, "setup", "extra"):
        value = getattr(settings, key)
        if any("\0" in text for text in ([value] if isinstance(value, str) else value)):
            found.append(f"cluster.{key}: no text may have a NUL character")
    if settings.seconds and settings.seconds < margin_s(grace_s) + 60:
        found.append(
            f'cluster.time = "{settings.time}" is too short. With grace_s = {grace_s:g}, Slurm tells a job '
            f"that it ends {margin_s(grace_s)} to {margin_s(grace_s) + 60} s before its time limit. "
            "Raise time, or lower grace_s of [sweep]"
        )
    return found


def _ours(option: str) -> str:
    for long, short in _OURS.items():
        is_short = short and option.startswith(short) and not option.startswith("--")
        if option == long or option.startswith(f"{long}=") or is_short:
            return long
    return ""
