"""The collector: reads the records of running experiments as they come and hands them to the views.

The record files are the truth; what is kept here is only how far each has been read, which steps there are, and the
newest and best value of one metric. A log that cannot be written is told once and switched off: training never stops
for a log, and an error about one experiment is not one of the others.
"""

from __future__ import annotations

from collections.abc import Callable

from launcher.engine.containment import Containment
from launcher.engine.notices import Notices
from launcher.sinks.text_log import Log
from launcher.store.history import History, unreadable
from launcher.store.metric_tracker import MetricTracker
from launcher.store.paths import Paths
from launcher.store.records import Record, RecordReader
from launcher.worker.spec import Spec


class Collector:
    """Follows the experiments that run."""

    def __init__(
        self,
        paths: Paths,
        complain: Callable[[str], None],
        watch: Callable[[], MetricTracker],
        notice: Callable[[], Notices],
    ) -> None:
        self._paths = paths
        self._complain = complain
        self._watch = watch
        self._notice = notice
        self._contained = Containment(complain)
        self._readers: dict[str, RecordReader] = {}
        self._logs: dict[str, Log] = {}
        self._notices: dict[str, Notices] = {}
        self._has_complained: set[str] = set()
        self.histories: dict[str, History] = {}  # of those that run; without metrics
        self.newest: dict[str, MetricTracker] = {}  # of those that run and those that have ended
        self.num_records: dict[str, int] = {}  # read from those that run
        self.num_unwritten = 0  # lines of logs

    def open(self, spec: Spec, device: str) -> None:
        """Begin to follow an attempt: before its worker starts, so that the header is first in the log."""
        name = spec.experiment
        self._readers[name] = RecordReader(self._paths.records(name))
        history = self.histories[name] = History()
        self.num_records[name] = 0
        self._take_in(name)  # of earlier attempts; in the log already
        self.newest[name] = newest = self._watch()
        self._contained.run(name, "its newest value", lambda: newest.begin(history), None)
        self._notices[name] = notices = self._notice()
        self._contained.run(name, "what is noticed in its records", lambda: notices.begin(history), None)
        history.lighten()
        history.end, history.phase = None, "in set-up"  # theirs say nothing about this one
        self._logs[name] = Log(self._paths.log(name))
        self._logs[name].header(spec, device)
        self._look_at_log(name)

    def read(self, experiment: str) -> History:
        """Take in what a running experiment has recorded since the last time; return what it all adds up to."""
        history, newest, log = self.histories[experiment], self.newest[experiment], self._logs[experiment]
        notices = self._notices[experiment]
        records = self._take_in(experiment)
        self.num_records[experiment] += len(records)
        self._contained.run(experiment, "its newest value", lambda: newest.add(records, history), None)
        self._contained.run(experiment, "what its steps say in its log", lambda: log.records(records), None)
        found: list[str] = []
        found = self._contained.run(experiment, "what is noticed in its records", lambda: notices.look(records), found)
        for told in found:
            log.note(told)
            self._complain(f"{experiment}: {told}.")
        self._look_at_log(experiment)
        return history

    def _take_in(self, experiment: str) -> list[Record]:
        """Return the records that have come, which the history has taken in; none from a file that cannot be read."""
        history = self.histories[experiment]
        if history.obstacle:
            return []
        try:
            records = list(self._readers[experiment].read())
        except OSError as error:
            history.obstacle = unreadable(self._paths.records(experiment), error)
            self._complain(f"{experiment}: {history.obstacle}.")
            return []
        for record in records:
            history.add(record)
        return records

    def follow(self, paths: Paths) -> None:
        """Go on reading the same record files, which have other paths now."""
        self._paths = paths
        for experiment, reader in self._readers.items():
            reader.follow(paths.records(experiment))

    def has_stepped(self, experiment: str) -> bool:
        """Say whether the attempt that runs has taken a step."""
        return self.num_records[experiment] > 0 and self.histories[experiment].phase != "in set-up"

    def verdict(self, experiment: str) -> str:
        """Return what must be known of a running experiment's metrics when it is done; empty if all were finite."""
        return self._notices[experiment].verdict

    def close(self, experiment: str, ending: str) -> None:
        """Write the ending of an attempt whose process is gone into its log, and forget it."""
        log = self._logs.pop(experiment)
        log.ending(ending)
        log.close()
        if log.num_unwritten:
            self.num_unwritten += log.num_unwritten
            self._complain(f"{self._paths.log(experiment)} lacks {log.num_unwritten} lines; its records have them all.")
        del self._readers[experiment], self.histories[experiment], self.num_records[experiment]
        del self._notices[experiment]

    def _look_at_log(self, experiment: str) -> None:
        log = self._logs[experiment]
        if log.error is not None and experiment not in self._has_complained:
            self._has_complained.add(experiment)
            self._complain(f"{self._paths.log(experiment)} cannot be written: {log.error.strerror}. Training goes on.")
