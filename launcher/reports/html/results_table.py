"""The tables of the page by columns: the text of each cell, and the value behind it to sort by and to export."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from launcher.reports.analysis import Verdict, best_experiment, broken, compare, level_text, rank
from launcher.reports.differences import describe_difference, differing
from launcher.store.experiment_state import AttemptSpan, ExperimentState, mark_of
from launcher.store.manifest import Manifest
from launcher.text import duration, number, size

_MOST_PRINTED = 3  # metrics that have a column on paper
_LONGEST = 300  # characters of a value that a table shows; the whole value is in sweep.json


@dataclass(frozen=True)
class Cell:
    """One cell of a table."""

    shown: str
    value: Any = None  # to sort by and to export; None: the text itself
    mark: str = ""  # a class of the style sheet


@dataclass(frozen=True)
class Column:
    """One column of a table, a cell for each row."""

    title: str
    cells: Sequence[Cell]
    kind: str = ""  # classes of the style sheet
    is_chosen: bool = True  # shown until the reader chooses columns
    is_printed: bool = True

    @property
    def classes(self) -> str:
        """The classes of the heading."""
        return " ".join(filter(None, [self.kind, "" if self.is_printed else "screen"]))


@dataclass(frozen=True)
class Row:
    """One row of a table: an experiment or an attempt."""

    cells: Sequence[tuple[Cell, str]]  # each with its classes
    experiment: int | None = None  # its place in the job file; of a configuration, that of its first
    state: str = ""  # for the filter
    first: int | None = None  # of a seed: the experiment that stands for its configuration


@dataclass(frozen=True)
class Table:
    """A table, ready for its template."""

    caption: str
    columns: Sequence[Column]
    rows: Sequence[Row]

    @classmethod
    def of(cls, caption: str, columns: Sequence[Column], experiments: Sequence[ExperimentState] = ()) -> Table:
        """Return the table of some columns; `experiments` has that of each row, if the rows are experiments."""
        by_row = zip(*(column.cells for column in columns), strict=True)
        kinds = [column.classes for column in columns]
        cells = [
            [(cell, f"{kind} {cell.mark}".strip()) for cell, kind in zip(row, kinds, strict=True)] for row in by_row
        ]
        if not experiments:
            return cls(caption, columns, [Row(row) for row in cells])
        rows = [
            Row(row, each.index, each.outcome or "not started") for row, each in zip(cells, experiments, strict=True)
        ]
        return cls(caption, columns, rows)


def results(manifest: Manifest, experiments: Sequence[ExperimentState], leading: str | None) -> Table:
    """Return the table of results, a row an experiment. `leading`: the metric by which the experiments are in order."""
    return Table.of(caption(leading), experiment_columns(manifest, experiments, leading), experiments)


def caption(leading: str | None) -> str:
    """Return the caption of the table of results."""
    return f"Results, the best {leading} first" if leading else "Results"


def experiment_columns(
    manifest: Manifest, experiments: Sequence[ExperimentState], leading: str | None, *, has_differences: bool = True
) -> list[Column]:
    """Return the columns of experiments, a cell each; with `has_differences` also what sets them apart."""
    metrics = manifest.metrics
    columns = [
        Column("experiment", [Cell(each.name) for each in experiments], "left"),
        Column("overrides", _texts([describe_difference(each) for each in experiments]), "left wrap"),
        Column("ending", [_ending(each, metrics) for each in experiments], "left"),
    ]
    for place, metric in enumerate(metrics):
        columns += _metric_columns(
            experiments, metric, is_first=metric == (leading or metrics[0]), is_printed=place < _MOST_PRINTED
        )
        if has_differences and metric == (leading or metrics[0]):
            columns[-1:-1] = _differences(experiments, metric)
    columns.append(Column("steps", [Cell(_steps(each), each.num_steps) for each in experiments]))
    if any(each.tokens_per_s for each in experiments):
        columns.append(
            Column("tokens/s", _values([each.tokens_per_s for each in experiments], "{:,.0f}".format), is_printed=False)
        )
    columns.append(Column("time", _values([each.seconds for each in experiments], duration)))
    columns += _facts(experiments)
    columns.append(Column("device", _texts([each.device for each in experiments]), "left", is_printed=False))
    attempts = [Cell(str(each.attempt), each.attempt) for each in experiments]
    has_several = any(each.attempt > 1 for each in experiments)
    columns.append(Column("attempts", attempts, is_chosen=has_several, is_printed=has_several))
    return columns + _config(experiments, {column.title for column in columns})


def _facts(experiments: Sequence[ExperimentState]) -> list[Column]:
    """Return a column for each fact that differs, and for the memory."""
    found = []
    for fact in differing([each.facts for each in experiments if each.facts]):
        cells = _values([each.facts.get(fact) for each in experiments], value_text)
        found.append(Column(fact, cells, is_printed=False))
    peaks = [("peak memory", [each.peak_memory_bytes for each in experiments])]
    peaks.append(("peak GPU memory", [each.peak_gpu_memory_bytes for each in experiments]))
    return found + [Column(title, _values(values, size), is_printed=False) for title, values in peaks if any(values)]


def _config(experiments: Sequence[ExperimentState], titles: set[str]) -> list[Column]:
    """Return a column for each configuration key that differs; the overrides say the same in words."""
    found = []
    for key in differing([each.config for each in experiments]):
        title = f"{key} (config)" if key in titles else key
        cells = _values([each.config.get(key) for each in experiments], value_text)
        found.append(Column(title, cells, "config", is_chosen=False, is_printed=False))
    return found


def _ending(experiment: ExperimentState, metrics: Sequence[str]) -> Cell:
    """Return the cell that says how an experiment ended."""
    outcome = experiment.outcome
    if not outcome:
        return Cell("not started", "")
    if what := broken(experiment, metrics):
        return Cell(f"! {outcome}, but {what}", outcome, "bad wrap")
    mark = "good" if experiment.is_done else "bad" if experiment.has_failed else ""
    return Cell(f"{mark_of(outcome)} {words(outcome)}", outcome, mark)


def words(outcome: str) -> str:
    """Return an ending in words: `out of memory`."""
    return outcome.replace("_", " ")


def _steps(experiment: ExperimentState) -> str:
    is_whole = experiment.total in (None, experiment.num_steps)
    return f"{experiment.num_steps:,}" + ("" if is_whole else f" of {experiment.total:,}")


def _metric_columns(
    experiments: Sequence[ExperimentState], metric: str, *, is_first: bool, is_printed: bool
) -> list[Column]:
    curves = [each.curves.get(metric) for each in experiments]
    best = best_experiment(experiments, metric)
    bests = [
        Cell("-", "")
        if curve is None or curve.best is None
        else Cell(f"{number(curve.best)} ★", curve.best, "best")
        if best is not None and each.name == best.experiment.name
        else Cell(number(curve.best), curve.best)
        for each, curve in zip(experiments, curves, strict=True)
    ]
    ranked = rank(experiments, metric).ends
    first = ranked[0][0].name if ranked else ""
    levels = [
        Cell(level_text(curve), curve.end.level, "best" if each.name == first else "")
        if curve is not None and curve.end is not None
        else Cell("-", "")
        for each, curve in zip(experiments, curves, strict=True)
    ]
    newest = [
        Cell("-", "") if curve is None else Cell(number(curve.newest), curve.newest, "" if curve.end else "bad")
        for curve in curves
    ]
    found = [Column(f"best {metric}", bests, "metric" if is_first else "", is_printed=is_printed)]
    found.append(Column(f"{metric} at the end", levels, is_printed=is_first))
    return [*found, Column(f"last {metric}", newest, is_chosen=is_first, is_printed=False)]


def _differences(experiments: Sequence[ExperimentState], metric: str) -> list[Column]:
    """Return the column that sets each experiment beside the reference, if the reference has an end."""
    base, compared = compare(experiments, metric)
    if base is None:
        return []
    by_name = {comparison.experiment.name: comparison for comparison in compared}
    cells = []
    for experiment in experiments:
        comparison = by_name.get(experiment.name)
        if comparison is None:
            cells.append(Cell("-", ""))
            continue
        difference, verdict = comparison.difference, str(comparison.verdict)
        if comparison.verdict is Verdict.CLEAR:
            verdict = "better" if comparison.is_better else "worse"
        paired = ", step by step" if difference.is_paired else ""
        sign = "-" if difference.value < 0 else "+"
        has_no_size = comparison.verdict in (Verdict.SAME, Verdict.EQUAL)
        text = verdict if has_no_size else f"{sign}{difference.size} {verdict}{paired}"
        cells.append(Cell(text, difference.value))
    return [Column(f"against {base.name}", cells, "left")]


def attempts(spans: Sequence[AttemptSpan]) -> Table:
    """Return every attempt as a row of a table: the timeline for readers who cannot see it."""
    starts = [datetime.datetime.fromtimestamp(span.start_s).astimezone() for span in spans]
    columns = [
        Column("experiment", [Cell(span.experiment) for span in spans], "left"),
        Column("attempt", [Cell(str(span.attempt), span.attempt) for span in spans]),
        Column("device", [Cell(span.device) for span in spans], "left"),
        Column("started", [Cell(f"{start:%Y-%m-%d %H:%M:%S}", start.timestamp()) for start in starts]),
        Column("time", _values([span.seconds for span in spans], duration)),
        Column("ending", [Cell(str(span.ending)) for span in spans], "left"),
        Column("why", _texts([span.why for span in spans]), "left wrap"),
    ]
    return Table.of("Attempts, in order of their start", columns)


def value_text(value: Any) -> str:
    """Return a configuration value or a fact for reading: whole numbers with separators."""
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:,}" if isinstance(value, int) and abs(value) >= 10_000 else "none" if value is None else str(value)


def _texts(texts: Sequence[str]) -> list[Cell]:
    """Return cells of text; a dash where it is empty."""
    return [Cell(_short(text)) if text else Cell("-", "") for text in texts]


def _values(found: Sequence[Any], shown: Callable[[Any], str]) -> list[Cell]:
    """Return cells that are sorted by their value; a dash where it is None."""
    return [Cell("-", "") if value is None else Cell(_short(shown(value)), value) for value in found]


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST else text[:_LONGEST] + "…"
