"""The files of attempts on a cluster: who was told to run what, who does, and how it ended. Beats are in `beats`.

    attempts/_batches/<batch>.json    which attempts are ordered, `batches`; written before the cluster is asked
    attempts/<experiment>/<n>.order   says that a job goes on with attempt n, from the supervisor before it
    attempts/<experiment>/<n>.claim   who runs attempt n; the supervisor makes it with link(), so only one can
    attempts/<experiment>/<n>.stop    asks attempt n alone to end, where it shares its job
    attempts/<experiment>/<n>.end     how attempt n ended, from its supervisor, which then removes the claim, unless
                                      its own job may go on with the next attempt

Several machines read this folder over a network, whose clients remember for up to a minute whether a name exists and
what a file is like. A listing is newer. So nothing here asks whether a file exists: the folder is listed. A file is
written once, under another name, and takes its name when it is complete.

An attempt with an end was claimed, too. The attempt that counts is the newest that was claimed. A supervisor that finds
a newer claim than its own, or its own no more, ends its worker. What that worker has written meanwhile lies in files of
its own, which nobody reads.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from launcher.store import values
from launcher.store.batches import ordered_attempts
from launcher.store.cluster_paths import ClusterPaths
from launcher.store.ending import EndingKind
from launcher.store.files import read
from launcher.store.last_records import LastRecords
from launcher.store.names import is_name
from launcher.store.paths import Paths, write_atomic

Suffix = Literal["order", "claim", "end", "stop"]
_FILE = re.compile(r"([1-9]\d{0,17})\.(order|claim|end|stop)")
_MOST_BYTES = 16 << 20


@dataclass(frozen=True)
class AttemptFiles:
    """What lies in the folder of one experiment: the numbers of the attempts that have such a file."""

    folder: Path
    orders: frozenset[int] = frozenset()
    claim_files: frozenset[int] = frozenset()
    ends: frozenset[int] = frozenset()
    stops: frozenset[int] = frozenset()

    @classmethod
    def look(cls, folder: Path) -> AttemptFiles:
        """List the folder of an experiment's attempts, `ClusterPaths.attempts`. A missing folder has no file."""
        with contextlib.suppress(OSError):
            return cls.among(folder, os.listdir(folder))
        return cls(folder)

    @classmethod
    def among(cls, folder: Path, names: Iterable[str]) -> AttemptFiles:
        """Return what a listing of the folder says."""
        found: dict[str, set[int]] = {"order": set(), "claim": set(), "end": set(), "stop": set()}
        for name in names:
            if match := _FILE.fullmatch(name):
                found[match[2]].add(int(match[1]))
        return cls(folder, *(frozenset(found[kind]) for kind in ("order", "claim", "end", "stop")))

    @property
    def claims(self) -> frozenset[int]:
        """The attempts that were claimed: the file of the claim is there, or the end."""
        return self.claim_files | self.ends

    @property
    def newest_claim(self) -> int:
        """The number of the attempt that counts; 0 if none was claimed."""
        return max(self.claims, default=0)

    @property
    def highest(self) -> int:
        """The highest number that was used; 0 if none was."""
        return max(self.orders | self.claims, default=0)

    @property
    def open_attempt(self) -> int:
        """The number of the newest attempt, if it was ordered or claimed and has no end; 0 if there is none."""
        return 0 if self.highest in self.ends else self.highest

    def path(self, attempt: int, suffix: Suffix) -> Path:
        """Return the path of a file of an attempt."""
        return self.folder / f"{attempt}.{suffix}"


class AttemptsOnCluster:
    """The attempts on a cluster that a sweep's folder tells of at one look: each folder is listed once at most.

    Without a cluster this lists one missing folder. An attempt that is ordered and was not claimed has no folder yet.
    """

    def __init__(self, paths: Paths, known: Mapping[str, AttemptFiles] | None = None) -> None:
        """List the folder of all attempts. `known`: what lies in the folders of some, which are not listed."""
        self._paths = paths
        self._folders = ClusterPaths(paths.outcome)
        self._found = dict(known or {})
        self._own: dict[int, Paths] = {}  # by attempt: most experiments have the first alone
        listed: list[str] = []
        with contextlib.suppress(OSError):
            listed = os.listdir(self._folders.attempts_folder)
        self._has_batches = self._folders.batches.name in listed
        self.with_folder = frozenset(filter(is_name, listed))  # the experiments of which an attempt has begun

    @cached_property
    def _ordered(self) -> Mapping[str, frozenset[int]]:
        return ordered_attempts(self._folders.batches) if self._has_batches else {}

    @cached_property
    def names(self) -> frozenset[str]:
        """The experiments with such attempts."""
        return self.with_folder | self._ordered.keys()

    def of(self, experiment: str) -> AttemptFiles:
        """Return the attempts of an experiment: those in its folder, and those that are ordered."""
        found = self.in_folder(experiment)
        ordered = self._ordered.get(experiment)
        return replace(found, orders=found.orders | ordered) if ordered else found

    def in_folder(self, experiment: str) -> AttemptFiles:
        """Return what lies in the folder of an experiment's attempts."""
        if experiment not in self._found:
            folder = self._folders.attempts(experiment)
            is_there = experiment in self.with_folder
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
        if experiment not in self.with_folder:
            return self._paths
        claims = sorted(self.in_folder(experiment).claims, reverse=True)
        owned = map(self._of_attempt, claims)
        return next((own for own in owned if own.records(experiment).name in self._record_files), self._paths)

    def _of_attempt(self, attempt: int) -> Paths:
        if attempt not in self._own:
            self._own[attempt] = self._paths.of_attempt(attempt)
        return self._own[attempt]

    @cached_property
    def _record_files(self) -> frozenset[str]:
        try:
            return frozenset(os.listdir(self._paths.records_folder))
        except OSError:
            return frozenset()


def own_paths(paths: Paths, experiment: str) -> Paths:
    """Return what `AttemptsOnCluster.paths` returns, for a single experiment."""
    return AttemptsOnCluster(paths).paths(experiment)


@dataclass(frozen=True)
class AttemptEnding:
    """How an attempt on a cluster ended, from its supervisor: the content of `<n>.end`.

    code, signal: of the worker; both None if no worker was started.
    asked: why the supervisor asked the worker to stop: "" if it did not, "stop", "limit" of
        time, "preempted", "superseded".
    hung_s: the worker was ended because it had recorded nothing for so long; None: it was not.
    refused: why no worker was started, such as another version of the target on the node; empty if one was.
    lacks_gpus: it is refused, as its node shows too few GPUs.
    last_word: how the attempt ended, if the worker could not write that into its records.
    verdict: why the attempt counts as failed though its worker was only interrupted; empty if it does not.
    successor: the cluster's name of the job that goes on after the time limit; empty if there is none.
    untold: how the attempt ended and why, where its records do not tell the end, such as after kill -9; else None.
    last_records: of the record file, which is complete.
    peak_gpu_bytes: the most memory that the driver was seen to count for it on one of its GPUs; None if it was not.
    frees_claim: its supervisor removes its claim, after this was written and before its beat.
    """

    node: str = ""
    code: int | None = None
    signal: str | None = None
    asked: str = ""
    was_forced: bool = False
    hung_s: float | None = None
    was_memory_short: bool = False
    refused: str = ""
    lacks_gpus: bool = False
    seconds: float = 0.0
    last_word: dict[str, Any] | None = field(default=None)
    verdict: str = ""
    successor: str = ""
    untold: tuple[EndingKind, str] | None = None
    last_records: LastRecords | None = None
    peak_gpu_bytes: int | None = None
    frees_claim: bool = False

    @property
    def had_worker(self) -> bool:
        """A worker was started, and is gone."""
        return self.code is not None or self.signal is not None

    def write(self, path: Path) -> None:
        """Write the end of an attempt.

        Raises:
            OSError: the file cannot be written.
        """
        content = {name: getattr(self, name) for name in self.__dataclass_fields__}
        content["last_records"] = self.last_records.to_json() if self.last_records is not None else None
        write_atomic(path, json.dumps(content) + "\n")

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
            lacks_gpus=content.get("lacks_gpus") is True,
            seconds=values.finite(content.get("seconds"), least=0) or 0.0,
            last_word=word if isinstance(word, dict) else None,
            verdict=values.text(content.get("verdict")),
            successor=values.text(content.get("successor")),
            untold=_untold(content.get("untold")),
            last_records=LastRecords.from_json(content.get("last_records")),
            peak_gpu_bytes=values.whole(content.get("peak_gpu_bytes")),
            frees_claim=content.get("frees_claim") is True,
        )


def _untold(value: object) -> tuple[EndingKind, str] | None:
    match value:
        case [str(kind), str(why)] if kind in {*EndingKind}:
            return EndingKind(kind), why
    return None
