"""The columns of a table with a row a configuration: `results_table.txt` has all, the last screen those that fit.

configuration  seeds  loss ± sd       mean [95 %]     to base [95 %]           verdict  time
base           5      5.398 ± 0.069   [5.312, 5.484]  -                        reference  10.0 s
lr=0.001       4/5 …  5.306 ± 0.043†  [5.253, 5.359]  -0.092 [-0.131, -0.053]  better     12.0 s
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from launcher.config.nested import assignments
from launcher.reports.analysis import ConfigurationResult, Finding, Judgement
from launcher.reports.analysis.costs import mean_seconds
from launcher.reports.analysis.seed_text import difference_text, interval_text, mean_text
from launcher.reports.results_columns import LONGEST_METRIC, SHORTEST_OVERRIDES, UNKNOWN
from launcher.reports.text_table import Column
from launcher.short_names import short_names
from launcher.text import duration, inline

CONFIGURATION = "configuration"  # the title of the column of names
_SHORTEST_SEEDS = 5
_STYLES = {Finding.BETTER: "green", Finding.WORSE: "magenta"}


def best_and_reference(judgement: Judgement, most: int, top: int) -> list[str]:
    """Return the configurations that have a row: all up to `most`; of more the `top` best, and the reference."""
    if len(judgement.results) <= most:
        return [result.name for result in judgement.results]
    names = [result.name for result in judgement.ranked[:top]]
    base = judgement.reference
    return names if base is None or base.name in names else [*names, base.name]


def configuration_columns(
    judgements: Sequence[Judgement],
    names: Sequence[str],
    *,
    longest_metric: int = LONGEST_METRIC,
    has_whole_verdicts: bool = True,
) -> list[Column]:
    """Return the columns but that of the names, from left to right.

    Of high rank is what is needed least. Seeds, and mean and verdict of the first metric, stay at every width.

    Args:
        judgements: of the metrics, the first first.
        names: of the configurations that have a row, in the order of the rows.
        longest_metric: characters of a metric's name in a title; longer ones lose what they share.
        has_whole_verdicts: a verdict has all its words, also those that the interval beside it says.
    """
    if not judgements:
        return []
    first = [judgements[0].by_name[name] for name in names]
    overrides = [inline(", ".join(assignments(each.configuration.overrides)), 1000) or UNKNOWN for each in first]
    columns = [
        _column("overrides", 9, overrides, shortest=SHORTEST_OVERRIDES, is_left=True),
        _column("seeds", 0, [each.seeds_text for each in first], shortest=_SHORTEST_SEEDS, is_left=True),
    ]
    titles = short_names([judgement.metric for judgement in judgements], longest_metric)
    for place, judgement in enumerate(judgements):
        results = [judgement.by_name[name] for name in names]
        columns += _of_metric(results, titles[judgement.metric], place, has_whole_verdicts=has_whole_verdicts)
    times = [mean_seconds(each.configuration.experiments) for each in first]
    columns.append(_column("time of a seed", 7, [UNKNOWN if time is None else duration(time) for time in times]))
    return columns


def _of_metric(
    results: Sequence[ConfigurationResult], title: str, place: int, *, has_whole_verdicts: bool
) -> list[Column]:
    """Return mean, interval, difference to the reference and verdict in a metric."""
    further = 10 + 4 * min(place, 4) if place else 0
    verdicts = [_verdict(result, is_whole=has_whole_verdicts) for result in results]
    styles = [_STYLES.get(result.finding, "") for result in results]
    of = f"{title} " if place else ""
    return [
        _column(f"{title} ± sd", further, [mean_text(result.mean) + _mark(result) for result in results], is_left=True),
        _column(f"{of}mean [95 %]", further + 3, [interval_text(result.mean) for result in results], is_left=True),
        _column(
            f"{of}beside reference [95 %]",
            further + 2,
            [difference_text(result.against.mean if result.against else None) for result in results],
            is_left=True,
        ),
        _column(f"{of}verdict", further + 1 if place else 0, verdicts, styles=styles, is_left=True),
    ]


def _column(title: str, rank: int, cells: Iterable[str], **details: Any) -> Column:
    return Column(title, list(cells), rank, **details)


def _mark(result: ConfigurationResult) -> str:
    return result.mark if result.mean is not None else ""


def _verdict(result: ConfigurationResult, *, is_whole: bool) -> str:
    if result.finding is Finding.REFERENCE:
        return str(result.finding)
    return result.verdict if is_whole or result.finding is Finding.NOT_CLEAR else str(result.finding)
