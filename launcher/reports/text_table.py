"""A table of text that fits a width: live view, `status`, the last screen and `results_table.txt` are such tables.

Where the width does not suffice, names are shortened, and whole columns are left out, the least needed first. No line
is ever broken. Pure: the width is given, and no terminal is asked.

A line is a list of spans, texts with a style. Styles are words such as `bold red`; `terminal` paints them.
"""

from __future__ import annotations

import math
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache

from launcher.short_names import short_names
from launcher.text import cell_width

Span = tuple[str, str]  # text and its style
Line = list[Span]

GAP = "  "
TITLE = "experiment"
NAME_SHARE = 3  # names may take a third of the width, if they are long, before columns are left out for them
UNLIMITED = 1_000_000  # a width for a file or a pipe
WARNING = "bold magenta"  # the style of what is not finite


@dataclass(frozen=True, eq=False)
class Column:
    """A column of a table, with a cell for each row."""

    title: str
    cells: Sequence[str]
    rank: int = 0  # columns of a high rank are left out first; those of rank 0 stay
    min_width: int = 0  # so that the column keeps its width while its numbers grow
    shortest: int = 0  # the column may be cut to this width before it is left out; 0: it may not
    is_left: bool = False  # aligned
    styles: Sequence[str] = ()  # of the cells; empty: none has a style

    @cached_property
    def width(self) -> int:
        """The width in cells of a terminal."""
        return max([self.min_width, cell_width(self.title), *map(cell_width, self.cells)])

    def cut_to(self, width: int) -> Column:
        """Return the column with its title and its cells cut to a width."""
        cells = [cut(cell, width) for cell in self.cells]
        return replace(self, title=cut(self.title, width), cells=cells, min_width=min(self.min_width, width))


def value_style(value: float | None) -> str:
    """Return the style of the value of a metric: a warning if it is NaN or infinite. It may be an int of any size."""
    return WARNING if isinstance(value, float) and not math.isfinite(value) else ""


def cut(text: str, width: int) -> str:
    """Return a text cut to a width, with `…` at its end where something is missing."""
    if cell_width(text) <= width:
        return text
    kept = text[: max(0, width - 1)]
    while cell_width(kept) > width - 1 > 0:
        kept = kept[:-1]
    return f"{kept}…" if width > 0 else ""


def fit(
    names: Sequence[str], columns: Sequence[Column], width: int, all_names: Sequence[str] = (), title: str = TITLE
) -> list[Column]:
    """Return the names of the rows as a first column, and the columns that fit beside it.

    Args:
        names: of the experiments, or whatever else the rows are.
        columns: the others. Those in which nothing is known should have been left out.
        width: of a line, in cells.
        all_names: of the sweep, so that a name is shortened in the same way whichever rows are shown.
        title: of the column of names.
    """
    all_names = all_names or names
    wanted = max(map(len, short_in(all_names, width // NAME_SHARE).values()), default=0)
    kept = _choose(columns, width - max(len(title), wanted))
    room = max(1, width - _taken(kept))
    short = short_in(all_names, room)
    shown = [cut(short[name], room) for name in names]
    return [Column(cut(title, room), shown, is_left=True), *kept]


def short_in(names: Sequence[str], longest: int) -> dict[str, str]:
    """Return each name of a sweep as it is shown where there is room for `longest` characters, at least 8."""
    return _short_names(tuple(names), longest)


@lru_cache(maxsize=8)  # a live view asks for the same names a few times a second
def _short_names(names: tuple[str, ...], longest: int) -> dict[str, str]:
    return short_names(names, longest)


def _choose(columns: Sequence[Column], room: int) -> list[Column]:
    """Return the columns that fit into the room beside the names."""
    kept = list(columns)
    while kept and (excess := _taken(kept) - room) > 0:
        place = max(range(len(kept)), key=lambda place: (kept[place].rank, place))
        column = kept[place]
        if column.rank == 0:
            break  # these columns stay, and the names give way
        if column.shortest and column.width - excess >= column.shortest:
            kept[place] = column.cut_to(column.width - excess)
        else:
            del kept[place]
    return kept


def _taken(columns: Sequence[Column]) -> int:
    return sum(column.width + len(GAP) for column in columns)


def layout(columns: Sequence[Column], *, has_titles: bool = True, has_ruler: bool = False) -> list[Line]:
    """Return the lines of a table: the titles, a ruler where wanted, and a line for each row."""
    lines: list[Line] = []
    if has_titles:
        lines.append([(_joined([column.title for column in columns], columns), "dim")])
    if has_ruler:
        lines.append([(_joined(["-" * column.width for column in columns], columns), "")])
    for place in range(len(columns[0].cells) if columns else 0):
        lines.append(_row(place, columns))
    return lines


def _row(place: int, columns: Sequence[Column]) -> Line:
    """Return the line of a row. It has few spans, because each adds to the time that a frame takes."""
    line: Line = []
    plain = ""
    for number, column in enumerate(columns):
        padded = _padded(column.cells[place], column)
        style = column.styles[place] if column.styles else ""
        gap = GAP if number else ""
        if style and padded.strip():
            line += [(plain + gap, ""), (padded, style)]
            plain = ""
        else:
            plain += gap + padded
    if plain.rstrip():
        line.append((plain.rstrip(), ""))
    return line


def _joined(texts: Sequence[str], columns: Sequence[Column]) -> str:
    return GAP.join(map(_padded, texts, columns)).rstrip()


def _padded(text: str, column: Column) -> str:
    missing = " " * (column.width - cell_width(text))
    return text + missing if column.is_left else missing + text


def plain(line: Line) -> str:
    """Return a line without its styles."""
    return "".join(text for text, _ in line).rstrip()


def wrapped(text: str, width: int) -> list[str]:
    """Return the lines of a text that is broken at blanks; all but the first are indented."""
    return textwrap.wrap(text, max(20, width), subsequent_indent="  ", break_long_words=False, break_on_hyphens=False)
