"""The collector: reads the records of running experiments as they come and hands them to the views.

The record files are the truth; what is kept here is only how far each has been read and what it adds up to. A view that
fails is reported once and switched off: training never stops for a log.
"""

from __future__ import annotations

from collections.abc import Callable

from launcher.paths import Paths
from launcher.records import History, RecordReader
from launcher.spec import Spec
from launcher.views.log import Log


class Collector:
    """Follows the experiments that run."""

    def __init__(self, paths: Paths, complain: Callable[[str], None]) -> None:
        self._paths = paths
        self._complain = complain
        self._readers: dict[str, RecordReader] = {}
        self._logs: dict[str, Log] = {}
        self.histories: dict[str, History] = {}
        self.num_failed_views = 0

    def open(self, spec: Spec, device: str) -> None:
        """Begin to follow an attempt: before its worker starts, so that the header is first in the log."""
        name = spec.experiment
        self._readers[name] = RecordReader(self._paths.records(name))
        self.histories[name] = History()
        for record in self._readers[name].read():  # of earlier attempts; in the log already
            self.histories[name].add(record)
        try:
            self._logs[name] = Log(self._paths.log(name))
            self._logs[name].header(spec, device)
        except OSError as error:
            self._switch_off(name, error)

    def read(self, experiment: str) -> None:
        """Take in what an experiment has recorded since the last time."""
        records = list(self._readers[experiment].read())
        for record in records:
            self.histories[experiment].add(record)
        if experiment in self._logs:
            try:
                self._logs[experiment].records(records)
            except OSError as error:
                self._switch_off(experiment, error)

    def close(self, experiment: str, ending: str) -> None:
        """Take in the last records of an attempt whose process is gone, and write its ending into the log."""
        self.read(experiment)
        del self._readers[experiment]
        log = self._logs.pop(experiment, None)
        if log is None:
            return
        try:
            log.ending(ending)
        except OSError as error:
            self._switch_off(experiment, error)
        log.close()

    def _switch_off(self, experiment: str, error: OSError) -> None:
        self.num_failed_views += 1
        log = self._logs.pop(experiment, None)
        if log is not None:
            log.close()
        self._complain(
            f"{self._paths.log(experiment)} cannot be written: {error.strerror}. Its lines from here on are missing; "
            "training and its records go on."
        )
