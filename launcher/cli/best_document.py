"""The best of each metric, as `run --json`, `status --json` and `--on-finish` tell it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from launcher.reports.analysis import best_experiment, rank
from launcher.store.curve import End
from launcher.store.experiment_state import ExperimentState


def best_document(experiments: Sequence[ExperimentState], metrics: Sequence[str]) -> dict[str, Any]:
    """Return what is the best of each metric; a metric without a finite value has no entry."""
    return {metric: found for metric in metrics if (found := _best(experiments, metric))}


def _best(experiments: Sequence[ExperimentState], metric: str) -> dict[str, Any]:
    """Return the best single step of a metric, and the best level at the end of the experiments that are done."""
    found = best_experiment(experiments, metric)
    if found is None:
        return {}
    ends = rank(experiments, metric).ends
    return {
        "experiment": found.experiment.name,
        "value": found.value,
        "step": found.step,
        **_end(found.end),
        "at_the_end": {"experiment": ends[0][0].name, **_end(ends[0][1])} if ends else None,
    }


def _end(end: End | None) -> dict[str, float | None]:
    return {"level": end.level if end else None, "spread": end.spread if end else None}
