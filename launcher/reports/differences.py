"""What sets the experiments of a sweep apart: which one the others are compared with, and which values differ."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import Any

from launcher.config.nested import assignments
from launcher.planning.batch_halving import describe_changes
from launcher.store.experiment_state import ExperimentState


def reference(experiments: Sequence[ExperimentState]) -> ExperimentState | None:
    """Return the experiment that the others are compared with: the first without overrides, else the first of all."""
    without = (experiment for experiment in experiments if not experiment.overrides)
    return next(without, experiments[0] if experiments else None)


def describe_difference(experiment: ExperimentState) -> str:
    """Return the overrides of an experiment, as `lr=0.001, n_layers=1`, and what on_oom made other than asked."""
    asked = ", ".join(assignments(experiment.overrides))
    smaller = f"for want of memory {describe_changes(experiment.changed)}" if experiment.changed else ""
    return "; ".join(part for part in (asked, smaller) if part)


def differing(tables: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return the keys whose values are not the same in all tables, in order of first appearance.

    Values are compared by their text: 1 differs from 1.0. A key that a table lacks differs from every value.
    """
    keys = dict.fromkeys(itertools.chain.from_iterable(tables))
    missing = object()
    return [key for key in keys if len({repr(table.get(key, missing)) for table in tables}) > 1]


def shared(tables: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return the keys whose values are the same in all tables, with the values."""
    different = set(differing(tables))
    return {key: value for key, value in tables[0].items() if key not in different} if tables else {}
