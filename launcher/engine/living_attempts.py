"""Attempts that live though the cluster does not have them: their signs of life tell.

Another user may have handed them over, or this user from a machine with another Slurm; or the cluster has lost them
while their supervisors go on. What a cluster says is a hint. An attempt that it does not have is over when no sign of
life has come for three beats.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Collection

from launcher.clusters.base import Job
from launcher.clusters.order import Order
from launcher.store.attempt_files import AttemptsOnCluster
from launcher.store.batches import Batch
from launcher.store.beats import SILENT_BEATS, BeatWatch, read_beats
from launcher.store.cluster_paths import ClusterPaths
from launcher.store.paths import Paths
from launcher.text import inline, plural

_LOOK_S = 0.2


def living_attempts(
    paths: Paths, known: Collection[str], cluster: str, message: Callable[[str], None]
) -> dict[Job, float]:
    """Return the attempts that give signs of life though the cluster does not have them, with the seconds of a beat.

    `known`: the experiments of which the cluster has an attempt. `cluster`: its name. This waits for three beats at
    most, and only where an attempt has begun, has no end, and the cluster does not have it.
    """
    doubtful = _doubtful(paths, known)
    if not doubtful:
        return {}
    most_s = SILENT_BEATS * max(doubtful.values())
    names = inline(", ".join(job.experiment for job in doubtful), 300)
    message(
        f"{names}: {cluster} has no job for {plural(len(doubtful), 'attempt')} that began; whether signs of life come "
        f"is known in {most_s:.0f} s."
    )
    living = _watch(ClusterPaths(paths.outcome), doubtful)
    if living:
        names = inline(", ".join(job.experiment for job in living), 300)
        message(
            f"{names}: lives, though {cluster} has no job for it here: another user or another machine has handed it "
            "over. It is followed by its signs of life."
        )
    return living


def _doubtful(paths: Paths, known: Collection[str]) -> dict[Job, float]:
    """Return the attempts that have begun, have no end and no job, but a beat."""
    folders, cluster = ClusterPaths(paths.outcome), AttemptsOnCluster(paths)
    open_attempts = {
        Job(name, files.open_attempt)
        for name, files in cluster.open_attempts.items()
        if name not in known and files.open_attempt in files.claims
    }
    if not open_attempts:
        return {}
    beats = read_beats(folders.beats)
    found = {job for job in open_attempts if job in beats}
    beats_s = _beats_s(folders, {job.experiment for job in found}) if found else {}
    return {job: beats_s.get(job.experiment, Order.beat_s) for job in sorted(found)}


def _beats_s(folders: ClusterPaths, names: Collection[str]) -> dict[str, float]:
    """Return how many seconds lie between two beats of experiments, as they were ordered."""
    found: dict[str, float] = {}
    for file in sorted(os.listdir(folders.batches)):
        batch = Batch.read(folders.batches / file)
        for attempt in batch.places:
            if attempt[0] in names:
                try:
                    found[attempt[0]] = max(
                        found.get(attempt[0], 0.0), Order.of_line(batch.order(attempt) or b"").beat_s
                    )
                except (OSError, ValueError):
                    continue
    return found


def _watch(folders: ClusterPaths, doubtful: dict[Job, float]) -> dict[Job, float]:
    """Return the attempts whose beats change, once all others have been silent for three beats."""
    watch, began_s = BeatWatch(folders.beats), time.monotonic()
    first = watch.look(began_s)
    living: dict[Job, float] = {}
    while True:
        now_s = time.monotonic()
        beats = watch.look(now_s)
        living |= {job: beat_s for job, beat_s in doubtful.items() if job in beats and beats[job] != first.get(job)}
        left = [beat_s for job, beat_s in doubtful.items() if job in beats and job not in living]
        if all(now_s - began_s >= SILENT_BEATS * beat_s for beat_s in left):
            return living
        time.sleep(_LOOK_S)
