"""The values of one quantity by step, in bounded memory: a series of any length keeps at most 4,096 cells.

Up to 4,096 values, a series has every value. When a value more comes, the neighbouring values are joined two by two
into cells, then four by four, and so on:

    value   3.0  2.0  2.5  nan  1.0  0.5           6 values, a limit of 4 cells
    cells  [3.0  2.0][2.5  nan][1.0  0.5]          of width 2

A cell keeps the number, mean, lowest and highest of its finite values, and where they were. So the first, the newest,
the lowest and the highest value of a series are exact at any length; only a mean over a part of the series is a mean
over whole cells.
"""

from __future__ import annotations

import itertools
import math
from array import array
from bisect import bisect_left
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

LIMIT = 4096  # cells of a series at most
_KINDS = ("nan", "inf", "-inf")  # a bit each in `Cell.bad_kinds`


class Cell(NamedTuple):
    """Some values that follow one another. Where no value is finite, `mean`, `low` and `high` are NaN."""

    first: int  # the step of the first value
    last: int  # the step of the last value
    newest: float  # the last value
    num: int  # of the finite values
    mean: float
    m2: float  # the sum of the squares of the differences from the mean
    low: float
    low_step: int
    high: float
    high_step: int
    num_bad: int  # of the values that are not finite
    first_bad: int  # the step of the first of them
    bad_value: float  # its value
    bad_since: int  # the step of the first of those that end the cell; -1: the last value is finite
    bad_kinds: int  # which of _KINDS end the cell

    @property
    def is_bad(self) -> bool:
        """No value is finite."""
        return not self.num


@dataclass(slots=True)
class Series:
    """The values of one quantity by step. A series has at least one value when it is read."""

    limit: int = LIMIT  # cells at most, an even number
    first: float = math.nan  # the value at the first step
    width: int = 1  # of a cell, in values
    cells: list[Cell] = field(default_factory=list)  # the earlier values; none while the series is short
    steps: list[int] = field(default_factory=list)  # of the values that are in no cell, in order
    values: list[float] = field(default_factory=list)  # as logged: with NaN and infinities, and an int stays an int

    def __len__(self) -> int:
        """Return the number of values."""
        return sum(cell.num + cell.num_bad for cell in self.cells) + len(self.steps)

    @property
    def is_thinned(self) -> bool:
        """The series no longer has every value."""
        return bool(self.cells)

    @property
    def last(self) -> int:
        """The largest step; 0 without values."""
        return self.steps[-1] if self.steps else self.cells[-1].last if self.cells else 0

    @property
    def newest(self) -> float:
        """The value at the largest step; NaN without values."""
        return self.values[-1] if self.values else self.cells[-1].newest if self.cells else math.nan

    @property
    def highest(self) -> float | None:
        """The largest finite value; None if there is none."""
        return max(itertools.chain((cell.high for cell in self.cells if cell.num), self._finite()), default=None)

    @property
    def lowest(self) -> float | None:
        """The smallest finite value; None if there is none."""
        return min(itertools.chain((cell.low for cell in self.cells if cell.num), self._finite()), default=None)

    def step_of(self, extreme: float) -> int:
        """Return the first step that has a value; the value is the lowest or the highest of the series."""
        for cell in self.cells:
            if cell.num and extreme in (cell.low, cell.high):
                return cell.low_step if cell.low == extreme else cell.high_step
        return self.steps[self.values.index(extreme)]

    def _finite(self) -> Iterable[float]:
        return filter(math.isfinite, self.values)

    def all_cells(self) -> list[Cell]:
        """Return the cells, and the values that are in no cell as a last cell."""
        return [*self.cells, make_cell(self.steps, self.values)] if self.steps else list(self.cells)

    def extend(self, steps: Sequence[int], values: Sequence[float]) -> None:
        """Add values at steps that are larger than every step so far, in order."""
        if not self.steps and not self.cells and values:
            self.first = values[0]
        self.steps += steps
        self.values += values
        if len(self.steps) > self.limit or self.cells:
            self._thin()

    def put(self, step: int, value: float, *, replaces: bool = True) -> None:
        """Add a value at any step; a value that the step has already is replaced, if `replaces`.

        A step that lies among the cells of a series is counted in its cell, beside the value that it may have already.
        """
        if step > self.last or not (self.steps or self.cells):
            self.extend((step,), (value,))
            return
        if self.cells and step <= self.cells[-1].last:
            if replaces:
                place = min(bisect_left(self.cells, step, key=lambda cell: cell.last), len(self.cells) - 1)
                self.cells[place] = _joined(self.cells[place], make_cell((step,), (value,)))
            return
        place = bisect_left(self.steps, step)
        if place < len(self.steps) and self.steps[place] == step:
            if replaces:
                self.values[place] = value
        else:
            self.steps.insert(place, step)
            self.values.insert(place, value)
        if place == 0 and not self.cells:
            self.first = self.values[0]
        if len(self.steps) > self.limit:
            self._thin()

    def remove(self, start: int, end: float) -> bool:
        """Forget the values at the steps from `start` up to but not `end`.

        Return False, and forget nothing, if any of these values are in cells: the series must then be made again. So
        the same values always make the same cells.
        """
        if any(cell.last >= start and cell.first < end for cell in self.cells):
            return False
        low, high = bisect_left(self.steps, start), bisect_left(self.steps, end)
        del self.steps[low:high], self.values[low:high]
        if not self.cells:
            self.first = self.values[0] if self.values else math.nan
        return True

    def _thin(self) -> None:
        """Move values into cells, and join cells whenever there are too many.

        The cells do not depend on how many values came at once.
        """
        self.width = max(2, self.width)
        start = 0
        while start + self.width <= len(self.steps):
            if len(self.cells) == self.limit:
                self.cells = [_joined(*pair) for pair in zip(self.cells[::2], self.cells[1::2], strict=True)]
                self.width *= 2
                continue
            end = start + self.width
            self.cells.append(make_cell(self.steps[start:end], self.values[start:end]))
            start = end
        del self.steps[:start], self.values[:start]


def packed(numbers: Sequence[float]) -> Sequence[float]:
    """Return the same numbers in a quarter of the memory of a list, if they are all floats or all ints of 64 bits."""
    types = set(map(type, numbers))
    try:
        return array("d" if types == {float} else "q", numbers) if types in ({float}, {int}) else tuple(numbers)
    except OverflowError:  # an int of more bits
        return tuple(numbers)


def packed_steps(steps: Sequence[int]) -> Sequence[int]:
    """Return the same steps in a quarter of the memory of a list."""
    return array("q", steps)


def make_cell(steps: Sequence[int], values: Sequence[float]) -> Cell:
    """Return the cell of some values, at least one, in order of step."""
    if not all(map(math.isfinite, values)):
        return _cell_with_bad_values(steps, values)
    num = len(values)
    low, high = min(values), max(values)
    mean = _mean(values)
    m2 = _guarded(lambda: math.dist(values, [mean] * num) ** 2)
    low_step, high_step = steps[values.index(low)], steps[values.index(high)]
    return Cell(steps[0], steps[-1], values[-1], num, mean, m2, low, low_step, high, high_step, 0, -1, math.nan, -1, 0)


def _cell_with_bad_values(steps: Sequence[int], values: Sequence[float]) -> Cell:
    good = [place for place, value in enumerate(values) if math.isfinite(value)]
    bad = [place for place, value in enumerate(values) if not math.isfinite(value)]
    since = good[-1] + 1 if good else 0
    kinds = sum(1 << _KINDS.index(kind) for kind in {str(value) for value in values[since:]})
    bad_since = steps[since] if since < len(steps) else -1
    found = (
        make_cell([steps[place] for place in good], [values[place] for place in good])
        if good
        else Cell(0, 0, math.nan, 0, math.nan, 0.0, math.nan, -1, math.nan, -1, 0, -1, math.nan, -1, 0)
    )
    return found._replace(
        first=steps[0],
        last=steps[-1],
        newest=values[-1],
        num_bad=len(bad),
        first_bad=steps[bad[0]],
        bad_value=values[bad[0]],
        bad_since=bad_since,
        bad_kinds=kinds,
    )


def _joined(one: Cell, other: Cell) -> Cell:
    """Return the cell of the values of two cells. Mean and m2 by Chan, Golub and LeVeque (1979), equation 2.1."""
    ends = other if other.last >= one.last else one
    num = one.num + other.num
    if not num or not one.num or not other.num:
        counted = one if one.num else other
        mean, m2 = counted.mean, counted.m2
    else:
        delta = other.mean - one.mean
        mean = one.mean + delta * (other.num / num)
        m2 = _guarded(lambda: one.m2 + other.m2 + delta**2 * (one.num * other.num / num))
    low = other if one.is_bad or other.low < one.low else one
    high = other if one.is_bad or other.high > one.high else one
    is_bad_from_one = ends is other and other.is_bad and one.bad_since >= 0
    bad = min((cell for cell in (one, other) if cell.num_bad), key=lambda cell: cell.first_bad, default=one)
    return Cell(
        first=min(one.first, other.first),
        last=ends.last,
        newest=ends.newest,
        num=num,
        mean=mean,
        m2=m2,
        low=low.low,
        low_step=low.low_step,
        high=high.high,
        high_step=high.high_step,
        num_bad=one.num_bad + other.num_bad,
        first_bad=bad.first_bad,
        bad_value=bad.bad_value,
        bad_since=one.bad_since if is_bad_from_one else ends.bad_since,
        bad_kinds=ends.bad_kinds | (one.bad_kinds if is_bad_from_one else 0),
    )


def bad_word(kinds: int) -> str:
    """Return the value that `Cell.bad_kinds` tells of: nan, inf or -inf; `not finite` if there are several."""
    named = [kind for bit, kind in enumerate(_KINDS) if kinds >> bit & 1]
    return named[0] if len(named) == 1 else "not finite"


def _mean(values: Sequence[float]) -> float:
    return _guarded(lambda: math.fsum(values) / len(values))


def _guarded(compute: Callable[[], float]) -> float:
    """Return a sum; infinity if it is beyond any float."""
    try:
        return compute()
    except OverflowError:
        return math.inf
