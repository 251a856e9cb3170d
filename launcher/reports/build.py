"""Makes all views of a sweep from its files: tables, plots, report. A command, and the process that draws meanwhile.

Needs `sweep.json`, `events.jsonl` and the record files, and nothing of a running launcher. So a report can be made at
any time: during the sweep, after a crash, or on another machine.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import signal
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from launcher.errors import InputError
from launcher.planning.defaults import MOST_CURVES
from launcher.reports.analysis import has_seeds
from launcher.reports.curve_choice import curves_to_draw, drawn_before
from launcher.reports.data import ReportData
from launcher.reports.freshness import Ingredients, look_at, mark_made, outdated
from launcher.reports.single_curves import SHARE_SIZE, Share, attempt, drawn_beside
from launcher.reports.sweep_plots import SweepPlots, Task
from launcher.store.dropped_plots import dropped_plots
from launcher.store.experiment_state import RUNNING
from launcher.store.manifest import Looks
from launcher.store.paths import Paths
from launcher.worker.last_lines import last_lines

if TYPE_CHECKING:
    from launcher.planning.job import Sweep
    from launcher.reports.plots.line import Line
    from launcher.store.experiment_state import ExperimentState

TELL_S = 0.2  # between two lines that say how far the drawing is
Progress = Callable[[int, int], None]  # is called with the number of views that are made, and of all to make


class Report:
    """The views of one sweep. Drawing again reads and draws only what has changed.

    Raises:
        InputError: there is no sweep in the folder.
    """

    def __init__(
        self,
        paths: Paths,
        sweep: Sweep | None = None,
        *,
        curves: Sequence[str] = (),
        num_processes: int = 1,
        group: str | None = None,
    ) -> None:
        """Take a look at the sweep.

        Args:
            sweep: whose metrics are drawn, as it wants them to look; None: those of the newest launch.
            curves: experiments whose own curves are drawn even if the sweep has many; see `curve_choice`.
            num_processes: that draw the curves, where there are many.
            group: a key by whose values the first metrics are drawn, too.
        """
        self._paths = paths
        self._num_processes = num_processes
        self._asked = curves
        self._group = group
        self._data = _data(paths, sweep)
        self._drawn_from: Ingredients | None = None  # None: not everything could be drawn

    def draw(self, changed: Iterable[str] | None = None, progress: Progress | None = None) -> list[str]:
        """Write the tables, the curves of the changed experiments (None: of all), the comparisons and the reports.

        Returns:
            What could not be written, a line each; the other views are written all the same.
        """
        changed = None if changed is None else set(changed)
        data, ingredients = self._data, look_at(self._paths)
        data.look(changed)
        if changed is not None:  # what runs has changed, too
            changed |= {experiment.name for experiment in data.experiments if experiment.state == RUNNING}
        single = self._single_curves()
        obstacles = [experiment.obstacle for experiment in data.experiments if experiment.obstacle]
        problems = [f"{obstacle}: its row and curves are empty." for obstacle in obstacles]
        lines = self._lines()
        shares = self._shares(lines, single if changed is None else single & changed)
        plots = SweepPlots(self._paths, data.manifest, data.experiments, lines, self._group)
        plots.remove_others()
        tasks = [*self._tables(), *plots.tasks(), *self._reports(single)]
        counter = _Counter(len(tasks) + sum(share.num_files for share in shares), progress)
        with drawn_beside(shares, self._num_processes, counter.add) as wait_for_curves:
            for path, write in tasks:
                problems += attempt(path, write)
                counter.add(1)
            problems += wait_for_curves()
        self._remove_dropped()
        self._drawn_from = None if problems else ingredients
        if not problems:
            mark_made(self._paths, ingredients, self._files(lines, single, plots.files()))
        return problems

    def _remove_dropped(self) -> None:
        """Remove what the job does not have any more: the plots of a metric, the runs on several seeds."""
        dropped = list(dropped_plots(self._paths, self._data.launched, self._data.manifest))
        if not has_seeds(self._data.experiments):
            dropped.append(self._paths.runs_csv)
        for path in dropped:
            with contextlib.suppress(OSError):
                path.unlink(missing_ok=True)

    def is_up_to_date(self) -> bool:
        """Return whether everything has been drawn, and nothing has changed since."""
        return self._drawn_from is not None and look_at(self._paths) == self._drawn_from

    @property
    def experiments(self) -> list[ExperimentState]:
        """How the experiments stood when the views were drawn, in the order of the job file."""
        return self._data.experiments

    @property
    def metrics(self) -> list[str]:
        """The metrics that were drawn."""
        return self._data.manifest.metrics

    @property
    def is_maximize_given(self) -> bool:
        """Whether the job file says of which metrics a larger value is better, be it of none."""
        return self._data.manifest.is_maximize_given

    @property
    def heading(self) -> str:
        """Which results these are, in a line."""
        from launcher.reports import results_text

        manifest = self._data.manifest
        return results_text.heading(manifest.name, manifest.job_file, manifest.seed, self._data.experiments)

    def rows(self) -> list[dict[str, Any]]:
        """Return the results table as JSON types, times in seconds, memory in bytes; call after `draw`."""
        from launcher.reports import table

        return table.json_rows(table.make_table(self._data.manifest, self._data.experiments, self._data.usage))

    def configurations(self) -> list[dict[str, Any]]:
        """Return every configuration with the statistics of its seeds, as JSON types; call after `draw`."""
        from launcher.reports.configuration_table import configurations_document

        return configurations_document(self._data.experiments, self._data.manifest.metrics)

    def _tables(self) -> list[Task]:
        data, manifest = self._data, self._data.manifest

        def _write_text(path: Path) -> None:
            from launcher.reports import results_text

            results_text.write(path, manifest, data.experiments, data.usage)

        def _write_runs(path: Path) -> None:
            from launcher.reports import table

            table.write_csv(path, table.make_table(manifest, data.experiments, data.usage))

        def _write_configurations(path: Path) -> None:
            from launcher.reports import configuration_table, table

            rows = configuration_table.configuration_rows(data.experiments, manifest.metrics)
            table.write_csv(path, table.table_of(rows))

        paths = self._paths
        if has_seeds(data.experiments):
            runs = [(paths.table_csv, _write_configurations), (paths.runs_csv, _write_runs)]
        else:
            runs = [(paths.table_csv, _write_runs)]
        return [(paths.table_txt, _write_text), *runs]

    def _lines(self) -> dict[str, list[Line]]:
        """Return the lines to draw by metric, in the order of the job file; none of a metric that nobody recorded."""
        by_metric = {
            metric: [(experiment, experiment.curves[metric]) for experiment in self._data.experiments
                     if metric in experiment.curves]
            for metric in self._data.manifest.metrics
        }  # fmt: skip
        if not any(by_metric.values()):
            return {}
        from launcher.reports.plots.line import Line

        return {metric: [Line.of(*pair) for pair in pairs] for metric, pairs in by_metric.items() if pairs}

    def _single_curves(self) -> set[str]:
        """Return the experiments whose own curves are drawn as files."""
        names, metrics = self._data.names, self._data.manifest.metrics
        there = drawn_before(self._paths, metrics, names) if len(names) > MOST_CURVES else ()
        return set(curves_to_draw(names, self._asked, there))

    def _shares(self, lines: dict[str, list[Line]], names: set[str]) -> list[Share]:
        """Return the plots of single experiments that are to be drawn."""
        manifest = self._data.manifest
        wanted = {metric: [line for line in of_all if line.name in names] for metric, of_all in lines.items()}
        return [
            Share(self._paths, manifest.metric(metric), tuple(manifest.plots), of_metric[start : start + SHARE_SIZE])
            for metric, of_metric in wanted.items()
            for start in range(0, len(of_metric), SHARE_SIZE)
        ]

    def _reports(self, single: set[str]) -> list[Task]:
        data, paths = self._data, self._paths

        def _write_page(path: Path) -> None:
            from launcher.reports.html import page

            page.write(path, paths, data.manifest, data.experiments, data.usage_curves, last_lines)

        def _write_markdown(path: Path) -> None:
            from launcher.reports import markdown

            markdown.write(path, paths, data.manifest, data.experiments, single)

        return [(paths.report_html, _write_page), (paths.report_md, _write_markdown)]

    def _files(self, lines: dict[str, list[Line]], names: set[str], plots: Sequence[Path]) -> dict[Path, str]:
        """Return every view, with the experiment that it shows; empty if it shows all.

        `names`: the experiments that have plots of their own. `plots`: those of the whole sweep.
        """
        paths, kinds = self._paths, self._data.manifest.plots
        whole = [*(path for path, _ in self._tables()), paths.report_html, paths.report_md, *plots]
        single = {
            paths.curve(metric, line.name, kind): line.name
            for metric in lines
            for line in lines[metric]
            if line.name in names
            for kind in kinds
        }
        return dict.fromkeys(whole, "") | single


def _data(paths: Paths, sweep: Sweep | None) -> ReportData:
    if sweep is None:
        return ReportData(paths)
    settings = sweep.settings
    looks = Looks(settings.plots, settings.x, sweep.metric_details, sweep.is_maximize_given)
    return ReportData(paths, (settings.metrics, settings.maximize), looks)


class _Counter:
    """Counts the views that are made."""

    def __init__(self, num_all: int, progress: Progress | None) -> None:
        self._num_all = num_all
        self._num_made = 0
        self._progress = progress

    def add(self, num_more: int) -> None:
        """Count views that have just been made."""
        self._num_made += num_more
        if self._progress is not None:
            self._progress(self._num_made, self._num_all)


def renew(paths: Paths) -> list[str]:
    """Write the views of a sweep again if any is missing or older than what it shows; return what went wrong.

    Raises:
        InputError: there is no sweep in the folder.
    """
    return Report(paths).draw() if outdated(paths) else []


def main() -> None:
    """Be the drawing process: each line of stdin is a list of changed experiments, and gets lines of answer.

    Arguments: the outcome folder, the folder of logs, and whether there are plots to draw. An empty list asks for what
    has changed since the last drawing. While it draws, a line says how many views are made: `{"drawn": 3, "of": 12}`.
    The last line has the problems, and the seconds of CPU time or of the clock that it took, whichever are more. Slow
    libraries are imported before the first line comes: at the end of a sweep a person waits for the answer.
    """
    outcome, logs, has_plots = sys.argv[1:]
    os.nice(10)
    signal.signal(signal.SIGUSR1, signal.SIG_IGN)  # meant for the launcher, from a person who typed pkill -f
    importlib.import_module("launcher.reports.html.page")  # brings numpy and jinja2
    if has_plots == "True":
        importlib.import_module("launcher.reports.plots.comparison")
    report = None
    for line in sys.stdin:
        began_s, cpu_s = time.monotonic(), _cpu_s()
        names, problems = json.loads(line), []
        try:
            report = report or Report(Paths(Path(outcome), Path(logs)))
            if names or not report.is_up_to_date():
                problems = report.draw(names, _Teller())
        except InputError as error:
            problems = error.problems
        _answer({"problems": problems, "seconds": max(time.monotonic() - began_s, _cpu_s() - cpu_s)})


class _Teller:
    """Tells the launcher how many views are made, a few times a second."""

    def __init__(self) -> None:
        self._next_s = time.monotonic() + TELL_S

    def __call__(self, num_made: int, num_all: int) -> None:
        if time.monotonic() >= self._next_s:
            self._next_s = time.monotonic() + TELL_S
            _answer({"drawn": num_made, "of": num_all})


def _answer(content: dict[str, Any]) -> None:
    print(json.dumps(content), flush=True)


def _cpu_s() -> float:
    """Return the CPU time of this process and its children."""
    return sum(os.times()[:4])
