"""Where the parts of a plot lie, in inches: panels side by side, a column of names, lines of notes under them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from launcher.reports.plots.style import NOTE_COLOUR, NOTE_SIZE, fitted, width_of

ROW = 0.145  # of a line of notes
_EDGE = 0.06


@dataclass(frozen=True)
class Frame:
    """The sizes of a plot, in inches."""

    left: float  # of the first panel
    right: float  # the column beside the last panel
    top: float
    notes: tuple[str, ...]
    corner: str  # in the right corner under the panels
    panel: float  # the width of a panel
    num_panels: int = 1
    height: float = 3.25  # of the panels
    gap: float = 0.3

    @property
    def width(self) -> float:
        """The width of the figure."""
        return self.left + self.num_panels * self.panel + (self.num_panels - 1) * self.gap + self.right

    @property
    def bottom(self) -> float:
        """Where the panels begin."""
        return 0.5 + _EDGE + ROW * self._num_rows

    @property
    def _num_rows(self) -> int:
        """The rows of notes. The corner has its own if the last note is too long."""
        if not self.corner or not self.notes:
            return len(self.notes) + bool(self.corner)
        used = sum(width_of(note, NOTE_SIZE) for note in (self.notes[-1], self.corner))
        return len(self.notes) + (used + 4 * _EDGE > self.width)

    @property
    def total(self) -> float:
        """The height of the figure."""
        return self.bottom + self.height + self.top

    @property
    def edge(self) -> float:
        """Where the last panel ends."""
        return self.width - self.right

    def box(self, number: int = 0) -> tuple[float, float, float, float]:
        """Return left, bottom, width and height of a panel as shares of the figure."""
        left = self.left + number * (self.panel + self.gap)
        return left / self.width, self.bottom / self.total, self.panel / self.width, self.height / self.total

    def write_notes(self, figure: Figure) -> None:
        """Write the notes under the panels, and what stands in the corner."""
        style: Any = {"size": NOTE_SIZE, "color": NOTE_COLOUR}
        for row, note in enumerate(self.notes, start=1):
            y = _EDGE + (self._num_rows - row + 0.5) * ROW
            text(figure, _EDGE, y, fitted(note, self.width - 2 * _EDGE, NOTE_SIZE), **style)
        corner = fitted(self.corner, self.width - 2 * _EDGE, NOTE_SIZE)
        text(figure, self.width - _EDGE, _EDGE + ROW / 2, corner, ha="right", **style)


def left_of(ticks: Sequence[str], label: str) -> float:
    """Return the room that a value axis needs for the labels of its ticks and its own label."""
    widest = max((width_of(tick, 9.0) for tick in ticks), default=0.0)
    return 0.14 + widest + 0.2 + 0.15 * (label.count("\n") + 1)


def text(figure: Figure, x: float, y: float, words: str, **style: Any) -> None:
    """Write a line of text at a place in inches, its middle at `y`."""
    figure.text(x, y, words, transform=figure.dpi_scale_trans, va="center_baseline", **style)


def stroke(figure: Figure, x: tuple[float, float], y: tuple[float, float], **style: Any) -> None:
    """Draw a straight line between two places in inches."""
    figure.add_artist(Line2D(x, y, transform=figure.dpi_scale_trans, clip_on=False, **style))
