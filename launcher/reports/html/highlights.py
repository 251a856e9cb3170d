"""Which curves stand out on the page: of up to a dozen experiments all, of more the best few and the reference.

All other curves are thin and grey until the reader switches them on. The numbers are those of the plots. Pure.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from launcher.reports.analysis import best_first
from launcher.reports.differences import reference
from launcher.reports.plots.choice import MOST_NAMED, NUM_BEST
from launcher.store.experiment_state import ExperimentState

COLOURS, DASHES = 7, 5


@dataclass(frozen=True)
class Highlights:
    """Colours and order of the experiments, by their places in the job file."""

    order: list[int]  # the best first; then those without a value, failed and diverged ones last
    colours: list[int | None]  # of each experiment; None: thin and grey

    @classmethod
    def of(cls, experiments: Sequence[ExperimentState], metric: str | None) -> Highlights:
        """Return what stands out in a metric; None: the sweep has no metric, and the order is that of the job file."""
        order = [experiment.index for experiment in best_first(experiments, metric or "")]
        if len(experiments) <= MOST_NAMED:
            return cls(order, [each.index % COLOURS for each in experiments])
        base = reference(experiments)
        shown = [index for index in order[:NUM_BEST] if _may_win(experiments[index], metric)]
        if base is not None and base.index not in shown:
            shown.append(base.index)
        # The reference is black, or white on black, as the first experiment of a small sweep is.
        others = [index for index in shown if base is None or index != base.index]
        colours: list[int | None] = [None] * len(experiments)
        for place, index in enumerate(others):
            colours[index] = place % (COLOURS - 1) + 1
        if base is not None:
            colours[base.index] = 0
        return cls(order, colours)


def _may_win(experiment: ExperimentState, metric: str | None) -> bool:
    curve = experiment.curves.get(metric) if metric else None
    return not experiment.has_failed and curve is not None and curve.best is not None
