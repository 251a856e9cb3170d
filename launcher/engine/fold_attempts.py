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
from collections.abc import Callable, Collection, Iterable, Mapping
from pathlib import Path

from launcher.engine.attempt_ending import classify_attempt
from launcher.engine.classify_ending import Circumstances, Ending, classify
from launcher.executors.base import ProcessExit
from launcher.store.attempt_files import AttemptEnding, AttemptFiles, AttemptsOnCluster, Suffix
from launcher.store.attempts import LastAttempt, read_last_attempts
from launcher.store.batches import withdraw
from launcher.store.beats import read_beats
from launcher.store.cluster_paths import ClusterPaths
from launcher.store.ending import EndingKind
from launcher.store.events import Ended, EventLog, LoggedEvent, Started
from launcher.store.files import create_beside
from launcher.store.paths import Paths
from launcher.store.record_summary import RecordSummary
from launcher.store.summary_file import read_summary

LOST = "its supervisor was lost"
NOTHING: Mapping[str, AttemptFiles] = {}


def fold_attempts(
    paths: Paths, is_alive: Callable[[str, AttemptFiles], bool], ended: Mapping[str, AttemptFiles] = NOTHING
) -> list[str]:
    """Fold the experiments whose newest attempt is over, and return their names. The caller holds the folder's lock.

    `is_alive`: whether an attempt that has written no end waits or runs nevertheless.
    `ended`: what lay in the folders of attempts when the caller saw them end; these are not listed again.

    Raises:
        OSError: a file could not be renamed or removed.
    """
    if not AttemptsOnCluster(paths).names:
        return []
    for folder in (ClusterPaths(paths.outcome).attempts_folder, paths.records_folder):
        have_listed_anew(folder)
    cluster = AttemptsOnCluster(paths, ended)
    over = [name for name in sorted(cluster.names) if not _is_open(cluster.of(name), name, is_alive)]
    if not over:
        return []
    last = read_last_attempts(paths.events)
    with contextlib.closing(EventLog(paths.events)) as events:
        for name in over:
            for event in _missing_events(cluster, name, last.get(name)):
                events.append(event)
    withdraw(ClusterPaths(paths.outcome).batches, frozenset(over))  # before their claims go, which keep jobs out
    fold = _Fold(paths, cluster)
    for name in over:
        fold.experiment(name)
    _remove_beats(paths, over)
    return over


def _is_open(files: AttemptFiles, name: str, is_alive: Callable[[str, AttemptFiles], bool]) -> bool:
    return files.open_attempt > 0 and is_alive(name, files)


def _missing_events(cluster: AttemptsOnCluster, name: str, last: LastAttempt | None) -> Iterable[LoggedEvent]:
    """Yield the start and the end of the newest attempt, as far as no launch has written them down."""
    files = cluster.of(name)
    newest = files.newest_claim
    if not newest:
        if last is not None and last.ending is None:  # it was ordered, and no supervisor has begun
            yield Ended(name, last.attempt, EndingKind.INTERRUPTED, "it had not begun on the cluster", 0.0)
        return
    is_told = last is not None and last.attempt >= newest
    if is_told and last is not None and last.ending is not None:
        return
    ending = AttemptEnding.read(files.path(newest, "end"))
    node, peak = (ending.node, ending.peak_gpu_bytes) if ending else ("", None)
    if not is_told:
        yield Started(name, newest, node, 0, goes_on=newest > 1)
    summary = read_summary(cluster.paths(name).records(name), ())
    found = end_of(ending, summary, newest)
    seconds = round(ending.seconds if ending else summary.last_s, 3)
    yield Ended(name, newest, found.kind, found.why, seconds, node=node or None, peak_gpu_memory_bytes=peak)


def end_of(ended: AttemptEnding | None, summary: RecordSummary, attempt: int) -> Ending:
    """Return how an attempt ended that no launch saw end. `summary`: of its record file."""
    if summary.attempt != attempt:  # it has written no record itself
        summary.end, summary.phase = None, "in set-up"
    if ended is not None:
        return classify_attempt(ended, summary)
    return classify(ProcessExit(), summary, Circumstances(why=LOST, is_lost=True))


class _Fold:
    """Gives the files of attempts the names that they have without a cluster. What is there is listed once for all."""

    def __init__(self, paths: Paths, cluster: AttemptsOnCluster) -> None:
        self._paths = paths
        self._cluster = cluster
        self._records, self._telemetry, self._checkpoints = map(
            have_listed_anew, (paths.records_folder, paths.telemetry_folder, paths.checkpoints_folder)
        )

    def experiment(self, name: str) -> None:
        """Fold the attempts of an experiment.

        What the others have left goes first: without the records of the newest, theirs would be read. And these
        records go last: as long as they are there, the files of the newest are known to be those that count.
        """
        if name not in self._cluster.with_folder:
            return
        newest, files, paths = self._cluster.paths(name), self._cluster.in_folder(name), self._paths
        for attempt in files.claims - {newest.own_attempt}:
            self._remove_own(paths.of_attempt(attempt), name)
        if newest.own_attempt:
            self._rename_others(newest, name)
            with contextlib.suppress(FileNotFoundError):
                os.replace(newest.records(name), paths.records(name))
        _remove_folder(files)

    def _remove_own(self, own: Paths, name: str) -> None:
        for path, there in (
            (own.records(name), self._records),
            (own.telemetry(name), self._telemetry),
            (own.checkpoints(name), self._checkpoints),
        ):
            if path.name in there:
                _remove(path)

    def _rename_others(self, newest: Paths, name: str) -> None:
        """Give telemetry and checkpoints their names. Most experiments have none: then no path is made of the name."""
        paths = self._paths
        if self._telemetry and newest.telemetry(name).name in self._telemetry:
            os.replace(newest.telemetry(name), paths.telemetry(name))
        if self._checkpoints and newest.checkpoints(name).name in self._checkpoints:
            if paths.checkpoints(name).name in self._checkpoints:
                _remove(paths.checkpoints(name))
            os.rename(newest.checkpoints(name), paths.checkpoints(name))


def have_listed_anew(folder: Path) -> frozenset[str]:
    """Return the names in a folder as the server has them; none if it is missing, or is no folder.

    A network client may show a listing that is a minute old, but not of a folder in which it has just made a file.

    Raises:
        OSError: no file can be made there, or the folder cannot be listed.
    """
    with contextlib.suppress(FileNotFoundError, NotADirectoryError):
        fd, made = create_beside(folder / "listed")
        os.close(fd)
        made.unlink()
    try:
        return frozenset(os.listdir(folder))
    except (FileNotFoundError, NotADirectoryError):
        return frozenset()


def _remove_folder(files: AttemptFiles) -> None:
    """Remove the folder of an experiment's attempts. The ends go last: without it, an attempt would seem to be lost."""
    found: tuple[tuple[Suffix, frozenset[int]], ...] = (
        ("order", files.orders),
        ("claim", files.claim_files),
        ("stop", files.stops),
        ("end", files.ends),
    )
    for suffix, attempts in found:
        for attempt in attempts:
            files.path(attempt, suffix).unlink(missing_ok=True)
    try:
        files.folder.rmdir()
    except FileNotFoundError:
        return
    except OSError:  # a supervisor was killed and has left a file there; or an attempt has begun
        open_attempt = AttemptFiles.look(files.folder).open_attempt
        if not open_attempt or open_attempt in files.ends:  # the claim of an attempt that has ended opens none
            _remove(files.folder)


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


def fold_what_is_over(
    paths: Paths,
    over: Collection[str],
    message: Callable[[str], None],
    ended: Mapping[str, AttemptFiles] = NOTHING,
) -> None:
    """Fold the experiments whose newest attempt is over. The caller holds the folder's lock.

    `over`: the experiments of which an attempt without an end is over. Every other attempt without an end may go on:
    another launch has ordered it, with other experiments than this launch.
    `ended`: what lay in the folders of attempts when this launch saw them end.
    What cannot be folded now, a later launch folds: everything is there under the names that it has.
    """
    try:
        fold_attempts(paths, lambda name, _files: name not in over, ended)
    except OSError as error:
        message(f"{error.filename or paths.outcome} cannot be renamed now: {error.strerror}. A later launch does it.")
