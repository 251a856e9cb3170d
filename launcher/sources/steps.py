"""The steps of what a program prints: the printed step where there is one, and else a count.

printed  10  20  30  10  20                    a step that goes back: a new epoch has begun
step     10  20  30  40  50
"""

from __future__ import annotations

from launcher.store.values import MOST


class Steps:
    """Gives the matches of one pattern their steps."""

    def __init__(self, after: int = 0) -> None:
        """Begin. `after`: the step after which matches without a printed step are counted."""
        self._last = after  # the step that was given last
        self._printed: int | None = None  # the step that was printed last
        self._stride = 1  # between the last two printed steps
        self._base = 0  # what is added to a printed step
        self.went_back: tuple[int, int] | None = None  # the first printed step that was before the last, and the last

    def next(self, printed: int | None) -> int:
        """Return the step of the next match. `printed`: the step that stands there; None: nothing, or no whole number.

        After a step that went back, the steps go on in the distance that they had before.
        """
        if printed is None or not 0 <= printed <= MOST - self._base:
            self._last = min(self._last + 1, MOST)
            return self._last
        before = self._printed
        if before is not None and printed > before:
            self._stride = printed - before
        elif before is not None and printed < before:
            if self.went_back is None:
                self.went_back = (printed, before)
            self._base = self._last + self._stride - printed
        self._printed = printed
        self._last = min(self._base + printed, MOST)
        return self._last


def went_back(printed: int, before: int) -> str:
    """Return the words for a step that was printed after a later step."""
    return (
        f"the step {printed} comes after the step {before}, as where an epoch begins: the steps of each epoch are "
        "added to those before"
    )
