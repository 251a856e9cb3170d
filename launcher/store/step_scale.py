"""Maps the steps of an experiment to another quantity that grows with them: time, or tokens seen so far."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

from launcher.store.series import Series, packed, packed_steps


@dataclass(frozen=True)
class StepScale:
    """A quantity at the steps of an experiment: N steps, at least one. Between two steps it grows evenly.

    Example: 100 tokens at step 1 and 300 at step 3 are 200 at step 2, if step 2 was not counted.
    """

    steps: Sequence[int]  # (N,) in order
    values: Sequence[float]  # (N,)
    is_thinned: bool = False  # the experiment counted at more steps than are here

    @classmethod
    def of(cls, series: Series | None) -> StepScale | None:
        """Return the scale of a series; None if there is none, or it has no value."""
        if series is None or not len(series):
            return None
        steps = [*[cell.last for cell in series.cells], *series.steps]
        values = [*[cell.newest for cell in series.cells], *series.values]
        if series.cells and series.cells[0].first < steps[0]:
            steps, values = [series.cells[0].first, *steps], [series.first, *values]
        return cls(packed_steps(steps), packed(values), series.is_thinned)

    def covers(self, steps: Iterable[int]) -> bool:
        """Return whether the quantity is known at each of these steps. Of a thinned scale: whether they lie in it."""
        if self.is_thinned:
            return all(self.steps[0] <= step <= self.steps[-1] for step in steps)
        return self._known.issuperset(steps)

    def at(self, steps: Iterable[int]) -> list[float]:
        """Return the quantity at each of these steps; before the first step as at the first, and so at the last."""
        return [self._at(step) for step in steps]

    @cached_property
    def _known(self) -> frozenset[int]:
        return frozenset(self.steps)

    def _at(self, step: int) -> float:
        place = bisect_left(self.steps, step)
        if place == len(self.steps):
            return float(self.values[-1])
        if self.steps[place] == step or place == 0:
            return float(self.values[place])
        low, high = self.steps[place - 1], self.steps[place]
        share = (step - low) / (high - low)
        return float(self.values[place - 1] + (self.values[place] - self.values[place - 1]) * share)
