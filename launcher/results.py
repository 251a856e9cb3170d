"""What came out of a sweep, for programs and notebooks: a table, curves, figures, the best experiment.

    summary = launcher.run(sweep)                 # how the launch ended, with the views of the sweep's results
    results = launcher.open("outcome/report")     # the views of a sweep that runs, or has ended

Every view is read from the files of the sweep when it is asked for: asked again, it tells how things stand then. pandas
and matplotlib are imported when a view needs them.
"""

from __future__ import annotations

import dataclasses
import functools
import html
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from launcher.engine.summary import Summary as LaunchSummary
from launcher.errors import InputError
from launcher.reports.analysis import best_experiment
from launcher.reports.data import ReportData
from launcher.store.manifest import read_manifest
from launcher.store.paths import Paths
from launcher.text import did_you_mean, inline

if TYPE_CHECKING:
    from launcher.reports.frames import Frame
    from launcher.reports.plots.style import Figure


@dataclass(frozen=True)
class Best:
    """The experiment with the best value of a metric. An experiment that failed or diverged never is the best."""

    metric: str  # its name
    experiment: str  # its name
    value: float  # the best of all steps
    step: int  # the first that has the value
    overrides: Mapping[str, Any]  # of the experiment
    config: Mapping[str, Any]  # the whole configuration of the experiment


@dataclass(frozen=True, kw_only=True)
class Results:
    """The results of a sweep, read from its folder whenever they are asked for."""

    outcome: Path  # the folder of tables, plots and records
    logs: Path  # the folder of logs, where it is known

    @classmethod
    def of(cls, outcome: Path) -> Results:
        """Open an outcome folder.

        Raises:
            InputError: there is no sweep in the folder, or its `sweep.json` cannot be read.
        """
        if outcome.is_file():
            raise InputError(
                f"{inline(str(outcome))} is a file. Name the outcome folder of a sweep, as in "
                'launcher.open("outcome/NAME"); that of a job file is launcher.load(FILE).outcome.'
            )
        paths = Paths(outcome.absolute(), Path("logs").absolute())  # no view reads the logs
        if read_manifest(paths) is None:
            raise _no_sweep(outcome)
        return Results(outcome=paths.outcome, logs=paths.logs)

    @property
    def metrics(self) -> list[str]:
        """The metrics of the job, the first first."""
        return list(self._look().manifest.metrics)

    @property
    def experiments(self) -> dict[str, str]:
        """The experiments in the order of the job file, each with its state: done, running, waiting, failed, …"""
        return {experiment.name: str(experiment.state) for experiment in self._look().experiments}

    @property
    def table(self) -> Frame:
        """A row for each experiment, as in `results_table.csv`, which is `results_runs.csv` with several seeds."""
        from launcher.reports import frames, table

        data = self._look()
        return frames.typed(table.make_table(data.manifest, data.experiments, data.usage))

    @property
    def configurations(self) -> Frame:
        """The configurations, with the statistics of their seeds: mean, interval, difference to the reference, verdict.

        A configuration is what experiments share that differ in the seed alone. The columns are those of
        `results_table.csv` of a sweep with several seeds.
        """
        from launcher.reports import configuration_table, frames, table

        data = self._look()
        rows = configuration_table.configuration_rows(data.experiments, data.manifest.metrics)
        return frames.typed(table.table_of(rows), "configuration")

    def curves(self, metric: str | None = None) -> Frame:
        """Return the curves of a metric in long form: experiment, step, value, tokens, seconds.

        `metric`: any that was logged; None: the first of the job. Curves of more than 4,096 steps are thinned, spikes
        included; `launcher.read_history` has every step.

        Raises:
            InputError: no experiment has logged the metric.
        """
        from launcher.reports import frames

        name, data = self._with_metric(metric)
        return frames.curves_frame(data.experiments, name)

    def plot(self, metric: str | None = None) -> Figure:
        """Return the plot that compares all experiments, as a figure of matplotlib.

        It is the plot that lies beside the report, for any metric that was logged. `figure.savefig("loss.pdf")` writes
        it; the axes may be changed before.

        Raises:
            InputError: no experiment has logged the metric.
        """
        from launcher.reports.plots import style, sweep_comparison

        name, data = self._with_metric(metric)
        lines = sweep_comparison.lines_of(data.experiments, name)
        figure = sweep_comparison.compare(data.manifest, data.experiments, name, lines).figure
        if not hasattr(figure, "_repr_png_"):  # a notebook then shows it, whether or not pyplot was imported
            vars(figure)["_repr_png_"] = functools.partial(style.png, figure)
        return figure

    def best(self, metric: str | None = None) -> Best | None:
        """Return the experiment with the best value of all steps of a metric; None if no value is finite.

        Raises:
            InputError: no experiment has logged the metric.
        """
        name, data = self._with_metric(metric)
        found = best_experiment(data.experiments, name)
        if found is None:
            return None
        experiment = found.experiment
        return Best(name, experiment.name, found.value, found.step, dict(experiment.overrides), dict(experiment.config))

    def _repr_html_(self) -> str:
        from launcher.reports.notebook import summary_html

        try:
            data = self._look()
        except InputError as error:
            return f"<p>{html.escape(str(error))}</p>"
        return summary_html(data.manifest, data.experiments, self._paths)

    @property
    def _paths(self) -> Paths:
        return Paths(self.outcome, self.logs)

    @functools.cached_property
    def _data(self) -> ReportData:
        return ReportData(self._paths)

    @functools.cached_property
    def _data_of_others(self) -> dict[str, ReportData]:
        """What is read of metrics that the job does not name."""
        return {}

    def _look(self) -> ReportData:
        self._data.look()
        return self._data

    def _with_metric(self, metric: str | None) -> tuple[str, ReportData]:
        """Return the name of a metric, and what was read with its curves."""
        data = self._look()
        manifest = data.manifest
        if metric is None:
            if not manifest.metrics:
                raise InputError("the job names no metrics. Give the name of the metric.")
            metric = manifest.metrics[0]
        logged = list(dict.fromkeys(name for experiment in data.experiments for name in experiment.logged))
        if metric not in logged and (logged or metric not in manifest.metrics):
            listed = f" Logged were: {', '.join(inline(name, 100) for name in logged[:20])}." if logged else ""
            hint = did_you_mean(metric, logged)
            raise InputError(f'no experiment has logged "{inline(metric, 100)}".{hint}{listed}')
        if metric in manifest.metrics:
            return metric, data
        if metric not in self._data_of_others:
            self._data_of_others[metric] = ReportData(self._paths, ([metric], manifest.maximize))
        other = self._data_of_others[metric]
        other.look()
        return metric, other


@dataclass(frozen=True, kw_only=True)
class Summary(LaunchSummary, Results):
    """How a launch ended, with the views of the sweep's results."""

    @classmethod
    def of(cls, ended: LaunchSummary, paths: Paths) -> Summary:  # type: ignore[override]
        """Return how a launch ended, with the folders of its sweep."""
        fields = {field.name: getattr(ended, field.name) for field in dataclasses.fields(ended)}
        return cls(**fields, outcome=paths.outcome, logs=paths.logs)


def _no_sweep(outcome: Path) -> InputError:
    """Return the error for a folder without a sweep, with the folders nearby that have one."""
    found = {file.parent for pattern in ("*/sweep.json", "*/*/sweep.json") for file in outcome.glob(pattern)}
    if not found:
        found = {file.parent for file in Path().glob("outcome/sweep.json")}
        found |= {file.parent for file in Path("outcome").glob("*/sweep.json")}
    shown = [f'launcher.open("{inline(str(folder))}")' for folder in sorted(found)[:10]]
    listed = f"\n  There is a sweep here: {', '.join(shown)}" if shown else ""
    what = "holds no sweep: it has no sweep.json" if outcome.is_dir() else "does not exist"
    return InputError(
        f"{inline(str(outcome))} {what}. Name the outcome folder of a sweep that was launched, which is outcome/NAME "
        f"unless its job file says otherwise.{listed}"
    )
