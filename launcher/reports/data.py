"""What the views of a report are made of; looking again reads only the files that may have changed."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import replace

from launcher.errors import InputError
from launcher.reports.usage_curves import Series, over_time
from launcher.store.experiment_state import RUNNING, ExperimentState
from launcher.store.manifest import Looks, Manifest, read_manifest
from launcher.store.paths import Paths
from launcher.store.samples import read_samples, summarise
from launcher.store.summary_file import SummaryReader
from launcher.store.sweep_state import SweepState, read_sweep_state


class ReportData:
    """The experiments of one sweep as they are at the newest look, so that all views say the same.

    Raises:
        InputError: there is no sweep in the folder, or its `sweep.json` cannot be read.
    """

    def __init__(
        self, paths: Paths, metrics: tuple[Iterable[str], Iterable[str]] | None = None, looks: Looks | None = None
    ) -> None:
        """Make sure that there is a sweep; `look` reads what the views need.

        Args:
            metrics: those to report, and those of them that are maximized; None: as the newest launch had them.
            looks: of the plots by these metrics; None: as the newest launch had them.
        """
        self._paths = paths
        self._metrics = metrics
        self._looks = looks
        self._readers: dict[str, SummaryReader] = {}
        self._folded: dict[str, tuple[object, ExperimentState]] = {}  # by experiment, with what it was made from
        self.usage: dict[str, dict[str, float]] = {}  # cells of the table, by experiment
        self.usage_curves: dict[str, dict[str, Series]] = {}  # by experiment and quantity
        self._sweep: SweepState
        self.launched: Manifest  # as `sweep.json` has it, whatever metrics and looks are asked for
        if read_manifest(paths) is None:
            raise self._no_sweep()

    @property
    def manifest(self) -> Manifest:
        """What was planned, as it was at the newest look."""
        return self._sweep.manifest

    @property
    def names(self) -> list[str]:
        """The experiments, in the order of the job file."""
        return [planned.name for planned in self.manifest.experiments]

    @property
    def experiments(self) -> list[ExperimentState]:
        """How the experiments stand, in the order of the job file."""
        return [self._folded[name][1] for name in self.names]

    def look(self, changed: Iterable[str] | None = None) -> None:
        """Read what is there now: the records of changed experiments (None: of all), of new and of running ones.

        Raises:
            InputError: there is no sweep in the folder any more, or one of its files cannot be read.
        """
        before = self._sweep.manifest if self._folded else None
        self._sweep = self._read_sweep()
        names = self.names
        if before is not None and before.metrics != self.manifest.metrics:
            self._readers, self._folded = {}, {}
        was_running = {name for name, (_, state) in self._folded.items() if state.state == RUNNING}
        renew = {*(names if changed is None else changed), *was_running}
        folded: dict[str, tuple[object, ExperimentState]] = {}
        for index, name in enumerate(names):
            if name in renew or name not in self._folded:
                self._read_usage(name)
            folded[name] = self._fold(index, name, is_renewed=name in renew)
            if folded[name][1].state == RUNNING and name not in renew:  # it has just begun
                self._read_usage(name)
                folded[name] = self._fold(index, name, is_renewed=True)
        self._folded = folded

    def _read_sweep(self) -> SweepState:
        sweep = read_sweep_state(self._paths, time.time())
        if sweep is None:
            raise self._no_sweep()
        self.launched = sweep.manifest
        return sweep if self._metrics is None else sweep.with_metrics(*self._metrics, self._looks)

    def _no_sweep(self) -> InputError:
        return InputError(f"there is no sweep in {self._paths.outcome}: it has no {self._paths.sweep.name}.")

    def _read_usage(self, name: str) -> None:
        samples = read_samples(self._sweep.cluster.paths(name).telemetry(name))
        self.usage[name], self.usage_curves[name] = summarise(samples), over_time(samples)

    def _reader(self, name: str) -> SummaryReader:
        """Return the reader of an experiment's records; a new reader if another attempt has other files."""
        new, before = self._sweep.reader(name), self._readers.pop(name, None)
        return before if before is not None and before.path == new.path else new

    def _fold(self, index: int, name: str, *, is_renewed: bool) -> tuple[object, ExperimentState]:
        """Return the state of an experiment, with what it was made from; the state before if nothing has changed."""
        sweep, before = self._sweep, self._folded.get(name)
        timeless = replace(sweep.launch, now_s=0.0)
        made_from: object = (
            index,
            sweep.manifest.experiments[index],
            sweep.manifest.metrics,
            sweep.manifest.maximize,
            sweep.events.get(name),
            timeless,
        )
        if before is not None and not is_renewed and before[0] == made_from:
            return before
        reader = self._reader(name)
        state = sweep.fold(index, reader.read())
        reader.keep()
        if state.ending is None:  # what has ended rarely changes, and takes less memory as a state alone
            self._readers[name] = reader
        return made_from, state
