"""The steps of what a program prints: the printed step where there is one, and else a count.

    printed  10  20  30  10  20                a step that goes back to the first: a new epoch has begun
    step     10  20  30  40  50

    printed  10  20  20  30  40  30  40        two processes print, and neither waits for the other
    step     10  20  20  30  40  30  40

A step that goes back begins an epoch if it is not above the first step of the epoch before, or if it is more than two
distances between steps below the last.

Where an attempt goes on, its first printed step belongs to an epoch of the attempt before, or to the next one: by the
number of the epoch where it is printed, else to the last epoch, or the next if the last had all its steps.

    loss 3    loss 2    loss 1, val_loss 2    loss 1      two patterns without a step, which have a metric in common
    1         2         3                     4           are counted together: else one would write over the other
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from launcher.store.values import MOST

_MOST_NAMES = 1000
_MOST_EPOCHS = 500  # that are kept, the newest
# What lines of every kind say beside their metrics: it makes them no kin.
_BESIDE = re.compile(r"epoch|ms|s|(.*_)?(lr|learning_rate|time|elapsed|eta|speed|mem|memory)(_(\d+|ms|s))?")


class Epoch(NamedTuple):
    """Where an epoch began."""

    base: int  # what is added to its printed steps
    first: int  # the step that was printed first
    stride: int  # the distance between steps before it
    number: float  # as it is printed; -1 if it is not


class Steps:
    """Gives the matches of one pattern their steps."""

    def __init__(self, after: int = 0, epochs: Sequence[Epoch] = ()) -> None:
        """Begin. `after`: the step after which matches without a printed step are counted.

        `epochs`: of the attempt that this one goes on with.
        """
        self._epochs = list(epochs)
        self.note = ""  # what is to be told of the steps, once; who tells it empties it
        self._last = after  # the largest step that was given
        self._printed: int | None = None  # the step that was printed last
        self._first = 0  # the step that was printed first in this epoch
        self._stride = 1  # between the last two printed steps
        self._base = 0  # what is added to a printed step
        self._has_gone_back = self._has_counted = False
        self._kin = [self]  # the steps of all patterns that have a metric in common, these too

    @property
    def epochs(self) -> list[Epoch]:
        """The epochs so far, for an attempt that goes on with this one."""
        return [*self._epochs[:-1], *(epoch._replace(stride=self._stride) for epoch in self._epochs[-1:])]

    def join(self, other: Steps) -> None:
        """Count together with another pattern and its kin."""
        if not self.is_kin_of(other):
            self._kin += other._kin
            for each in self._kin:
                each._kin = self._kin

    def is_kin_of(self, other: Steps) -> bool:
        """Say whether matches of both are counted together."""
        return self._kin is other._kin

    def count(self) -> int:
        """Return the step of the next match, where no step is printed."""
        self._last = min(max(each._last for each in self._kin) + 1, MOST)
        return self._last

    def next(self, printed: int | None, epoch: float = -1) -> int:
        """Return the step of the next match. `printed`: the step that stands there; None: it is no whole number.

        `epoch`: the number of the epoch that stands there; -1 if there is none.

        After a step that went back, the steps go on in the distance that they had before. What is no step is counted.
        """
        before = self._printed
        if printed is not None and before is not None and before < printed <= MOST - self._base:  # the usual case
            self._printed = printed
            self._stride = printed - before
            step = self._base + printed
            if step > self._last:
                self._last = step
            return step
        if printed is None or not 0 <= printed <= MOST - self._base:
            if not self._has_counted:
                self._has_counted = True
                self.note = "a step is not a whole number from 0. Such matches are counted"
            return self.count()
        self._printed = printed
        if before is None:
            self._begin(printed, epoch)
        elif printed < before and (printed <= self._first or before - printed > 2 * self._stride):
            self._begin_epoch(printed, before, epoch)
        step = min(self._base + printed, MOST)
        if step > self._last:
            self._last = step
        return step

    def _begin(self, printed: int, number: float) -> None:
        """Begin with the first printed step: of the first epoch, or of that with which the attempt goes on."""
        self._first = printed
        if not self._epochs:
            self._keep(printed, number)
            return
        last = self._epochs[-1]
        self._stride = last.stride
        known = next((epoch for epoch in reversed(self._epochs) if number >= 0 and epoch.number == number), None)
        if known is None and self._is_next_epoch(printed, number):
            self._base = max(0, self._last + self._stride - printed)
            self._keep(printed, number)
            return
        of = known or last
        self._base, self._first = of.base, of.first
        self._last = min(self._base + printed, MOST)  # what comes after it is trained again
        del self._epochs[self._epochs.index(of) + 1 :]

    def _is_next_epoch(self, printed: int, number: float) -> bool:
        """Say whether an attempt goes on with an epoch that the attempt before had not begun."""
        last = self._epochs[-1]
        if printed > last.first and (number < 0 or len(self._epochs) == 1):
            return False
        if number >= 0:
            return number > last.number
        length = last.base - self._epochs[-2].base if len(self._epochs) > 1 else 0
        return length > 0 and self._last + last.stride - last.first >= last.base + length

    def _keep(self, first: int, number: float) -> None:
        self._epochs.append(Epoch(self._base, first, self._stride, number))
        del self._epochs[:-_MOST_EPOCHS]

    def _begin_epoch(self, printed: int, before: int, number: float) -> None:
        self._first = printed
        self._base = self._last + self._stride - printed
        self._keep(printed, number)
        if not self._has_gone_back:
            self._has_gone_back = True
            self.note = (
                f"the step {printed} comes after the step {before}, as where an epoch begins: the steps of each epoch "
                "are added to those before"
            )


class StepsByName:
    """The steps of several patterns. Without a printed step, those that have a metric in common count together."""

    def __init__(self, after: int = 0) -> None:
        """Begin. `after`: as of `Steps`."""
        self.after = after
        self._known: dict[str, Steps] = {}  # by metric: those of the first pattern that has it

    def of(self, names: Iterable[str], own: Steps | None = None) -> Steps:
        """Return the steps of a pattern with these metrics: `own`, if the pattern has had other metrics before."""
        steps = own or Steps(self.after)
        for name in names:
            if not _BESIDE.fullmatch(name) and (name in self._known or len(self._known) < _MOST_NAMES):
                steps.join(self._known.setdefault(name, steps))
        return steps
