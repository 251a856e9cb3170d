"""Ends jobs and signals supervisors by scancel, which does more than it is told where elements of an array wait.

What Slurm 22.05 does there (later versions have the same code):

    scancel 17_[0,3-5]                      ends these elements, in one question however many they are
    scancel --batch --signal=TERM 17_0      signals the element, is told that the array is "in transitional state", and
                                            signals it again after 5, 11, 18 … seconds, up to ten times
    scancel --batch --signal=TERM 17_[0]    the same, but of all elements that run
    scancel --state=PENDING 17_5            ends all elements that wait

A supervisor takes a second SIGTERM for the wish to end at once. So scancel is ended here before its second try, and the
last two forms are not used.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from launcher.clusters.base import NotHeard
from launcher.clusters.slurm_commands import Answer, SlurmCommands
from launcher.clusters.slurm_states import QueuedJob

_MOST_WORDS = 100  # of one scancel
_MOST_SIGNALLED = 10  # by one scancel: so many it asks for side by side, before it waits for a second try
_MOST_RANGES = 200  # in one word
_RETRY = "transitional state, retrying"
_HARMLESS = re.compile(r"invalid job id|already (completing|completed|finished)|not running|pending execution", re.I)


def end_jobs(commands: SlurmCommands, jobs: Iterable[QueuedJob]) -> None:
    """End jobs, whether they wait or run.

    Raises:
        NotHeard: no answer.
    """
    words = _words(jobs)
    for start in range(0, len(words), _MOST_WORDS):
        _heard(commands.ask("scancel", *words[start : start + _MOST_WORDS]))


def signal_supervisors(commands: SlurmCommands, jobs: Iterable[QueuedJob]) -> None:
    """Send SIGTERM, once, to the batch processes of jobs that run.

    Raises:
        NotHeard: no answer.
    """
    words = [f"{job.array}_{job.index}" for job in jobs]
    for start in range(0, len(words), _MOST_SIGNALLED):
        some = words[start : start + _MOST_SIGNALLED]
        _heard(
            commands.ask_once("scancel", "--verbose", "--batch", "--signal=TERM", *some, retry=_RETRY, most=len(some))
        )


def _heard(answer: Answer) -> None:
    """Accept that jobs are over already, and that there are no words. Everything else says that nothing was done."""
    if answer.code and answer.words and not all(_HARMLESS.search(said) for said in answer.words.split("; ")):
        raise NotHeard(f"scancel: {answer.words}")


def _words(jobs: Iterable[QueuedJob]) -> list[str]:
    """Return jobs as scancel takes them, `17_[0-3,7]`, however many they are in few words."""
    arrays: dict[int, list[int]] = {}
    for job in jobs:
        arrays.setdefault(job.array, []).append(job.index)
    words = []
    for array, indices in sorted(arrays.items()):
        ranges = _ranges(sorted(set(indices)))
        for start in range(0, len(ranges), _MOST_RANGES):
            words.append(f"{array}_[{','.join(ranges[start : start + _MOST_RANGES])}]")
    return words


def _ranges(numbers: Sequence[int]) -> list[str]:
    """Return numbers in order as ranges: `["0-3", "7"]`."""
    found: list[list[int]] = []
    for number in numbers:
        if found and number == found[-1][1] + 1:
            found[-1][1] = number
        else:
            found.append([number, number])
    return [f"{first}-{last}" if last > first else f"{first}" for first, last in found]
