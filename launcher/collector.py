"""The collector: reads the records of running experiments as they come and hands them to the views.

The record files are the truth; what is kept here is only how far each has been read, which steps there are, and the
newest and best value of one metric. A log that cannot be written is told once and switched off: training never stops
for a log.
"""

from __future__ import annotations

from collections.abc import Callable

from launcher.history import History
from launcher.newest import Newest
from launcher.notices import Notices
from launcher.paths import Paths
from launcher.records import RecordReader
from launcher.spec import Spec
from launcher.views.log import Log


class Collector:
    """Follows the experiments that run."""

    def __init__(
        self,
        paths: Paths,
        complain: Callable[[str], None],
        watch: Callable[[], Newest],
        notice: Callable[[], Notices],
    ) -> None:
        self._paths = paths
        self._complain = complain
        self._watch = watch
        self._notice = notice
        self._readers: dict[str, RecordReader] = {}
        self._logs: dict[str, Log] = {}
        self._notices: dict[str, Notices] = {}
        self._has_complained: set[str] = set()
        self.histories: dict[str, History] = {}  # of those that run; without metrics
        self.newest: dict[str, Newest] = {}  # of those that run and those that have ended
        self.num_records: dict[str, int] = {}  # read from those that run
        self.num_unwritten = 0  # lines of logs

    def open(self, spec: Spec, device: str) -> None:
        """Begin to follow an attempt: before its worker starts, so that the header is first in the log."""
        name = spec.experiment
        self._readers[name] = RecordReader(self._paths.records(name))
        history = self.histories[name] = History()
        self.num_records[name] = 0
        for record in self._readers[name].read():  # of earlier attempts; in the log already
            history.add(record)
        self.newest[name] = self._watch()
        self.newest[name].begin(history)
        self._notices[name] = self._notice()
        self._notices[name].begin(history)
        history.lighten()
        history.end = None  # theirs says nothing about this one
        self._logs[name] = Log(self._paths.log(name))
        self._logs[name].header(spec, device)
        self._look_at_log(name)

    def read(self, experiment: str) -> History:
        """Take in what a running experiment has recorded since the last time; return what it all adds up to."""
        history = self.histories[experiment]
        records = list(self._readers[experiment].read())
        for record in records:
            history.add(record)
        self.newest[experiment].add(records, history)
        self.num_records[experiment] += len(records)
        self._logs[experiment].records(records)
        for told in self._notices[experiment].look(records):
            self._logs[experiment].note(told)
            self._complain(f"{experiment}: {told}.")
        self._look_at_log(experiment)
        return history

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
