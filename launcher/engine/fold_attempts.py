"""Folds attempts on a cluster that are over: their files become those of the experiment, their ends become events.

While an attempt runs on a cluster it has files of its own, because an attempt that was given up may live on. Once the
newest attempt is over, a launch with the folder's lock gives its files the names that they have without a cluster, and
removes the rest. A supervisor that lives on then finds its claim gone, and ends its worker.

Each step may have been done already by a launch that was killed: it is then passed over.
"""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Callable, Collection, Iterable
from pathlib import Path

from launcher.engine.attempt_ending import classify_attempt
from launcher.engine.classify_ending import Circumstances, Ending, classify
from launcher.executors.base import ProcessExit
from launcher.store.attempt_files import AttemptEnding, AttemptFiles, AttemptsOnCluster
from launcher.store.attempts import LastAttempt, read_last_attempts
from launcher.store.beats import read_beats
from launcher.store.cluster_paths import ClusterPaths
from launcher.store.ending import EndingKind
from launcher.store.events import Ended, EventLog, LoggedEvent, Started
from launcher.store.paths import Paths
from launcher.store.record_summary import RecordSummary
from launcher.store.summary_file import read_summary

LOST = "its supervisor was lost"


def fold_attempts(paths: Paths, is_alive: Callable[[str, AttemptFiles], bool]) -> list[str]:
    """Fold the experiments whose newest attempt is over, and return their names. The caller holds the folder's lock.

    `is_alive`: whether an attempt that has written no end waits or runs nevertheless.

    Raises:
        OSError: a file could not be renamed or removed.
    """
    cluster = AttemptsOnCluster(paths)
    over = [name for name in sorted(cluster.names) if not _is_open(cluster.of(name), name, is_alive)]
    if not over:
        return []
    last = read_last_attempts(paths.events)
    with contextlib.closing(EventLog(paths.events)) as events:
        for name in over:
            for event in _missing_events(cluster, name, last.get(name)):
                events.append(event)
            _fold(paths, name, cluster)
    _remove_beats(paths, over)
    return over


def _is_open(files: AttemptFiles, name: str, is_alive: Callable[[str, AttemptFiles], bool]) -> bool:
    return files.open_attempt > 0 and is_alive(name, files)


def _missing_events(cluster: AttemptsOnCluster, name: str, last: LastAttempt | None) -> Iterable[LoggedEvent]:
    """Yield the start and the end of the newest attempt, as far as no launch has written them down."""
    files, own = cluster.of(name), cluster.paths(name)
    newest = files.newest_claim
    if not newest:
        if last is not None and last.ending is None:  # it was ordered, and no supervisor has begun
            yield Ended(name, last.attempt, EndingKind.INTERRUPTED, "it had not begun on the cluster", 0.0)
        return
    ending = AttemptEnding.read(files.path(newest, "end"))
    if last is None or last.attempt < newest:
        yield Started(name, newest, ending.node if ending else "", 0, goes_on=newest > 1)
    elif last.ending is not None:
        return
    summary = read_summary(own.records(name), ())
    found = end_of(ending, summary, newest)
    seconds = round(ending.seconds if ending else summary.last_s, 3)
    yield Ended(name, newest, found.kind, found.why, seconds, node=ending.node if ending else None)


def end_of(ended: AttemptEnding | None, summary: RecordSummary, attempt: int) -> Ending:
    """Return how an attempt ended that no launch saw end. `summary`: of its record file."""
    if summary.attempt != attempt:  # it has written no record itself
        summary.end, summary.phase = None, "in set-up"
    if ended is not None:
        return classify_attempt(ended, summary)
    return classify(ProcessExit(), summary, Circumstances(why=LOST, is_lost=True))


def _fold(paths: Paths, name: str, cluster: AttemptsOnCluster) -> None:
    newest, files = cluster.paths(name), cluster.of(name)
    if newest.own_attempt:
        for source, place in (
            (newest.records(name), paths.records(name)),
            (newest.telemetry(name), paths.telemetry(name)),
        ):
            with contextlib.suppress(FileNotFoundError):
                os.replace(source, place)
        if newest.checkpoints(name).is_dir():
            _remove(paths.checkpoints(name))
            os.rename(newest.checkpoints(name), paths.checkpoints(name))
    for attempt in files.claims - {newest.own_attempt}:
        own = paths.of_attempt(attempt)
        for path in (own.records(name), own.telemetry(name), own.checkpoints(name)):
            _remove(path)
    _remove(ClusterPaths(paths.outcome).attempts(name))


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _remove_beats(paths: Paths, names: Iterable[str]) -> None:
    folder, over = ClusterPaths(paths.outcome).beats, frozenset(names)
    for beat in read_beats(folder).values():
        if beat.experiment in over:
            (folder / beat.name).unlink(missing_ok=True)


def fold_what_is_over(paths: Paths, over: Collection[str], message: Callable[[str], None]) -> None:
    """Fold the experiments whose newest attempt is over. The caller holds the folder's lock.

    `over`: the experiments of which an attempt without an end is over. Every other attempt without an end may go on:
    another launch has ordered it, with other experiments than this launch.
    What cannot be folded now, a later launch folds: everything is there under the names that it has.
    """
    try:
        fold_attempts(paths, lambda name, _files: name not in over)
    except OSError as error:
        message(f"{error.filename or paths.outcome} cannot be renamed now: {error.strerror}. A later launch does it.")
