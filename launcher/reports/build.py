"""Makes all views of a sweep from its files: tables, plots, report. A command, and the child that draws during a sweep.

It needs `sweep.json`, `events.jsonl` and the record files, and nothing of a running launcher, so a report can be made
at any time: during the sweep, after a crash, or on another machine.
"""

from __future__ import annotations

import contextlib
import dataclasses
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
from launcher.reports.results import Result, result, with_open_ends
from launcher.reports.timeline import read_spans
from launcher.reports.usage_curves import Series, over_time
from launcher.store.attempts import AtWork, LastAttempt, at_work, read_last_attempts
from launcher.store.history import History, numbers, read_history
from launcher.store.locks import find_holder
from launcher.store.manifest import Manifest, read_manifest
from launcher.store.paths import Paths
from launcher.store.samples import read_samples, summarise
from launcher.worker.last_lines import last_lines

if TYPE_CHECKING:
    from launcher.planning.job import SweepSettings
    from launcher.reports import plots

WORTH_FORKING = 24  # curves: below, starting processes takes longer than they save


class Report:
    """The views of one sweep; remembers histories, so that drawing again reads only what changed.

    Raises:
        InputError: there is no sweep in the folder.
    """

    def __init__(self, paths: Paths, settings: SweepSettings | None = None, *, num_processes: int = 1) -> None:
        self._paths = paths
        self._settings = settings  # whose metrics are drawn; None: those of the newest launch
        self._num_processes = num_processes  # that draw the curves of many experiments
        self._histories: dict[str, History] = {}
        self._resources: dict[str, dict[str, float]] = {}  # the cells of the table
        self._usage: dict[str, dict[str, Series]] = {}
        self._made: dict[str, tuple[History, object, Result]] = {}
        self._seen: dict[str, LastAttempt] = {}
        self._running = AtWork()
        self._document = self._read_document()

    def draw(self, changed: Iterable[str] | None = None) -> list[str]:
        """Write the tables, the curves of the changed experiments (None: of all) and the comparisons.

        Returns:
            What could not be written, a line each; the other views are written all the same.
        """
        self._document = self._read_document()
        names = [one.name for one in self._document.experiments]
        renew = names if changed is None else [name for name in names if name in set(changed)]
        self._look()
        running = [name for name in names if self._running.is_running(name, self._seen.get(name))]
        for name in {*renew, *running, *(name for name in names if name not in self._histories)}:
            self._histories[name] = read_history(self._paths.records(name))
        for name in {*renew, *running, *(name for name in names if name not in self._resources)}:
            samples = read_samples(self._paths.telemetry(name))
            self._resources[name], self._usage[name] = summarise(samples), over_time(samples)
        obstacles = [self._histories[name].obstacle for name in names if self._histories[name].obstacle]
        problems = [f"{obstacle}: its row and curves are empty." for obstacle in obstacles] + self._tables()
        lines, fresh = self._lines(), set(renew)
        redrawn = {metric: [line for line in lines[metric] if line.name in fresh] for metric in lines}
        with self._curves(redrawn) as curves:
            return problems + self._comparisons(lines) + self._reports() + curves()

    def rows(self) -> list[dict[str, Any]]:
        """Return the results table as JSON types, times in seconds, memory in bytes; call after `draw`."""
        from launcher.reports import table

        return table.json_rows(table.rows(self._document, self._results(), self._resources))

    def missing(self) -> list[Path]:
        """Return the views that should be there, by what has been recorded, and are not."""
        return [path for path, _ in self._expected() if not path.exists()]

    def outdated(self) -> list[Path]:
        """Return the views that should be there, and are missing or older than what they show."""
        records = {one.name: _written_ns(self._paths.records(one.name)) for one in self._document.experiments}
        newest_ns = max(_written_ns(self._paths.sweep), _written_ns(self._paths.events), *records.values(), 0)
        return [path for path, name in self._expected() if _written_ns(path) < records.get(name, newest_ns)]

    def _expected(self) -> list[tuple[Path, str]]:
        """Return the views there should be, those of one experiment with its name."""
        for one in self._document.experiments:
            self._histories[one.name] = read_history(self._paths.records(one.name))
        whole = [self._paths.table_txt, self._paths.table_csv, self._paths.report_html, self._paths.report_md]
        measured = self._measured()
        own = [(self._paths.curve(metric, name), name) for metric, names in measured.items() for name in names]
        return [(path, "") for path in [*whole, *(self._paths.curves(metric) for metric in measured)]] + own

    def _read_document(self) -> Manifest:
        document = read_manifest(self._paths)
        if document is None:
            raise InputError(f"there is no sweep in {self._paths.outcome}: it has no {self._paths.sweep.name}.")
        if (job := self._settings) is not None:
            document = dataclasses.replace(document, metrics=list(job.metrics), maximize=list(job.maximize))
        return document

    def _measured(self) -> dict[str, list[str]]:
        """Return the metrics to draw, each with the experiments that recorded it, in the order of the job file."""
        measured = {
            metric: [one.name for one in self._document.experiments if numbers(self._histories[one.name], metric)]
            for metric in self._document.metrics
        }
        return {metric: names for metric, names in measured.items() if names}

    def _tables(self) -> list[str]:
        from launcher.reports import table  # brings pandas

        document = self._document
        rows = functools.cache(lambda: table.rows(document, self._results(), self._resources))  # within a _try, once

        def _write_text(path: Path) -> None:
            table.write_text(path, rows(), document, unlogged(self._results(), document.metrics))

        problems = _try(self._paths.table_txt, _write_text)
        return problems + _try(self._paths.table_csv, lambda path: table.write_csv(path, rows()))

    def _lines(self) -> dict[str, list[plots.Line]]:
        measured = self._measured()
        if not measured:
            return {}
        from launcher.reports import plots  # brings matplotlib

        order = {one.name: place for place, one in enumerate(self._document.experiments)}
        return {
            metric: [plots.Line.of(name, self._histories[name], metric, order[name]) for name in names]
            for metric, names in measured.items()
        }

    @contextlib.contextmanager
    def _curves(self, lines: dict[str, list[plots.Line]]) -> Iterator[Callable[[], list[str]]]:
        """Write the plot of each experiment; yields what waits for them and returns the problems.

        Many are drawn by processes of their own, while this one does the rest.
        """
        shares = [
            (self._paths, metric, share)
            for metric in lines
            for first in range(self._num_processes)
            if (share := lines[metric][first :: self._num_processes])
        ]
        if max(map(len, lines.values()), default=0) < WORTH_FORKING:
            yield lambda: [problem for share in shares for problem in _draw_curves(*share)]
            return
        with multiprocessing.get_context("fork").Pool(self._num_processes, die_with_parent, (os.getpid(),)) as pool:
            drawn = pool.starmap_async(_draw_curves, shares, chunksize=1)
            yield lambda: [problem for problems in drawn.get() for problem in problems]

    def _comparisons(self, lines: dict[str, list[plots.Line]]) -> list[str]:
        for metric in self._document.metrics:
            if metric not in lines:  # an old plot would compare what is not there any more
                with contextlib.suppress(OSError):
                    self._paths.curves(metric).unlink(missing_ok=True)
        if not lines:
            return []
        from launcher.reports import plots

        return [
            problem
            for metric in lines
            for problem in _try(
                self._paths.curves(metric), functools.partial(plots.curves, metric=metric, lines=lines[metric])
            )
        ]

    def _reports(self) -> list[str]:
        from launcher.reports import markdown
        from launcher.reports.html import page

        document, paths = self._document, self._paths

        def _write_page(path: Path) -> None:
            spans = with_open_ends(read_spans(paths.events, self._histories), self._results())
            page.write(path, paths, document, self._results(), spans, self._usage, last_lines)

        problems = _try(paths.report_html, _write_page)
        return problems + _try(paths.report_md, lambda path: markdown.write(path, paths, document, self._results()))

    def _look(self) -> None:
        """Look once a drawing at what has happened and who is at work, so that all views say the same."""
        self._seen = read_last_attempts(self._paths.events)
        self._running = at_work(self._document, find_holder(self._paths.lock))

    def _results(self) -> list[Result]:
        """Return the results, made again only of experiments that something has changed about."""
        made: dict[str, tuple[History, object, Result]] = {}
        document = self._document
        for index, one in enumerate(document.experiments):
            history, seen = self._histories[one.name], self._seen.get(one.name)
            is_running = self._running.is_running(one.name, seen)
            key: object = (one, index, document.metrics, document.maximize, seen, is_running)
            before = self._made.get(one.name)
            if before is None or before[0] is not history or before[1] != key:
                made[one.name] = history, key, result(document, one, index, history, seen, self._running)
            else:
                made[one.name] = before
        self._made = made
        return [one for _, _, one in made.values()]


def renew(paths: Paths) -> list[str]:
    """Write the views of a sweep again if any is missing or older than what it shows; return what went wrong.

    Raises:
        InputError: there is no sweep in the folder.
    """
    report = Report(paths)
    return report.draw() if report.outdated() else []


def _draw_curves(paths: Paths, metric: str, lines: list[plots.Line]) -> list[str]:
    from launcher.reports import plots

    sheet = plots.Sheet(metric)
    return [
        problem
        for line in lines
        for problem in _try(paths.curve(metric, line.name), functools.partial(sheet.curve, line=line))
    ]


def _written_ns(path: Path) -> int:
    """Return when a file was written, in nanoseconds since the epoch; 0 if it is not there."""
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return 0


def _try(path: Path, write: Callable[[Path], None]) -> list[str]:
    """Write one view; a failure is a line for the user and costs no other view."""
    try:
        write(path)
    except OSError as error:
        intact = " The file that was there is intact." if path.is_file() else ""
        return [f"{path} cannot be written: {error.strerror or error}.{intact}"]
    except Exception as error:  # noqa: BLE001  a view must never end a sweep
        return [f"{path} cannot be drawn: {type(error).__name__}: {error}."]
    return []


def main() -> None:
    """Be the drawing process: on each line of stdin a list of changed experiments, for each a line of answer.

    Arguments: the outcome folder, the folder of logs, and whether there are plots to draw. What it needs is imported
    before it is asked: at the end of a sweep someone waits for it.
    """
    outcome, logs, has_plots = sys.argv[1:]
    os.nice(10)
    signal.signal(signal.SIGUSR1, signal.SIG_IGN)  # meant for the launcher, by someone who typed pkill -f
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
