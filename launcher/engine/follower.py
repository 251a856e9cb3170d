"""Reads the records of running experiments as they come, and hands them to the sinks.

The record files have the truth. The follower keeps only how far it has read each file, which steps there are, and the
newest and the best value of one metric. The user is told once of a sink that cannot write. Training never stops for a
sink, and an error about one experiment does not affect the others.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence

from launcher.engine.fault_isolation import FaultIsolation
from launcher.engine.notices import Notices
from launcher.sinks.sink import MakeSink, Sink
from launcher.store.history import History, unreadable
from launcher.store.metric_tracker import MetricTracker
from launcher.store.paths import Paths
from launcher.store.records import Record, RecordReader
from launcher.worker.spec import Spec


class Follower:
    """Follows the experiments that run."""

    def __init__(
        self,
        paths: Paths,
        warn: Callable[[str], None],
        make_tracker: Callable[[], MetricTracker],
        make_notices: Callable[[], Notices],
        make_sinks: Sequence[MakeSink],
    ) -> None:
        self._paths = paths
        self._warn = warn
        self._make_tracker = make_tracker
        self._make_notices = make_notices
        self._make_sinks = make_sinks
        self._isolation = FaultIsolation(warn)
        self._readers: dict[str, RecordReader] = {}
        self._sinks: dict[str, list[Sink]] = {}
        self._notices: dict[str, Notices] = {}
        self._has_warned: set[str] = set()  # places of sinks
        self.histories: dict[str, History] = {}  # of those that run; without metrics
        self.newest: dict[str, MetricTracker] = {}  # of those that run and those that have ended
        self.num_records: dict[str, int] = {}  # read from those that run
        self.num_unwritten = 0  # lines that sinks lack

    def open(self, spec: Spec, device: str) -> None:
        """Begin to follow an attempt. Called before its worker starts, so that the header comes first in the log."""
        name = spec.experiment
        self._readers[name] = RecordReader(self._paths.records(name))
        history = self.histories[name] = History()
        self.num_records[name] = 0
        self._take_in(name)  # the records of earlier attempts, which the log has already
        self.newest[name] = newest = self._make_tracker()
        self._isolation.run(name, "its newest value", lambda: newest.begin(history), None)
        self._notices[name] = notices = self._make_notices()
        self._isolation.run(name, "what is noticed in its records", lambda: notices.begin(history), None)
        history.lighten()
        history.end, history.phase = None, "in set-up"  # those of earlier attempts say nothing about this attempt
        self._sinks[name] = self._make(name)
        self._tell_sinks(name, lambda sink: sink.header(spec, device))

    def read(self, experiment: str) -> History:
        """Read what a running experiment has recorded since the last call. Return the history of all its records."""
        history, newest = self.histories[experiment], self.newest[experiment]
        notices = self._notices[experiment]
        records = self._take_in(experiment)
        self.num_records[experiment] += len(records)
        self._isolation.run(experiment, "its newest value", lambda: newest.add(records, history), None)
        if records:
            self._tell_sinks(experiment, lambda sink: sink.records(records))
        found: list[str] = []
        found = self._isolation.run(experiment, "what is noticed in its records", lambda: notices.look(records), found)
        for text in found:
            self._tell_sinks(experiment, functools.partial(_notice, text=text))
            self._warn(f"{experiment}: {text}.")
        return history

    def _take_in(self, experiment: str) -> list[Record]:
        """Read the next records, and add them to the history. Return none from a file that cannot be read."""
        history = self.histories[experiment]
        if history.obstacle:
            return []
        try:
            records = list(self._readers[experiment].read())
        except OSError as error:
            history.obstacle = unreadable(self._paths.records(experiment), error)
            self._warn(f"{experiment}: {history.obstacle}.")
            return []
        for record in records:
            history.add(record)
        return records

    def follow(self, paths: Paths) -> None:
        """Go on reading the same record files, which are at other paths now."""
        self._paths = paths
        for experiment, reader in self._readers.items():
            reader.follow(paths.records(experiment))

    def verdict(self, experiment: str) -> str:
        """Return what the user must know of the metrics of an experiment when it is done; empty if all were finite."""
        return self._notices[experiment].verdict

    def close(self, experiment: str, ending: str) -> None:
        """Write the ending of an attempt whose worker is gone to the sinks, and follow it no more."""
        self._tell_sinks(experiment, lambda sink: _end(sink, ending), view="its ending")
        for sink in self._sinks.pop(experiment):
            if sink.num_unwritten:
                self.num_unwritten += sink.num_unwritten
                self._warn(f"{sink.place} lacks {sink.num_unwritten} lines; its records have them all.")
        del self._readers[experiment], self.histories[experiment], self.num_records[experiment]
        del self._notices[experiment]

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
