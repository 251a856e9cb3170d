"""The best of each metric, as `run --json`, `status --json` and `--on-finish` tell it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from launcher.reports.analysis import best_experiment, judge, level_at_end, rank
from launcher.reports.configuration_table import metric_facts
from launcher.store.curve import Curve
from launcher.store.experiment_state import ExperimentState


def best_document(experiments: Sequence[ExperimentState], metrics: Sequence[str]) -> dict[str, Any]:
    """Return what is the best of each metric; a metric without a finite value has no entry."""
    return {metric: found for metric in metrics if (found := _best(experiments, metric))}


def _best(experiments: Sequence[ExperimentState], metric: str) -> dict[str, Any]:
    """Return the best single step of a metric, the best level at the end of the experiments that are done, and the best
    mean over the seeds of a configuration.
    """
    found = best_experiment(experiments, metric)
    if found is None:
        return {}
    ends = rank(experiments, metric).ends
    return {
        "experiment": found.experiment.name,
        "value": found.value,
        "step": found.step,
        **_end(found.experiment.curves[metric] if found.end else None),
        "configuration": _best_mean(experiments, metric),
        "at_the_end": {"experiment": ends[0][0].name, **_end(ends[0][0].curves[metric])} if ends else None,
    }


def _best_mean(experiments: Sequence[ExperimentState], metric: str) -> dict[str, Any] | None:
    """Return the configuration with the best mean over its seeds; None if no configuration has one."""
    best = judge(experiments, metric).best
    return {"configuration": best.name, **metric_facts(best)} if best is not None else None


def _end(curve: Curve | None) -> dict[str, float | None]:
    """Return the level at the end of a curve, the standard deviation of its values, and the level's standard error.

    The deviation of a single value is None, as is the standard error of fewer than five.
    """
    if curve is None or curve.end is None:
        return {"level": None, "spread": None, "standard_error": None}
    level = level_at_end(curve)
    error = level.standard_error if level is not None else None
    spread = curve.end.spread if curve.end.count > 1 else None
    return {"level": curve.end.level, "spread": spread, "standard_error": error}
