"""Makes all views of a sweep from its files: tables, plots, report. A command, and the process that draws meanwhile.

Needs `sweep.json`, `events.jsonl` and the record files, and nothing of a running launcher. So a report can be made at
any time: during the sweep, after a crash, or on another machine.
"""

from __future__ import annotations

import contextlib
import functools
import importlib
import json
import multiprocessing
import os
import signal
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from launcher.child_process import die_with_parent
from launcher.errors import InputError
from launcher.reports.analysis import unlogged
from launcher.reports.data import ReportData
from launcher.store.manifest import read_manifest
from launcher.store.metric import Metric
from launcher.store.paths import Paths
from launcher.store.sweep_state import read_sweep_state
from launcher.worker.last_lines import last_lines

if TYPE_CHECKING:
    from launcher.planning.job import SweepSettings
    from launcher.reports import plots

WORTH_FORKING = 24  # curves: fewer are drawn sooner than processes for them are started


class Report:
    """The views of one sweep. Drawing again reads and draws only what has changed.

    Raises:
        InputError: there is no sweep in the folder.
    """

    def __init__(self, paths: Paths, settings: SweepSettings | None = None, *, num_processes: int = 1) -> None:
        """Take a look at the sweep.

        Args:
            settings: whose metrics are drawn; None: those of the newest launch.
            num_processes: that draw the curves, where there are many.
        """
        self._paths = paths
        self._num_processes = num_processes
        self._data = ReportData(paths, (settings.metrics, settings.maximize) if settings is not None else None)

    def draw(self, changed: Iterable[str] | None = None) -> list[str]:
        """Write the tables, the curves of the changed experiments (None: of all), the comparisons and the reports.

        Returns:
            What could not be written, a line each; the other views are written all the same.
        """
        changed = None if changed is None else set(changed)
        data = self._data
        data.look(changed)
        obstacles = [experiment.obstacle for experiment in data.experiments if experiment.obstacle]
        problems = [f"{obstacle}: its row and curves are empty." for obstacle in obstacles] + self._tables()
        lines = self._lines()
        redrawn = {
            metric: [line for line in lines[metric] if changed is None or line.name in changed] for metric in lines
        }
        with self._curves(redrawn) as wait_for_curves:
            return problems + self._comparisons(lines) + self._reports() + wait_for_curves()

    def rows(self) -> list[dict[str, Any]]:
        """Return the results table as JSON types, times in seconds, memory in bytes; call after `draw`."""
        from launcher.reports import table

        return table.json_rows(table.make_table(self._data.manifest, self._data.experiments, self._data.usage))

    def _tables(self) -> list[str]:
        from launcher.reports import table  # brings pandas

        data, manifest = self._data, self._data.manifest
        # Made within a `_try`, and once.
        made = functools.cache(lambda: table.make_table(manifest, data.experiments, data.usage))

        def _write_text(path: Path) -> None:
            table.write_text(path, made(), manifest, unlogged(data.experiments, manifest.metrics))

        problems = _try(self._paths.table_txt, _write_text)
        return problems + _try(self._paths.table_csv, lambda path: table.write_csv(path, made()))

    def _lines(self) -> dict[str, list[plots.Line]]:
        """Return the lines to draw by metric, in the order of the job file; none of a metric that nobody recorded."""
        by_metric = {
            metric: [(experiment, experiment.curves[metric]) for experiment in self._data.experiments
                     if metric in experiment.curves]
            for metric in self._data.manifest.metrics
        }  # fmt: skip
        if not any(by_metric.values()):
            return {}
        from launcher.reports.plots import Line  # brings matplotlib

        return {metric: [Line.of(*pair) for pair in pairs] for metric, pairs in by_metric.items() if pairs}

    @contextlib.contextmanager
    def _curves(self, lines: dict[str, list[plots.Line]]) -> Iterator[Callable[[], list[str]]]:
        """Write the plot of each experiment; yields a function that waits for the plots and returns the problems.

        Many plots are drawn by processes of their own, while this process does the rest.
        """
        shares = [
            (self._paths, self._data.manifest.metric(metric), self._data.manifest.plots, share)
            for metric in lines
            for first in range(self._num_processes)
            if (share := lines[metric][first :: self._num_processes])
        ]
        if max(map(len, lines.values()), default=0) < WORTH_FORKING:
            yield lambda: [problem for share in shares for problem in _draw_curves(*share)]
            return
        with multiprocessing.get_context("fork").Pool(self._num_processes, _begin_drawing, (os.getpid(),)) as pool:
            drawn = pool.starmap_async(_draw_curves, shares, chunksize=1)
            yield lambda: [problem for problems in drawn.get() for problem in problems]

    def _comparisons(self, lines: dict[str, list[plots.Line]]) -> list[str]:
        for metric in self._data.manifest.metrics:
            if metric not in lines:  # an old plot would compare what is not there any more
                for kind in self._data.manifest.plots:
                    with contextlib.suppress(OSError):
                        self._paths.curves(metric, kind).unlink(missing_ok=True)
        if not lines:
            return []
        from launcher.reports.plots import write_comparison

        manifest = self._data.manifest
        problems = []
        for metric in lines:
            write = functools.partial(write_comparison, metric=manifest.metric(metric), lines=lines[metric])
            for kind in manifest.plots:
                problems += _try(self._paths.curves(metric, kind), write)
        return problems

    def _reports(self) -> list[str]:
        from launcher.reports import markdown
        from launcher.reports.html import page

        data, paths = self._data, self._paths

        def _write_page(path: Path) -> None:
            page.write(path, paths, data.manifest, data.experiments, data.usage_curves, last_lines)

        def _write_markdown(path: Path) -> None:
            markdown.write(path, paths, data.manifest, data.experiments)

        return _try(paths.report_html, _write_page) + _try(paths.report_md, _write_markdown)


def outdated(paths: Paths) -> list[Path]:
    """Return the views of a sweep that should be there, and are missing or older than what they show.

    Raises:
        InputError: there is no sweep in the folder.
    """
    manifest = read_manifest(paths)
    if manifest is None:
        raise InputError(f"there is no sweep in {paths.outcome}: it has no {paths.sweep.name}.")
    written = {planned.name: _written_ns(paths.records(planned.name)) for planned in manifest.experiments}
    newest_ns = max(_written_ns(paths.sweep), _written_ns(paths.events), *written.values(), 0)
    expected = [(path, newest_ns) for path in (paths.table_txt, paths.table_csv, paths.report_html, paths.report_md)]
    drawn: set[str] = set()
    sweep = read_sweep_state(paths, time.time())
    assert sweep is not None, "its manifest was read above"
    for state in sweep.read_experiments():
        own = [metric for metric in manifest.metrics if metric in state.curves]
        expected += [
            (paths.curve(metric, state.name, kind), written[state.name]) for metric in own for kind in manifest.plots
        ]
        drawn.update(own)
    expected += [(paths.curves(metric, kind), newest_ns) for metric in drawn for kind in manifest.plots]
    return [path for path, since_ns in expected if _written_ns(path) < since_ns]


def renew(paths: Paths) -> list[str]:
    """Write the views of a sweep again if any is missing or older than what it shows; return what went wrong.

    Raises:
        InputError: there is no sweep in the folder.
    """
    return Report(paths).draw() if outdated(paths) else []


def _begin_drawing(parent: int) -> None:
    """Prepare a process that draws curves: it ends with its parent, and at once when the pool says so."""
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    die_with_parent(parent)


def _draw_curves(paths: Paths, metric: Metric, kinds: list[str], lines: list[plots.Line]) -> list[str]:
    from launcher.reports.plots import Sheet

    sheet = Sheet(metric)
    return [
        problem
        for line in lines
        for kind in kinds
        for problem in _try(paths.curve(metric.name, line.name, kind), functools.partial(sheet.write, line=line))
    ]


def _written_ns(path: Path) -> int:
    """Return when a file was written, in nanoseconds since the epoch; 0 if it is not there."""
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return 0


def _try(path: Path, write: Callable[[Path], None]) -> list[str]:
    """Write one view. A failure is a line for the user, and costs no other view."""
    try:
        write(path)
    except OSError as error:
        intact = " The file that was there is intact." if path.is_file() else ""
        return [f"{path} cannot be written: {error.strerror or error}.{intact}"]
    except Exception as error:  # noqa: BLE001  a view must never end a sweep
        return [f"{path} cannot be drawn: {type(error).__name__}: {error}."]
    return []


def main() -> None:
    """Be the drawing process: each line of stdin is a list of changed experiments, and gets a line of answer.

    Arguments: the outcome folder, the folder of logs, and whether there are plots to draw. Slow libraries are imported
    before the first line comes: at the end of a sweep a person waits for the answer.
    """
    outcome, logs, has_plots = sys.argv[1:]
    os.nice(10)
    signal.signal(signal.SIGUSR1, signal.SIG_IGN)  # meant for the launcher, from a person who typed pkill -f
    importlib.import_module("launcher.reports.table")
    if has_plots == "True":
        importlib.import_module("launcher.reports.plots")
    report = None
    for line in sys.stdin:
        began_s = time.monotonic()
        try:
            report = report or Report(Paths(Path(outcome), Path(logs)))
            problems = report.draw(json.loads(line))
        except InputError as error:
            problems = error.problems
        print(json.dumps({"problems": problems, "seconds": time.monotonic() - began_s}), flush=True)
