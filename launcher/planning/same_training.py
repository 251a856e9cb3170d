"""What is wrong with generated experiments that would be the same training twice. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from launcher.planning.expansion import told
from launcher.planning.experiment import Experiment
from launcher.planning.job import Sweep

_MOST = 3  # pairs that are told


def same_training(sweep: Sweep, experiments: Sequence[Experiment]) -> list[str]:
    """Return the pairs of cells of a grid that train the same, such as two labels with equal values."""
    return list(_pairs(sweep, experiments))[:_MOST] if sweep.axes else []


def _pairs(sweep: Sweep, experiments: Sequence[Experiment]) -> Iterator[str]:
    first: dict[str, Experiment] = {}
    where = sweep.source_lines.where("grid")
    for experiment in experiments:
        if experiment.content is None or experiment.name not in sweep.cells:
            continue
        other = first.setdefault(experiment.content.digest, experiment)
        one, two = sweep.cells[other.name], sweep.cells[experiment.name]
        if other is not experiment and one.named == two.named and one.values != two.values:
            pair = (
                f"{other.name} and {experiment.name} are the same training: {told(one.values)} and {told(two.values)}"
            )
            yield f"{where}{pair}.\n  Take one of the values out of the grid, or write leave_out in [sweep]."
