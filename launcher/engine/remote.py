"""The cluster of one launch: chosen and checked before anything is written, and asked for what it has already."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from launcher.clusters.base import NO_TICKET, Cluster, Job, NotHeard, Ticket
from launcher.clusters.settings import ClusterSettings
from launcher.engine.build_executor import build_on_cluster
from launcher.engine.code_copy import CodeCopy
from launcher.engine.fold_attempts import fold_attempts
from launcher.engine.living_attempts import living_attempts
from launcher.engine.open_attempts import ClusterNote, read_cluster_note, tickets_of, write_cluster_note
from launcher.errors import InputError, LauncherError, WriteError
from launcher.executors.base import Executor
from launcher.planning.cluster_slots import can_resume, needs
from launcher.planning.job import Sweep
from launcher.planning.plan import Plan
from launcher.planning.tracked_code import TrackedCode
from launcher.shell_command import stop_to_type
from launcher.store.attempt_files import AttemptFiles, AttemptsOnCluster
from launcher.store.cluster_paths import ClusterPaths
from launcher.store.file_system import check_shared
from launcher.store.launch_lease import LaunchLease
from launcher.store.paths import Paths
from launcher.text import inline

LEAST_BEAT_S, MOST_BEAT_S, BEATS_PER_S = 5.0, 60.0, 50  # so many renames a second in the folder, at most
HEARD_S = 60.0  # that a cluster has for its first answer
_AGAIN_S = 5.0
MakeCluster = Callable[[str, ClusterSettings, Path, float, bool], Cluster]


@dataclass(frozen=True)
class Remote:
    """The cluster of one launch."""

    cluster: Cluster
    sweep: Sweep
    folders: ClusterPaths
    lease: LaunchLease
    code: TrackedCode | None = None  # which is copied; None: the attempts run what lies in its place
    adopted: dict[Job, Ticket] = field(default_factory=dict)  # what it has of earlier launches
    beats_s: dict[Job, float] = field(default_factory=dict)  # of attempts that live, and that it does not have
    ended: dict[str, AttemptFiles] = field(default_factory=dict)  # what lay there of those that this launch saw end

    @classmethod
    def chosen(cls, sweep: Sweep, name: str, paths: Paths, make_cluster: MakeCluster) -> Self | None:
        """Return the cluster of this name, which can be used from here; None without a name.

        Raises:
            InputError: it cannot be used; nothing was written.
        """
        if not name:
            return None
        outcome = paths.outcome.absolute()
        cluster = make_cluster(name, needs(sweep), outcome, sweep.settings.grace_s, can_resume(sweep))
        check_shared(outcome)
        code = TrackedCode.of(sweep)
        cluster.check()
        folders = ClusterPaths(outcome)
        return cls(cluster, sweep, folders, LaunchLease(folders.beats), code)

    @property
    def _settings(self) -> ClusterSettings:
        return self.sweep.cluster

    def take_up(self, paths: Paths, message: Callable[[str], None]) -> None:
        """Ask the cluster what it has of this sweep, and fold what is over. The caller holds the folder's lock.

        Raises:
            InputError: attempts wait or run on another cluster.
            InUseError: a launcher on another machine works in the folder.
            LauncherError: the cluster does not answer.
            WriteError: what is over cannot be folded, as on a full disk.
        """
        self._check_note(paths)
        self.lease.take(message)
        until_s = time.monotonic() + HEARD_S
        while True:
            try:
                places = self.cluster.adopt()
                break
            except NotHeard as error:
                if time.monotonic() >= until_s:
                    name = self.cluster.name
                    raise LauncherError(
                        f"--on {name}: {name} does not answer: {error}. Nothing was started."
                    ) from error
                message(f"{self.cluster.name} does not answer: {error}. It is asked again.")
                time.sleep(_AGAIN_S)
        write_cluster_note(self.folders.note, ClusterNote(self.cluster.name, self._settings.extra))
        self.adopted.update(tickets_of(paths, places))
        self.beats_s.update(
            living_attempts(paths, {job.experiment for job in self.adopted}, self.cluster.name, message)
        )
        self.adopted.update(dict.fromkeys(self.beats_s, NO_TICKET))
        has = {job.experiment for job in self.adopted}
        try:
            fold_attempts(paths, lambda name, _: name in has)
        except OSError as error:
            raise WriteError(
                f"{error.filename or paths.outcome}: what an earlier launch has left cannot be folded: "
                f"{error.strerror}. Nothing was started."
            ) from error

    def _check_note(self, paths: Paths) -> None:
        note = read_cluster_note(self.folders.note)
        if note is not None and note.name != self.cluster.name and (names := AttemptsOnCluster(paths).open_attempts):
            there = f"{inline(', '.join(names), 300)}: handed to {note.name}, waits or runs there"
            stop = stop_to_type(self.sweep.job_file, self.sweep.folders)
            raise InputError(f"--on {self.cluster.name}: {there}. Follow it with --on {note.name}. To end it: {stop}")

    def executor(self, plan: Plan, message: Callable[[str], None]) -> Executor:
        """Return the executor that runs the plan's experiments on the cluster.

        Raises:
            WriteError: the code cannot be copied.
        """
        beat_s = self._settings.beat_s or min(max(len(plan.to_run) / BEATS_PER_S, LEAST_BEAT_S), MOST_BEAT_S)
        beat_s = max(beat_s, *self.beats_s.values()) if self.beats_s else beat_s
        copy = CodeCopy.make(self.code, self.folders.code) if self.code else None
        return build_on_cluster(plan, self.cluster, self.adopted, self.ended, self.lease, beat_s, copy, message)
