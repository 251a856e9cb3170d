"""Decides whether colour is wanted on a stream, for everything that prints, and paints text.

`--color always` and `--color never` decide. Without them a terminal gets colour, unless NO_COLOR is set to anything
(https://no-color.org) or TERM is `dumb`. The choice belongs to the process, like its standard streams: the command line
makes it once.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Literal, TextIO

if TYPE_CHECKING:
    from launcher.reports.text_table import Line

Mode = Literal["auto", "always", "never"]
MODES: tuple[Mode, ...] = ("auto", "always", "never")
Colour = Literal["red", "green", "yellow", "magenta", "bold", "dim"]
_CODES: dict[str, str] = {"red": "31", "green": "32", "yellow": "33", "magenta": "35", "bold": "1", "dim": "2"}
_mode: Mode = "auto"


def choose(mode: Mode) -> None:
    """Set the value of `--color` for this process."""
    global _mode
    _mode = mode


def is_wanted(stream: TextIO) -> bool:
    """Say whether to write colour to a stream."""
    if _mode != "auto":
        return _mode == "always"
    return not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb" and stream.isatty()


def paint(text: str, colour: Colour) -> str:
    """Return text with its first line coloured. The first line of a message says what happened; the rest is details."""
    first, newline, rest = text.partition("\n")
    return f"\x1b[{_CODES[colour]}m{first}\x1b[0m{newline}{rest}"


def paint_line(line: Line) -> str:
    """Return a line of spans with the colour codes of their styles."""
    codes = [(text, ";".join(_CODES[word] for word in style.split())) for text, style in line]
    return "".join(f"\x1b[{code}m{text}\x1b[0m" if code else text for text, code in codes)
