"""A picture as a list of shapes, without a library that draws: `plots/sketch_figure.py` makes a plot, the page an SVG.

Places are in units from the upper left corner; 100 units are an inch of a plot, a unit is about a pixel of the page.
A shape has a role, such as `muted` or `rank0`, which plot and page give a colour each: so the page can be dark.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

Anchor = Literal["start", "middle", "end"]
Point = tuple[float, float]
SIZE = 11.0  # of a text
NUM_RANKS = 5  # roles of lines that are coloured by rank, rank0 the best
_CHARACTER = 0.6  # the width of a character, of its size
# Nine colours of viridis (Smith and van der Walt 2015), which also differ in greyscale.
_SHADES = ("440154", "472d7b", "3b528b", "2c728e", "21918c", "28ae80", "5ec962", "addc30", "fde725")


@dataclass(frozen=True)
class Rect:
    """A rectangle, filled with a colour of the scale of shades; without a fill its edge is drawn."""

    x: float
    y: float
    width: float
    height: float
    fill: str = ""  # a colour
    role: str = ""  # of the edge
    title: str = ""  # what the page tells where the pointer rests on it


@dataclass(frozen=True)
class Text:
    """A line of text, its middle at `y`."""

    x: float
    y: float
    words: str
    anchor: Anchor = "start"
    role: str = "text"
    fill: str = ""  # a colour, where the role does not tell it
    size: float = SIZE
    is_bold: bool = False
    is_upright: bool = False  # reads upwards, around its middle


@dataclass(frozen=True)
class Strokes:
    """Lines of the same look."""

    lines: Sequence[Sequence[Point]]
    role: str
    width: float = 1.0
    opacity: float = 1.0
    is_dashed: bool = False


@dataclass(frozen=True)
class Dots:
    """Dots of the same look; crosses, if `is_cross`."""

    points: Sequence[Point]
    role: str
    radius: float = 3.0
    opacity: float = 1.0
    is_cross: bool = False


Shape = Rect | Text | Strokes | Dots


@dataclass
class Sketch:
    """A picture."""

    title: str
    width: float
    height: float
    description: str = ""  # what it shows in a sentence, for readers who cannot see it
    notes: list[str] = field(default_factory=list)  # written under it
    shapes: list[Shape] = field(default_factory=list)

    def add(self, *shapes: Shape) -> None:
        """Add shapes; the later ones lie over the earlier ones."""
        self.shapes += shapes


def width_of(words: str, size: float = SIZE) -> float:
    """Return about how wide a text is."""
    return len(words) * _CHARACTER * size


def fitted(words: str, room: float, size: float = SIZE) -> str:
    """Return a text, cut with `…` where it is wider than its room."""
    most = max(1, int(room / (_CHARACTER * size)))
    return words if len(words) <= most else f"{words[: most - 1].rstrip()}…"


def shade(share: float) -> str:
    """Return the colour of a share from 0, dark, to 1, light."""
    place = min(1.0, max(0.0, share)) * (len(_SHADES) - 1)
    low = min(int(place), len(_SHADES) - 2)
    rest = place - low
    pairs = zip(_channels(_SHADES[low]), _channels(_SHADES[low + 1]), strict=True)
    return "#" + "".join(f"{round(a + (b - a) * rest):02x}" for a, b in pairs)


def readable_on(colour: str) -> str:
    """Return black or white, whichever has the larger contrast on a colour (WCAG 2.2, relative luminance)."""
    parts = [channel / 255 for channel in _channels(colour.removeprefix("#"))]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    luminance = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
    return "#ffffff" if 1.05 / (luminance + 0.05) > (luminance + 0.05) / 0.05 else "#000000"


def _channels(colour: str) -> tuple[int, int, int]:
    return int(colour[:2], 16), int(colour[2:4], 16), int(colour[4:], 16)
