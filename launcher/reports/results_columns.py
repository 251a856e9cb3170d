"""The columns of the results for reading: `results_table.txt` has all of them, the last screen those that fit.

A cell is the text of a value: short numbers, units in the titles, a dash where nothing is known.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from launcher.config.nested import assignments
from launcher.planning.batch_halving import describe_changes
from launcher.reports.text_table import Column, value_style
from launcher.short_names import short_names
from launcher.store.experiment_state import RUNNING, ExperimentState
from launcher.text import duration, inline, number

UNKNOWN = "-"
LONGEST_METRIC = 16  # characters of its name in a title of the last screen
SHORTEST_OVERRIDES = 12  # what the overrides may be cut to
_FAILED, _RUNNING = "bold red", "green"

Usage = Mapping[str, Mapping[str, float]]  # cells of `samples.summarise`, by experiment


def results_columns(
    experiments: Sequence[ExperimentState],
    metrics: Sequence[str],
    usage: Usage | None = None,
    *,
    longest_metric: int = LONGEST_METRIC,
) -> list[Column]:
    """Return the columns but that of the names, from left to right, without those in which nothing can be known.

    Of high rank is what is needed least. A metric and the ending have the rank 0: they stay at every width.

    Args:
        usage: what was measured of the experiments; None: nothing is shown of it.
        longest_metric: characters of a metric's name in a title; longer ones lose what they share.
    """
    parameters = [experiment.facts.get("parameters") for experiment in experiments]
    columns = [_column("overrides", 6, _overrides(experiments), shortest=SHORTEST_OVERRIDES, is_left=True)]
    if any(map(_is_known, parameters)):
        columns.append(_column("parameters", 26, map(_count, parameters)))
    columns.append(_column("steps", 8, (str(experiment.num_steps) for experiment in experiments)))
    titles = short_names(metrics, longest_metric)
    for place, metric in enumerate(metrics):
        columns += _of_metric(experiments, metric, titles[metric], place)
    speeds = [experiment.tokens_per_s for experiment in experiments]
    if any(map(_is_known, speeds)):
        columns.append(_column("tokens/s", 24, (_known(speed, "{:,.0f}".format) for speed in speeds)))
    columns.append(_column("time", 7, (_known(experiment.seconds, duration) for experiment in experiments)))
    devices = (inline(experiment.device) or UNKNOWN for experiment in experiments)
    columns.append(_column("device", 25, devices, is_left=True))
    columns += _measured(experiments, usage or {})
    endings = [experiment.outcome or UNKNOWN for experiment in experiments]
    columns.append(_column("ending", 0, endings, styles=list(map(_ending_style, experiments)), is_left=True))
    if any(experiment.changed for experiment in experiments):
        changes = [
            describe_changes(experiment.changed) if experiment.changed else UNKNOWN for experiment in experiments
        ]
        columns.append(_column("smaller batch", 3, changes, is_left=True))
    return columns


def _column(title: str, rank: int, cells: Iterable[str], **details: Any) -> Column:
    return Column(title, list(cells), rank, **details)


def _overrides(experiments: Sequence[ExperimentState]) -> list[str]:
    return [inline(", ".join(assignments(experiment.overrides)), 1000) or UNKNOWN for experiment in experiments]


def _of_metric(experiments: Sequence[ExperimentState], metric: str, title: str, place: int) -> list[Column]:
    """Return the first, final and best value of a metric. The best of the job's first metric is needed most."""
    curves = [experiment.curves.get(metric) for experiment in experiments]
    finals = [curve.newest if curve else None for curve in curves]
    styles = list(map(value_style, finals))
    further = min(place, 5)
    return [
        _column(f"first {title}", 30, (_known(curve.first if curve else None, number) for curve in curves)),
        _column(
            f"final {title}", 15 + further if place else 4, (_known(final, number) for final in finals), styles=styles
        ),
        _column(
            f"best {title}",
            10 + further if place else 0,
            (_known(curve.best if curve else None, number) for curve in curves),
        ),
    ]


def _measured(experiments: Sequence[ExperimentState], usage: Usage) -> list[Column]:
    """Return what the experiments used."""
    columns = []
    peaks = [experiment.peak_memory_bytes for experiment in experiments]
    columns.append(_column("peak memory", 27, (_known(peak, _megabytes) for peak in peaks)))
    gpu_peaks = [experiment.peak_gpu_memory_bytes for experiment in experiments]
    if any(map(_is_known, gpu_peaks)):
        columns.append(_column("peak GPU memory", 27, (_known(peak, _megabytes) for peak in gpu_peaks)))
    for key, title in (("mean_cpu_percent", "CPU"), ("mean_gpu_percent", "GPU")):
        shares = [usage.get(experiment.name, {}).get(key) for experiment in experiments]
        if any(map(_is_known, shares)):
            columns.append(_column(title, 28, (_known(share, "{:.0f}%".format) for share in shares)))
    return columns


def _ending_style(experiment: ExperimentState) -> str:
    if experiment.has_failed:
        return _FAILED
    return _RUNNING if experiment.outcome == RUNNING else ""


def _known(value: float | None, form: Callable[[Any], str]) -> str:
    return inline(form(value)) if _is_known(value) else UNKNOWN


def _is_known(value: object) -> bool:
    return value is not None and value != ""


def _megabytes(value: float) -> str:
    return f"{value / 1e6:,.0f} MB"


def _count(value: Any) -> str:
    if not _is_known(value):
        return UNKNOWN
    return inline(f"{value:,}" if isinstance(value, int) else number(value), 40)
