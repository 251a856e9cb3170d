"""Fits the text of `results_table.txt` to a narrow terminal by leaving out whole columns, the least needed first.

The function is pure: it gets the text and the width.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

_GAP = "  "
_KEPT = ("experiment", "ending")  # columns that stay at any width
# Patterns for the headings of columns, the least needed first. Of the columns that a pattern fits, the rightmost is
# left out first. A column that no pattern fits is left out last.
_DISPENSABLE = (r"first ", r"parameters", r"peak ", r"device", r"tokens/s", r"CPU|GPU", r"final ", r"steps", r"time")


def fit(text: str, width: int, file: str) -> str:
    """Return the text with a table that fits into `width`, and a line that names the file with all columns.

    Text without a table is returned as it is, and so are the lines above and below the table.
    """
    lines = text.split("\n")
    ruler = next((number for number, line in enumerate(lines) if re.fullmatch(r"-+(  -+)+", line)), 0)
    if not ruler or len(lines[ruler]) <= width:
        return text
    spans = [match.span() for match in re.finditer("-+", lines[ruler])]
    names = [lines[ruler - 1][start:end].strip() for start, end in spans]
    shown = _choose(names, [end - start for start, end in spans], width)
    end_of_table = next((at for at in range(ruler, len(lines)) if not lines[at]), len(lines))
    for number in range(ruler - 1, end_of_table):
        lines[number] = _GAP.join(lines[number].ljust(spans[-1][1])[slice(*spans[at])] for at in shown).rstrip()
    lines.insert(end_of_table, f"({len(names) - len(shown)} more columns: {file})")
    return "\n".join(lines)


def _choose(names: Sequence[str], widths: Sequence[int], width: int) -> list[int]:
    """Return the indices of the columns to show."""
    shown = list(range(len(names)))
    for at in sorted(shown, key=lambda at: (_rank(names[at]), -at)):
        if sum(widths[index] for index in shown) + len(_GAP) * (len(shown) - 1) <= width:
            break
        if names[at] not in _KEPT:
            shown.remove(at)
    return shown


def _rank(name: str) -> int:
    return next((rank for rank, rule in enumerate(_DISPENSABLE) if re.match(rule, name)), len(_DISPENSABLE))
