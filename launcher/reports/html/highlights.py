"""Which curves stand out on the page: of up to a dozen all, of more the best few and the reference.

All other curves are thin and grey until the reader switches them on. The numbers are those of the plots. Pure.

With several seeds a curve is a configuration, and its first experiment stands for it: colours are by the places of
experiments in the job file, and the other seeds have none.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from launcher.reports.analysis import Judgement, best_first, has_seeds, judge
from launcher.reports.differences import reference
from launcher.reports.plots.choice import MOST_NAMED, NUM_BEST
from launcher.store.experiment_state import ExperimentState

COLOURS, DASHES = 7, 5


@dataclass(frozen=True)
class Highlights:
    """Colours and order of the curves, by the places in the job file of the experiments that stand for them."""

    order: list[int]  # the best first; then those without a value, failed and diverged ones last
    colours: list[int | None]  # of each experiment; None: thin and grey
    names: Mapping[int, str]  # of the curves, in the order of the job file: of an experiment, or of a configuration

    @classmethod
    def of(cls, experiments: Sequence[ExperimentState], metric: str | None) -> Highlights:
        """Return what stands out in a metric; None: the sweep has no metric, and the order is that of the job file."""
        base = reference(experiments)
        if has_seeds(experiments):
            return cls._of_configurations(judge(experiments, metric or ""), base)
        order = [experiment.index for experiment in best_first(experiments, metric or "")]
        names = {each.index: each.name for each in experiments}
        best = [index for index in order[:NUM_BEST] if _may_win(experiments[index], metric)]
        return cls(order, _colours(len(experiments), list(names), best, base.index if base else None), names)

    @classmethod
    def _of_configurations(cls, judgement: Judgement, base: ExperimentState | None) -> Highlights:
        names = {each.configuration.experiments[0].index: each.name for each in judgement.results}
        order = [each.configuration.experiments[0].index for each in judgement.ranked]
        best = [
            each.configuration.experiments[0].index
            for each in judgement.ranked[:NUM_BEST]
            if each.mean is not None and not each.diverged
        ]
        num = sum(len(each.configuration.experiments) for each in judgement.results)
        own = next((index for index, name in names.items() if base and name == base.configuration), None)
        return cls(order, _colours(num, list(names), best, own), names)

    @cached_property
    def _places(self) -> Mapping[int, int]:
        return {index: place for place, index in enumerate(self.names)}

    def dash(self, index: int) -> int:
        """Return the dash of a curve."""
        return self._places.get(index, 0) % DASHES if len(self.names) <= MOST_NAMED else 0


def _colours(num: int, lines: Sequence[int], best: Sequence[int], base: int | None) -> list[int | None]:
    """Return the colour of each of `num` experiments. `lines`: those that stand for a curve."""
    colours: list[int | None] = [None] * num
    if len(lines) <= MOST_NAMED:
        for place, index in enumerate(lines):
            colours[index] = place % COLOURS
        return colours
    # The reference is black, or white on black, as the first experiment of a small sweep is.
    for place, index in enumerate(index for index in best if index != base):
        colours[index] = place % (COLOURS - 1) + 1
    if base is not None:
        colours[base] = 0
    return colours


def _may_win(experiment: ExperimentState, metric: str | None) -> bool:
    curve = experiment.curves.get(metric) if metric else None
    return not experiment.has_failed and curve is not None and curve.best is not None
