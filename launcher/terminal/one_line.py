"""Lines that fit a width by themselves: parts of which the least needed are left out, and names as far as they go."""

from __future__ import annotations

from collections.abc import Sequence

from launcher.reports.text_table import Line, cut, short_in
from launcher.text import cell_width

LONGEST_NAME = 30  # in a line that has several names


def parts_that_fit(parts: Sequence[tuple[int, str, str]], width: int, gap: str) -> Line:
    """Join the parts (rank, text, style) that are not empty. If they do not fit, parts of a high rank are left out."""
    kept = [part for part in parts if part[1]]
    while len(kept) > 1 and sum(cell_width(text) + len(gap) for _, text, _ in kept) - len(gap) > width:
        kept.remove(max(kept))
    line: Line = []
    for _, text, style in kept:
        line += [(gap, ""), (text, style)] if line else [(text, style)]
    return line


def names_in_line(names: Sequence[str], all_names: Sequence[str], width: int) -> str:
    """Return names as a list, as many as fit: `lr=0.3, lr=0.1, …`. They are shortened as in a table of all names."""
    short = short_in(all_names or names, min(LONGEST_NAME, width))
    found = ""
    for place, name in enumerate(names):
        longer = f"{found}, {short[name]}" if place else short[name]
        more = ", …" if place + 1 < len(names) else ""
        if cell_width(longer + more) > width:
            return cut(f"{found}, …" if found else longer, width)
        found = longer
    return found
