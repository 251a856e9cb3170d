"""Whether colour is wanted on a stream, and how to paint with it: the one place that decides, for all views.

`--color` decides if it was given; else NO_COLOR (any value, https://no-color.org) and TERM=dumb say no, and a terminal
says yes. The choice is the process's own, like its standard streams: the command line makes it, once.
"""

from __future__ import annotations

import os
from typing import Literal, TextIO

Mode = Literal["auto", "always", "never"]
MODES: tuple[Mode, ...] = ("auto", "always", "never")
Colour = Literal["red", "green", "bold", "dim"]
_CODES: dict[Colour, str] = {"red": "31", "green": "32", "bold": "1", "dim": "2"}
_mode: Mode = "auto"


def choose(mode: Mode) -> None:
    """Set what the user wants for this process."""
    global _mode
    _mode = mode


def is_wanted(stream: TextIO) -> bool:
    """Say whether to write colour to a stream."""
    if _mode != "auto":
        return _mode == "always"
    return not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb" and stream.isatty()


def paint(text: str, colour: Colour) -> str:
    """Return text whose first line is coloured: that is what happened; the lines below it are details."""
    first, newline, rest = text.partition("\n")
    return f"\x1b[{_CODES[colour]}m{first}\x1b[0m{newline}{rest}"
