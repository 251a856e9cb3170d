"""Records what a script told and its worker could not record any more, because the worker or the launcher was killed.

The worker has written into the records which files it follows, and with each record how far it has read. So what the
script wrote before its death can be read later, and each line is recorded once.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from dataclasses import dataclass, field

from launcher.errors import LauncherError
from launcher.sources.source import Found, SourceSpec, read_specs
from launcher.store.locks import lock_folder
from launcher.store.paths import Paths
from launcher.store.records import Record, RecordReader, RecordWriter
from launcher.store.summary_file import read_summary


def complete_all(paths: Paths, experiments: Iterable[str]) -> None:
    """Complete the records of the newest attempt of each experiment. The caller holds the folder's lock."""
    for experiment in experiments:
        complete(paths, experiment)


def complete_unwatched(paths: Paths, experiments: Iterable[str]) -> None:
    """Do the same if no launch is at work in the folder: otherwise the launch does it."""
    with contextlib.suppress(LauncherError):
        lock = lock_folder(paths.lock)
        try:
            complete_all(paths, experiments)
        finally:
            lock.release()


def complete(paths: Paths, experiment: str) -> int:
    """Complete the records of an experiment's newest attempt, if it was a script and its worker wrote no last record.

    The caller knows that the worker is dead. Return the number of records written. What cannot be read or written is
    left as it is.
    """
    path = paths.records(experiment)
    if read_summary(path, (), paths.summary(experiment)).end is not None:
        return 0  # as nearly all: the kept summary of a long file tells it without reading the file
    with contextlib.suppress(OSError, ValueError):
        state = _State()
        for record in RecordReader(path).read():
            state.add(record)
        if state.has_ended or not state.specs:
            return 0
        from launcher.sources.complete import missing, what_is_recorded  # brings all formats; few launches come here

        of_attempt = (record for record in RecordReader(path).read() if record["attempt"] == state.attempt)
        offsets, files = what_is_recorded(of_attempt)
        found = missing(state.specs, offsets, files=files)
        writer = RecordWriter(path, state.attempt, elapsed_s=state.at_s)
        try:
            return _write(writer, found, state)
        finally:
            writer.close()
    return 0


def _write(writer: RecordWriter, all_found: Iterable[Found], state: _State) -> int:
    num = 0
    for found in all_found:
        if found.step is not None and not state.has_step:
            state.has_step = True
            if state.is_resumed and found.step > 0:
                writer.write({"kind": "resume", "step": found.step - 1})
        writer.write(found.fields, found.step, found.src)
        num += 1
    return num


@dataclass
class _State:
    """What the records say of the newest attempt."""

    attempt: int = 0
    at_s: float = 0.0
    specs: list[SourceSpec] = field(default_factory=list)
    is_resumed: bool = False
    has_step: bool = False
    has_ended: bool = False

    def add(self, record: Record) -> None:
        """Take in the next record of the file."""
        if record["attempt"] > self.attempt:
            self.__init__(record["attempt"])  # type: ignore[misc]
        self.at_s = record["at_s"]
        kind = record.get("kind")
        if kind == "follows":
            self.specs = read_specs(str(record.get("sources")))
            self.is_resumed = bool(record.get("is_resumed"))
        self.has_ended |= kind == "end"
        self.has_step |= kind is None
