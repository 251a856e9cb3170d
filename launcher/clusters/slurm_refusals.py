"""What it means that sbatch takes no job: ask again, smaller, later, or never; and which key of [cluster] is the cause.

sbatch has one exit code for all of them, so its words decide. They are those of Slurm's own list of errors, which has
hardly changed in ten years. Words that are not known here mean never: the user reads them in full.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Mapping


class Refusal(enum.Enum):
    """What follows from the words of sbatch."""

    SILENT = "the controller did not answer"
    LATER = "a limit is reached; the same job may be taken later"
    SMALLER = "the array is too large for this site"
    NEVER = "no such job is ever taken"


_SILENT = re.compile(
    r"unable to contact slurm|timed out|zero bytes|connection (refused|failure|reset)|transport endpoint|standby mode"
    r"|insane message|message (send|receive) failure|unexpected message|munge|authentication|not responding"
    r"|can't be reached now|communication (connection|shutdown)",
    re.I,
)
_LATER = re.compile(
    r"submit ?jobs?|job submit limit|temporarily unable|try again|temporarily unavailable|too many (jobs|open)"
    r"|maxjobcount|inactive or drain|submissions disabled|unable to create job record|rate limit|writing script",
    re.I,
)
# Slurm says "job submit limit, user's size and/or time limits" of all limits alike. A name before it, such as
# QOSMaxWallDurationPerJobLimit, tells which limit is meant.
_LIMIT_OF_A_JOB = re.compile(r"\b(QOS|Assoc)\w*(PerJob|Wall|PerNode|MinCpu|MinGRES)\w*", re.I)
_SMALLER = re.compile(r"invalid job array", re.I)

_CAUSES: tuple[tuple[str, tuple[str, ...]], ...] = (
    (r"invalid account|account/partition|association", ("account", "partition", "qos")),
    (r"invalid qos", ("qos",)),
    (r"qos", ("qos", "time", "gpus", "cpus", "mem_gb")),
    (r"partition configuration", ("partition", "gpus", "cpus", "mem_gb", "time")),
    (r"partition|group not permitted", ("partition",)),
    (r"feature|constraint", ("constraint",)),
    (r"reservation", ("reservation",)),
    (r"gres|tres", ("gpus", "extra")),
    (r"memory specification|memory required|--mem", ("mem_gb",)),
    (r"node configuration|more processors|cpu count|policy", ("gpus", "cpus", "mem_gb", "constraint", "time")),
    (r"time limit|--time|time specified|wall", ("time",)),
    (r"option|unable to open|argument|invalid node name|specification", ("extra",)),
)


def judge(words: str) -> Refusal:
    """Return what the words of an sbatch that failed mean."""
    if _SMALLER.search(words):
        return Refusal.SMALLER
    if _SILENT.search(words):
        return Refusal.SILENT
    if _LATER.search(words) and not _LIMIT_OF_A_JOB.search(words):
        return Refusal.LATER
    return Refusal.NEVER


def causes(words: str, given: Mapping[str, object]) -> list[str]:
    """Return the keys of [cluster] that such words of sbatch are about; all that are given if none is to be told.

    given: the keys that the job file has, with their values.
    """
    for pattern, keys in _CAUSES:
        if re.search(pattern, words, re.I) and (found := [key for key in keys if key in given]):
            return found
    return list(given)
