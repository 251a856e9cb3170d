"""What may have changed between the look that decided to claim an attempt, and the claim.

The first look may be old: a file server tells names of up to 70 s ago, and a process may be stopped between any two
calls. With its claim made, a process is told the truth: the folder is listed anew, and so is the batch.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable

from launcher.store.attempt_files import AttemptEnding, AttemptFiles
from launcher.store.beats import SILENT_BEATS, read_beats
from launcher.store.cluster_paths import ClusterPaths

_LOOK_S = 0.1


def reason_to_leave(
    before: AttemptFiles,
    claimed: AttemptFiles,
    number: int,
    *,
    is_repeated: bool,
    is_ordered: Callable[[], bool],
    beat_s: float,
) -> str:
    """Return why this process must not run the attempt that it has claimed; empty if it may.

    Args:
        before: what lay in the folder at the first look.
        claimed: what lay there when the claim was made.
        number: of the attempt.
        is_repeated: the job runs again, so that the attempt goes on from the newest of `before`.
        is_ordered: asks whether the order is still there. A launch that folds an experiment takes it away first.
        beat_s: between two signs of life of an attempt.
    """
    if claimed.newest_claim > number:
        return f"attempt {claimed.newest_claim} is newer"
    if not is_ordered():
        return "its order was withdrawn"
    newest = before.newest_claim
    if is_repeated and newest in claimed.ends - before.ends and _has_ended_by_itself(claimed, newest, beat_s):
        return f"attempt {newest} has ended"
    return ""


def give_back(files: AttemptFiles, number: int) -> None:
    """Remove a claim of this process, under which nothing was done."""
    with contextlib.suppress(OSError):
        files.path(number, "claim").unlink()
        files.folder.rmdir()  # if nothing else lies there, it was folded, and was made again for the claim


def _has_ended_by_itself(files: AttemptFiles, attempt: int, beat_s: float) -> bool:
    """Return whether an attempt that has an end was not asked to end.

    Its supervisor has written the end, then looks for newer claims and writes into the end if there is one. Then its
    beat goes.
    """
    beats = ClusterPaths(files.folder.parent.parent).beats
    job, until_s = (files.folder.name, attempt), time.monotonic() + SILENT_BEATS * beat_s
    while job in read_beats(beats) and time.monotonic() < until_s:
        time.sleep(_LOOK_S)
    ended = AttemptEnding.read(files.path(attempt, "end"))
    return ended is not None and not ended.asked
