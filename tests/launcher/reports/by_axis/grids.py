"""Grids that nobody trained: states of experiments by the values of their axes."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from launcher.reports.by_axis.results import AxisResults
from launcher.store.curve import Curve
from launcher.store.ending import EndingKind
from launcher.store.experiment_state import ExperimentState
from launcher.store.metric import Metric

Axes = Mapping[str, Sequence[Any]]
LR = (2.5e-4, 5e-4, 1e-3, 2e-3)


def grid(
    axes: Axes,
    seeds: int = 1,
    *,
    level: Callable[[Mapping[str, Any]], float] = lambda _cell: 2.0,
    has_diverged: Callable[[Mapping[str, Any], int], bool] = lambda _cell, _seed: False,
    is_left_out: Callable[[Mapping[str, Any]], bool] = lambda _cell: False,
    is_maximized: bool = False,
) -> list[ExperimentState]:
    """Return the experiments of a grid; their curves are level but for a little noise."""
    found = []
    for values in itertools.product(*axes.values()):
        cell = dict(zip(axes, values, strict=True))
        if is_left_out(cell):
            continue
        group = "+".join(f"{axis}={value}" for axis, value in cell.items())
        for seed in range(seeds):
            name = f"{group}+s{seed}" if seed else group
            ending = EndingKind.DIVERGED if has_diverged(cell, seed) else EndingKind.DONE
            chance = random.Random(name)
            values_logged = [level(cell) + chance.gauss(0, 0.01)] * 10
            found.append(
                ExperimentState(
                    name=name,
                    index=len(found),
                    config=cell,
                    overrides=cell,
                    group=group,
                    seed=seed,
                    cell=cell,
                    state=ending,
                    ending=ending,
                    curves={"loss": Curve(tuple(range(1, 11)), tuple(values_logged), is_maximized)},
                )
            )
    return found


def results(axes: Axes, seeds: int = 1, *, is_grid: bool = True, **rest: Any) -> AxisResults:
    """Return the results of such a grid."""
    metric = Metric("loss", is_maximized=bool(rest.get("is_maximized")))
    return AxisResults.of(metric, axes if is_grid else {}, grid(axes, seeds, **rest))
