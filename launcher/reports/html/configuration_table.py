"""The table of results of a sweep with several seeds: a row a configuration, and below it a row for each of its seeds.

Without its script the page shows all rows; the script folds the seeds away. The cells of seeds are those of
`results_table`, the numbers of a configuration those of `analysis`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace

from launcher.reports.analysis import ConfigurationResult, Finding, Judgement
from launcher.reports.analysis.costs import mean_seconds
from launcher.reports.analysis.seed_text import difference_text, interval_text, mean_text
from launcher.reports.differences import describe_difference
from launcher.reports.html.results_table import Cell, Column, Row, Table, caption, experiment_columns, words
from launcher.store.ending import EndingKind
from launcher.store.experiment_state import ExperimentState, mark_of
from launcher.store.manifest import Manifest
from launcher.text import duration

_NONE = Cell("-", "")
_MARKS = {Finding.BETTER: "good", Finding.WORSE: "bad"}


def configuration_table(
    manifest: Manifest, judgements: Mapping[str, Judgement], order: Sequence[ConfigurationResult], leading: str | None
) -> Table:
    """Return the table. `order`: the configurations, the best first in the metric `leading`."""
    groups = [result.configuration.experiments for result in order]
    experiments = [experiment for group in groups for experiment in group]
    columns = []
    for column in experiment_columns(manifest, experiments, leading, has_differences=False):
        columns += _columns(column, judgements, order)
    interleaved = [_interleaved(column, cells, groups) for column, cells in columns]
    table = Table.of(caption(leading), interleaved)
    return replace(table, rows=_rows(table, groups))


def _columns(
    column: Column, judgements: Mapping[str, Judgement], order: Sequence[ConfigurationResult]
) -> list[tuple[Column, Sequence[Cell] | None]]:
    """Return a column of experiments and those that go before or behind it, each with the cells of configurations.

    The cells are None where a configuration shows what its seeds have in common.
    """
    groups = [result.configuration.experiments for result in order]
    num_rows = len(column.cells)
    match column.title:
        case "experiment":
            return [(replace(column, title="configuration"), [Cell(result.name) for result in order])]
        case "overrides":
            told = [describe_difference(group[0]) for group in groups]
            seeds = [Cell(f"seed {each.seed}", each.seed) for group in groups for each in group]
            own = [Cell(result.seeds_text, result.num_done) for result in order]
            return [
                (replace(column, cells=[Cell("") for _ in range(num_rows)]), [Cell(text or "-") for text in told]),
                (Column("seeds", seeds, "left"), own),
            ]
        case "ending":
            return [(column, [_endings(group) for group in groups])]
        case "time":
            return [(replace(column, title="time of a seed"), [_mean_time(group) for group in groups])]
    for metric, judgement in judgements.items():
        if column.title == f"{metric} at the end":
            return _of_metric(column, judgement, [judgement.by_name[result.name] for result in order])
        if column.title in (f"best {metric}", f"last {metric}"):  # the best seed is no result of a configuration
            return [(replace(column, kind="", is_chosen=False, is_printed=False), [_NONE] * len(order))]
    return [(column, None)]


def _of_metric(
    column: Column, judgement: Judgement, results: Sequence[ConfigurationResult]
) -> list[tuple[Column, Sequence[Cell] | None]]:
    is_first = column.is_printed  # of the metrics: its level at the end is printed
    base = judgement.reference
    best = judgement.best
    means = [
        _NONE
        if result.mean is None
        else Cell(mean_text(result.mean) + result.mark, result.mean.value, "best" if result is best else "")
        for result in results
    ]
    intervals = [
        _NONE if result.mean is None else Cell(interval_text(result.mean), result.mean.value) for result in results
    ]
    differences = [
        _NONE if result.against is None else Cell(difference_text(result.against.mean), result.against.mean.value)
        for result in results
    ]
    verdicts = [Cell(result.verdict or "reference", mark=_MARKS.get(result.finding, "")) for result in results]
    empty = [Cell("", "") for _ in column.cells]
    of = "" if is_first else f"{judgement.metric} "
    found: list[tuple[Column, Sequence[Cell] | None]] = [
        (replace(column, title=f"{judgement.metric} ± sd", kind="metric" if is_first else "", is_printed=True), means),
        (Column(f"{of}mean [95 %]", empty, is_chosen=is_first, is_printed=is_first), intervals),
    ]
    if base is not None:
        title = f"{of}beside {base.name} [95 %]"
        found.append((Column(title, empty, is_chosen=is_first, is_printed=is_first), differences))
        kind = "left wrap"
        found.append((Column(f"{of}verdict", empty, kind, is_chosen=is_first, is_printed=is_first), verdicts))
    return found


def _endings(group: Sequence[ExperimentState]) -> Cell:
    counts = Counter(each.outcome for each in group)
    parts = [f"{mark_of(outcome)} {count} {words(outcome)}" if outcome else f"{count} not started"
             for outcome, count in counts.items()]  # fmt: skip
    is_done = set(counts) == {EndingKind.DONE}
    has_failed = any(each.has_failed for each in group)
    return Cell(", ".join(parts), counts[EndingKind.DONE], "good" if is_done else "bad" if has_failed else "")


def _mean_time(group: Sequence[ExperimentState]) -> Cell:
    mean = mean_seconds(group)
    return _NONE if mean is None else Cell(duration(mean), mean)


def _interleaved(column: Column, cells: Sequence[Cell] | None, groups: Sequence[Sequence[ExperimentState]]) -> Column:
    """Return a column with the cell of each configuration before those of its seeds."""
    found: list[Cell] = []
    start = 0
    for place, group in enumerate(groups):
        own = column.cells[start : start + len(group)]
        start += len(group)
        shown = {cell.shown for cell in own}
        found.append(cells[place] if cells is not None else replace(own[0], mark="") if len(shown) == 1 else _NONE)
        found += own
    return replace(column, cells=found)


def _rows(table: Table, groups: Sequence[Sequence[ExperimentState]]) -> list[Row]:
    """Return the rows of a table with what the script knows them by."""
    rows = iter(table.rows)
    found = []
    for group in groups:
        states = " ".join(dict.fromkeys(_state(each) for each in group))
        found.append(replace(next(rows), experiment=group[0].index, state=states))
        found += [
            replace(next(rows), experiment=each.index, state=_state(each), first=group[0].index) for each in group
        ]
    return found


def _state(experiment: ExperimentState) -> str:
    return (experiment.outcome or "not started").replace(" ", "_")
