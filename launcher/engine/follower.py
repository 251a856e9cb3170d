"""Reads the records of running experiments as they come, and hands them to the sinks.

The record files have the truth. The follower keeps only how far it has read each file, and a summary in bounded
memory. The user is told once of a sink that cannot write. Training never stops for a sink, and an error about one
experiment does not affect the others.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence

from launcher.engine.fault_isolation import FaultIsolation
from launcher.engine.newest import Newest
from launcher.engine.notices import Notices
from launcher.sinks.sink import MakeSink, Sink
from launcher.store.last_records import LastRecords
from launcher.store.paths import Paths
from launcher.store.record_summary import SPEED, RecordSummary
from launcher.store.records import Record
from launcher.store.summary_file import SummaryReader
from launcher.text import inline
from launcher.worker.spec import Spec


class Follower:
    """Follows the experiments that run."""

    def __init__(
        self,
        paths: Paths,
        warn: Callable[[str], None],
        metrics: Sequence[str],
        make_notices: Callable[[], Notices],
        make_sinks: Sequence[MakeSink],
        *,
        is_maximized: bool = False,
    ) -> None:
        """Begin with no experiment. `metrics`: those of the job; `is_maximized` is about the first."""
        self._paths = paths
        self._warn = warn
        self._metrics = tuple(metrics)
        self._is_maximized = is_maximized
        self._make_notices = make_notices
        self._make_sinks = make_sinks
        self._isolation = FaultIsolation(warn)
        self._readers: dict[str, SummaryReader] = {}
        self._sinks: dict[str, list[Sink]] = {}
        self._notices: dict[str, Notices] = {}
        self._attempts: dict[str, int] = {}  # the number of each attempt that is followed
        self._has_warned: set[str] = set()  # places of sinks
        self._notes: set[str] = set()  # that were told
        self._last: dict[str, Newest] = {}  # of those that have ended
        self.short: dict[str, LastRecords] = {}  # the files of those that have ended, where the end has told all of it
        self.num_records: dict[str, int] = {}  # read from those that run
        self.num_unwritten = 0  # lines that sinks lack

    def open(self, spec: Spec, device: str, *, is_there: bool = True) -> None:
        """Begin to follow an attempt. Called before its worker starts, so that the header comes first in the log.

        `is_there`: it may have a record file already. A network client that asks for a file too early may not see it
        for a while.
        """
        name = spec.experiment
        self._readers[name] = SummaryReader(
            spec.paths.records(name), [*self._metrics, SPEED], self._paths.summary(name), decodes_all=True
        )
        self.num_records[name] = 0
        self.short.pop(name, None)
        if is_there:
            self._take_in(name)  # the records of earlier attempts, which the log has already
        self._notices[name] = self._make_notices()
        self._attempts[name] = spec.attempt
        self._forget_earlier_end(name)
        self._sinks[name] = self._make(name)
        self._tell_sinks(name, lambda sink: sink.header(spec, device))

    def read(self, experiment: str, last: LastRecords | None = None) -> RecordSummary:
        """Read what a running experiment has recorded since the last call. Return the summary of all its records.

        `last`: its last records, if it is over and they are known.
        """
        records = self._take_in(experiment, last)
        if last is not None and last.is_all:
            self.short[experiment] = last
        self._forget_earlier_end(experiment)
        summary, notices = self.summary(experiment), self._notices[experiment]
        self.num_records[experiment] += len(records)
        if records:
            self._tell_sinks(experiment, lambda sink: sink.records(records))
        found: list[str] = []
        found = self._isolation.run(
            experiment, "what is noticed in its records", lambda: notices.look(records, summary), found
        )
        for text in found:
            self._tell_sinks(experiment, functools.partial(_notice, text=text))
            self._warn(f"{experiment}: {text}.")
        self._take_notes(experiment, records)
        return summary

    def _forget_earlier_end(self, experiment: str) -> None:
        """Leave out how an attempt before ended, which says nothing about the attempt that is followed."""
        summary = self.summary(experiment)
        if summary.attempt < self._attempts[experiment]:
            summary.end, summary.phase = None, "in set-up"

    def _take_notes(self, experiment: str, records: Sequence[Record]) -> None:
        """Tell what workers noted for a person. What is noted of many experiments alike is told of the first."""
        for record in records:
            if record.get("kind") == "note" and isinstance(text := record.get("text"), str):
                text = inline(text, 1000).removesuffix(".")
                self._tell_sinks(experiment, functools.partial(_notice, text=text))
                if text not in self._notes:
                    self._notes.add(text)
                    self._warn(f"{experiment}: {text}.")

    def summary(self, experiment: str) -> RecordSummary:
        """Return the summary of the records of a running experiment, as far as they have been read."""
        return self._readers[experiment].summary

    def newest(self, experiment: str) -> Newest:
        """Return the newest and the best value of an experiment that runs, or has ended in this launch."""
        reader = self._readers.get(experiment)
        return self._last[experiment] if reader is None else self._newest(reader)

    def _newest(self, reader: SummaryReader) -> Newest:
        return Newest.of(reader.summary, next(iter(self._metrics), ""), is_maximized=self._is_maximized)

    def _take_in(self, experiment: str, last: LastRecords | None = None) -> list[Record]:
        """Read the next records, and add them to the summary. Return none from a file that cannot be read."""
        reader = self._readers[experiment]
        if reader.summary.obstacle:
            return []
        nothing: list[Record] = []
        read_new = functools.partial(reader.read_new, last)
        records = self._isolation.run(experiment, "what its records say", read_new, nothing)
        if reader.summary.obstacle:
            self._warn(f"{experiment}: {reader.summary.obstacle}.")
        return records

    def follow(self, paths: Paths) -> None:
        """Go on reading the same record files, which are at other paths now."""
        self._paths = paths
        for reader in self._readers.values():
            reader.follow(paths.records_folder / reader.path.name)

    def verdict(self, experiment: str) -> str:
        """Return what the user must know of the metrics of an experiment when it is done; empty if all were finite."""
        return self._notices[experiment].verdict(self.summary(experiment))

    def close(self, experiment: str, ending: str) -> None:
        """Write the ending of an attempt whose worker is gone to the sinks, and follow it no more."""
        self._tell_sinks(experiment, lambda sink: _end(sink, ending), view="its ending")
        for sink in self._sinks.pop(experiment):
            if sink.num_unwritten:
                self.num_unwritten += sink.num_unwritten
                self._warn(f"{sink.place} lacks {sink.num_unwritten} lines; its records have them all.")
        self._last[experiment] = self._newest(self._readers[experiment])
        del self._readers[experiment], self.num_records[experiment], self._notices[experiment]

    def _make(self, experiment: str) -> list[Sink]:
        """Return the sinks of an attempt. A sink that cannot be made is told and left out."""
        made = [
            self._isolation.run(experiment, f"sink {number}", functools.partial(make, self._paths, experiment), None)
            for number, make in enumerate(self._make_sinks, 1)
        ]
        return [sink for sink in made if sink is not None]

    def _tell_sinks(self, experiment: str, tell: Callable[[Sink], None], view: str = "what its steps say") -> None:
        """Tell each sink something. A sink that raises is left out, a sink that cannot write is told, once."""
        for sink in self._sinks[experiment]:
            self._isolation.run(experiment, f"{view} in {sink.place}", functools.partial(tell, sink), None)
            if sink.error is not None and sink.place not in self._has_warned:
                self._has_warned.add(sink.place)
                self._warn(f"{sink.place} cannot be written: {sink.error.strerror}. Training goes on.")


def _notice(sink: Sink, text: str) -> None:
    sink.notice(text)


def _end(sink: Sink, ending: str) -> None:
    try:
        sink.ending(ending)
    finally:
        sink.close()
