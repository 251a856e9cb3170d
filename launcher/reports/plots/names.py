"""The column beside a comparison: each name at the height where its line ends, and what the colours mean."""

from __future__ import annotations

from collections.abc import Mapping

from matplotlib.figure import Figure

from launcher.reports.plots.choice import Choice
from launcher.reports.plots.frame import Frame, stroke, text
from launcher.reports.plots.key_colours import KeyColours
from launcher.reports.plots.palette import Palette
from launcher.reports.plots.spread import spread
from launcher.reports.plots.style import NAME_SIZE, NOTE_SIZE, fitted, width_of
from launcher.reports.plots.value_axis import ValueAxis

_ROW = 0.165  # inches of a name
_SAMPLE = (0.16, 0.5)  # where the sample of a line begins and ends, from the edge of the panel
_TEXT = 0.56
_EDGE = 0.08
_BAR = (1.2, 0.09)  # inches of the colour scale
_NUM_STROKES = 60  # of which the colour scale is made


class NameColumn:
    """The column of names."""

    def __init__(self, choice: Choice, names: Mapping[str, str], palette: Palette, axis: ValueAxis) -> None:
        self._choice = choice
        self._palette = palette
        self._axis = axis
        self._shown = {
            line.name: names[line.name] + line.suffix + (" (reference)" if line.name == choice.reference else "")
            for line in choice.named
        }

    @property
    def width(self) -> float:
        """The width of the column, in inches."""
        widths = [width_of(name, NAME_SIZE) for name in self._shown.values()]
        if key := self._palette.key:
            widths += [width_of(_title(key), NAME_SIZE, is_bold=True) - _TEXT + _SAMPLE[0], _BAR[0] + 0.2]
            widths += [width_of(category, NAME_SIZE) for category in key.categories]
        return _TEXT + max(widths, default=0.0) + _EDGE

    def draw(self, figure: Figure, frame: Frame) -> None:
        """Write the names, and what the colours mean where there is more room: above or below them."""
        wanted = [self._axis.share(end[1]) if (end := line.end) else 1.0 for line in self._choice.named]
        wanted = [share * frame.height for share in wanted]
        key_height = self._key_height
        is_below = sum(wanted) > len(wanted) * frame.height / 2
        low = key_height if is_below else 0.0
        high = frame.height - (0.0 if is_below else key_height)
        for line, asked, place in zip(self._choice.named, wanted, spread(wanted, _ROW, low, high), strict=True):
            style, y = self._palette.style(line), frame.bottom + place
            stroke(figure, (frame.edge + 0.02, frame.edge + _SAMPLE[0]), (frame.bottom + asked, y),
                   color=style["color"], linewidth=0.5, alpha=0.7)  # fmt: skip
            stroke(figure, (frame.edge + _SAMPLE[0], frame.edge + _SAMPLE[1]), (y, y), **style)
            text(figure, frame.edge + _TEXT, y, self._shown[line.name], size=NAME_SIZE)
        if self._palette.key is not None:
            top = frame.bottom + (key_height - 0.1 if is_below else frame.height)
            self._draw_key(figure, self._palette.key, frame.edge + _SAMPLE[0], top)

    @property
    def _key_height(self) -> float:
        key = self._palette.key
        if key is None:
            return 0.0
        return 0.2 + (_ROW * (len(key.categories) + 1) if key.categories else _ROW + 0.32)

    def _draw_key(self, figure: Figure, key: KeyColours, left: float, top: float) -> None:
        text(figure, left, top - _ROW / 2, _title(key), size=NAME_SIZE, weight="bold")
        for number, category in enumerate(key.categories):
            y = top - (number + 1.5) * _ROW
            stroke(figure, (left, left + _SAMPLE[1] - _SAMPLE[0]), (y, y), color=self._palette.key_colour(number))
            text(figure, left + _TEXT - _SAMPLE[0], y, category, size=NAME_SIZE)
        if not key.categories:
            length, height = _BAR
            for number in range(_NUM_STROKES):
                ends = (
                    left + length * number / _NUM_STROKES,
                    left + length * min(_NUM_STROKES, number + 1.4) / _NUM_STROKES,
                )
                colour = self._palette.key_colour((number + 0.5) / _NUM_STROKES)
                y = top - _ROW - height
                stroke(figure, ends, (y, y), color=colour, linewidth=height * 72, solid_capstyle="butt")
            y = top - _ROW - 2 * height - 0.09
            text(figure, left, y, f"{key.low:.2g}", size=NOTE_SIZE, ha="left")
            text(figure, left + length, y, f"{key.high:.2g}", size=NOTE_SIZE, ha="right")


def _title(key: KeyColours) -> str:
    return f"{fitted(key.key, 2.2, NAME_SIZE)}{' (log scale)' if key.is_log else ''}"
