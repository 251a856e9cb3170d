"""The colour and dash of each line of a comparison.

Up to a dozen lines have the colour and dash of their place in the job file, whichever others are drawn. Of more, the
named ones have a colour and a dash each, and the rest is grey. If a key of the configuration colours the rest, the
named ones are black, and the reference is red.
"""

from __future__ import annotations

from typing import Any

import matplotlib
from matplotlib.colors import to_hex

from launcher.reports.plots.choice import Choice
from launcher.reports.plots.key_colours import KeyColours
from launcher.reports.plots.line import Line
from launcher.reports.plots.style import COLOURS, DASHES, GREY

_CATEGORIES = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#7F7F7F")
_SCALE = matplotlib.colormaps["viridis"]
_SCALE_END = 0.92  # what is lighter is not seen on paper
_REFERENCE = "#D40000"


class Palette:
    """Gives each line its colour and dash."""

    def __init__(self, choice: Choice, key: KeyColours | None) -> None:
        self.key = key
        self._is_many = bool(choice.others)
        self._colours: dict[str, str] = {}
        self._reference = choice.reference
        self._rank = {line.name: place for place, line in enumerate(choice.named)}
        # From here on, places in the job file have the same colour and dash as earlier ones.
        self._has_places = not self._is_many and all(line.index < len(COLOURS) * len(DASHES) for line in choice.named)

    def colour(self, line: Line) -> str:
        """Return the colour of a line."""
        if line.name not in self._colours:
            self._colours[line.name] = self._colour(line)
        return self._colours[line.name]

    def _colour(self, line: Line) -> str:
        if self._has_places:
            return COLOURS[line.index % len(COLOURS)]
        is_named = line.name in self._rank
        if self.key is None:
            return COLOURS[self._rank[line.name] % len(COLOURS)] if is_named else GREY
        if is_named:
            return _REFERENCE if line.name == self._reference else COLOURS[0]
        return self.key_colour(self.key.places[line.name])

    def key_colour(self, place: float) -> str:
        """Return the colour of a value of the key: of the number of its category, or of its place on the scale."""
        if self.key is not None and self.key.categories:
            return _CATEGORIES[int(place) % len(_CATEGORIES)]
        return to_hex(_SCALE(place * _SCALE_END))

    def style(self, line: Line) -> dict[str, Any]:
        """Return the style of a named line."""
        number = line.index if self._has_places else self._rank[line.name]
        if self.key is not None and line.name == self._reference:
            number = 0
        return {"color": self.colour(line), "linestyle": DASHES[number % len(DASHES)], "linewidth": 1.6}
