"""Where the values of a parameter, and of a metric, lie along an axis of a picture. Pure."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from launcher.reports.analysis.parameters import Parameter, number_of, value_label
from launcher.reports.axes import AxisRule
from launcher.reports.html.ticks import log_ticks, tick_label, ticks

MISSING = "\N{EN DASH}"  # the tick of experiments that do not have a parameter
_LEAST_SPREAD = 3.0  # between the largest and the smallest value of a logarithmic axis, at least


@dataclass(frozen=True)
class ParameterScale:
    """Where each value lies: 0 at the beginning, 1 at the end. Numbers lie on a scale, anything else evenly."""

    places: Mapping[str, float]  # by the key of the value, in order
    labels: Mapping[str, str]  # by the key of the value
    is_numeric: bool
    is_log: bool = False

    @classmethod
    def of(cls, parameter: Parameter) -> ParameterScale:
        """Return the scale of a parameter's values."""
        keys = list(parameter.levels)
        labels = {key: value_label(value) for key, value in parameter.levels.items()}
        numbers = [number for value in parameter.levels.values() if (number := number_of(value)) is not None]
        if not parameter.is_numeric or len(set(numbers)) < 2:
            places = [(place + 0.5) / len(keys) for place in range(len(keys))]
            return cls(dict(zip(keys, places, strict=True)), labels, is_numeric=False)
        is_log = is_even_in_logarithms(numbers)
        along = [math.log(number) for number in numbers] if is_log else numbers
        low, high = along[0], along[-1]
        places = [at / high - low / high if abs(high) > 1e300 else (at - low) / (high - low) for at in along]
        return cls(dict(zip(keys, places, strict=True)), labels, is_numeric=True, is_log=is_log)

    def ticks(self, room: float, size: float) -> list[tuple[float, str]]:
        """Return places and labels: of all values where there is room, else of some, the first and the last among them.

        `room`: the length of the axis; `size`: what a label takes of it.
        """
        found = [(place, self.labels[key]) for key, place in self.places.items()]
        kept = [found[0]]
        for each in found[1:-1]:
            if (each[0] - kept[-1][0]) * room >= size and (found[-1][0] - each[0]) * room >= size:
                kept.append(each)
        return kept if len(found) == 1 else [*kept, found[-1]]


def is_even_in_logarithms(numbers: Sequence[float]) -> bool:
    """Return whether increasing numbers are more evenly spaced in their logarithms: 1e-4, 3e-4, 1e-3 are."""
    if numbers[0] <= 0 or len(numbers) < 2 or numbers[-1] < _LEAST_SPREAD * numbers[0]:
        return False
    if len(numbers) == 2:
        return numbers[-1] >= 10 * numbers[0]
    return _unevenness([math.log(number) for number in numbers]) < _unevenness(numbers)


def _unevenness(numbers: Sequence[float]) -> float:
    """Return how many times as long the longest gap is as the shortest."""
    gaps = [high - low for low, high in itertools.pairwise(numbers) if high > low]
    return max(gaps) / min(gaps) if gaps else 1.0


@dataclass(frozen=True)
class LevelScale:
    """Where the levels of a metric lie: 0 at the lower end of its axis, 1 at the upper end."""

    rule: AxisRule

    def place(self, level: float) -> float:
        """Return the place of a level; what is beyond the axis is at its end."""
        low, high = self.rule.low, self.rule.high
        if self.rule.is_log:
            low, high, level = math.log10(low), math.log10(high), math.log10(max(level, low))
        return min(1.0, max(0.0, (level - low) / (high - low)))

    @property
    def ticks(self) -> list[tuple[float, str]]:
        """The places and labels of round levels."""
        found = log_ticks(self.rule.low, self.rule.high) if self.rule.is_log else ticks(self.rule.low, self.rule.high)
        return [(self.place(value), tick_label(value)) for value in found]
