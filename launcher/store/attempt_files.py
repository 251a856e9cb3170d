"""The files of attempts on a cluster: who was told to run what, who does, and how it ended. Beats are in `beats`.

    attempts/<experiment>/<n>.order   what attempt n is to train; the launcher writes it before the cluster is asked
    attempts/<experiment>/<n>.claim   who runs attempt n; the supervisor makes it with link(), so only one can
    attempts/<experiment>/<n>.end     how attempt n ended, from its supervisor
    attempts/_batches/<batch>.json    which attempts were handed to the cluster together

Several machines read this folder over a network, whose clients remember for up to a minute whether a name exists and
what a file is like. A listing is newer. So nothing here asks whether a file exists: the folder is listed. A file is
written once, under another name, and takes its name when it is complete.

The attempt that counts is the newest claim's. A supervisor that finds a newer claim than its own, or its own no more,
ends its worker. What that worker has written meanwhile lies in files of its own, which nobody reads.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from launcher.store import values
from launcher.store.cluster_paths import ClusterPaths
from launcher.store.ending import EndingKind
from launcher.store.files import read
from launcher.store.names import is_name
from launcher.store.paths import Paths, write_atomic

Suffix = Literal["order", "claim", "end"]
_FILE = re.compile(r"([1-9]\d{0,17})\.(order|claim|end)")
_MOST_BYTES = 16 << 20


@dataclass(frozen=True)
class AttemptFiles:
    """What lies in the folder of one experiment: the numbers of the attempts that have such a file."""

    folder: Path
    orders: frozenset[int] = frozenset()
    claims: frozenset[int] = frozenset()
    ends: frozenset[int] = frozenset()

    @classmethod
    def look(cls, folder: Path) -> AttemptFiles:
        """List the folder of an experiment's attempts, `ClusterPaths.attempts`. A missing folder has no file."""
        with contextlib.suppress(OSError):
            return cls.among(folder, os.listdir(folder))
        return cls(folder)

    @classmethod
    def among(cls, folder: Path, names: Iterable[str]) -> AttemptFiles:
        """Return what a listing of the folder says."""
        found: dict[str, set[int]] = {"order": set(), "claim": set(), "end": set()}
        for name in names:
            if match := _FILE.fullmatch(name):
                found[match[2]].add(int(match[1]))
        return cls(folder, *(frozenset(found[kind]) for kind in ("order", "claim", "end")))

    @property
    def newest_claim(self) -> int:
        """The number of the attempt that counts; 0 if none was claimed."""
        return max(self.claims, default=0)

    @property
    def highest(self) -> int:
        """The highest number that was used; 0 if none was."""
        return max(self.orders | self.claims | self.ends, default=0)

    @property
    def open_attempt(self) -> int:
        """The number of the newest attempt, if it was ordered or claimed and has no end; 0 if there is none."""
        return 0 if self.highest in self.ends else self.highest

    def path(self, attempt: int, suffix: Suffix) -> Path:
        """Return the path of a file of an attempt."""
        return self.folder / f"{attempt}.{suffix}"


class AttemptsOnCluster:
    """The attempts on a cluster that a sweep's folder tells of at one look: each folder is listed once at most.

    Without a cluster this lists one missing folder.
    """

    def __init__(self, paths: Paths) -> None:
        self._paths = paths
        self._folders = ClusterPaths(paths.outcome)
        self._found: dict[str, AttemptFiles] = {}
        self.names: frozenset[str] = frozenset()  # the experiments with such attempts
        with contextlib.suppress(OSError):
            self.names = frozenset(name for name in os.listdir(self._folders.attempts_folder) if is_name(name))

    def of(self, experiment: str) -> AttemptFiles:
        """Return what lies in the folder of an experiment's attempts."""
        if experiment not in self._found:
            folder = self._folders.attempts(experiment)
            is_there = experiment in self.names
            self._found[experiment] = AttemptFiles.look(folder) if is_there else AttemptFiles(folder)
        return self._found[experiment]

    @cached_property
    def open_attempts(self) -> dict[str, AttemptFiles]:
        """The experiments whose newest attempt has no end: it waits, runs, or was lost."""
        found = {name: self.of(name) for name in sorted(self.names)}
        return {name: files for name, files in found.items() if files.open_attempt}

    @property
    def has_open(self) -> bool:
        """An attempt waits or runs, or was lost. To know that costs less than `open_attempts`."""
        return any(self.of(name).open_attempt for name in self.names)

    def paths(self, experiment: str) -> Paths:
        """Return the paths whose records, telemetry and checkpoints are those of an experiment's newest attempt.

        Without a cluster these are the experiment's own files. On a cluster they are the own files of the attempt that
        was claimed last; its record file begins with the records of the attempts before it. An attempt that was
        claimed and has no record file yet is passed over.
        """
        if experiment not in self.names:
            return self._paths
        claims = sorted(self.of(experiment).claims, reverse=True)
        owned = (self._paths.of_attempt(attempt) for attempt in claims)
        return next((own for own in owned if own.records(experiment).name in self._record_files), self._paths)

    @cached_property
    def _record_files(self) -> frozenset[str]:
        try:
            return frozenset(os.listdir(self._paths.records_folder))
        except OSError:
            return frozenset()


def own_paths(paths: Paths, experiment: str) -> Paths:
    """Return what `AttemptsOnCluster.paths` returns, for a single experiment."""
    return AttemptsOnCluster(paths).paths(experiment)


def write_batch(path: Path, groups: Sequence[Sequence[tuple[str, int]]]) -> None:
    """Write which attempts a batch has: for each group its experiments and numbers of attempts.

    Raises:
        OSError: the file cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomic(path, json.dumps({"groups": groups}) + "\n")


def read_batch(path: Path) -> list[list[tuple[str, int]]]:
    """Return the groups of a batch; none if the file is missing or is not as `write_batch` writes it."""
    try:
        groups = values.load(read(path, _MOST_BYTES))["groups"]
        return [[(_checked(name), _number(attempt)) for name, attempt in group] for group in groups]
    except (OSError, ValueError, KeyError, TypeError):
        return []


def _checked(name: Any) -> str:
    if not is_name(name):
        raise ValueError("no name of an experiment")
    return str(name)


def _number(attempt: Any) -> int:
    found = values.whole(attempt, least=1)
    if found is None:
        raise ValueError("no number of an attempt")
    return found


@dataclass(frozen=True)
class AttemptEnding:
    """How an attempt on a cluster ended, from its supervisor: the content of `<n>.end`.

    code, signal: of the worker; both None if no worker was started.
    asked: why the supervisor asked the worker to stop: "" if it did not, "stop", "limit" of
        time, "preempted", "superseded".
    hung_s: the worker was ended because it had recorded nothing for so long; None: it was not.
    refused: why no worker was started, such as another version of the target on the node; empty if one was.
    last_word: how the attempt ended, if the worker could not write that into its records.
    verdict: why the attempt counts as failed though its worker was only interrupted; empty if it does not.
    successor: the cluster's name of the job that goes on after the time limit; empty if there is none.
    untold: how the attempt ended and why, where its records do not tell the end, such as after kill -9; else None.
    """

    node: str = ""
    code: int | None = None
    signal: str | None = None
    asked: str = ""
    was_forced: bool = False
    hung_s: float | None = None
    was_memory_short: bool = False
    refused: str = ""
    seconds: float = 0.0
    last_word: dict[str, Any] | None = field(default=None)
    verdict: str = ""
    successor: str = ""
    untold: tuple[EndingKind, str] | None = None

    @property
    def had_worker(self) -> bool:
        """A worker was started, and is gone."""
        return self.code is not None or self.signal is not None

    def write(self, path: Path) -> None:
        """Write the end of an attempt.

        Raises:
            OSError: the file cannot be written.
        """
        write_atomic(path, json.dumps({name: getattr(self, name) for name in self.__dataclass_fields__}) + "\n")

    @classmethod
    def read(cls, path: Path) -> AttemptEnding | None:
        """Return the end of an attempt; None if the file is missing or not as `write` writes it."""
        try:
            content = values.load(read(path, _MOST_BYTES))
        except (OSError, ValueError):
            return None
        if not isinstance(content, dict):
            return None
        signal, word = content.get("signal"), content.get("last_word")
        return cls(
            node=values.text(content.get("node")),
            code=values.whole(content.get("code"), least=-values.MOST),
            signal=signal if isinstance(signal, str) else None,
            asked=values.text(content.get("asked")),
            was_forced=content.get("was_forced") is True,
            hung_s=values.finite(content.get("hung_s"), least=0),
            was_memory_short=content.get("was_memory_short") is True,
            refused=values.text(content.get("refused")),
            seconds=values.finite(content.get("seconds"), least=0) or 0.0,
            last_word=word if isinstance(word, dict) else None,
            verdict=values.text(content.get("verdict")),
            successor=values.text(content.get("successor")),
            untold=_untold(content.get("untold")),
        )


def _untold(value: object) -> tuple[EndingKind, str] | None:
    match value:
        case [str(kind), str(why)] if kind in {*EndingKind}:
            return EndingKind(kind), why
    return None
