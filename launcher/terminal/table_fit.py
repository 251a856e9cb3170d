"""Fits the results table, as its file has it, to a narrow terminal: whole columns go, the least needed first. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence

_GAP = "  "
_KEPT = ("experiment", "ending")
# What goes first, by the heading; within a line the rightmost column first. What is named nowhere goes last.
_DISPENSABLE = (r"first ", r"parameters", r"peak ", r"device", r"tokens/s", r"CPU|GPU", r"final ", r"steps", r"time")


def fit(text: str, width: int, file: str) -> str:
    """Return the table without the columns that do not fit into `width`, and say where they are."""
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
    """Return the places of the columns to show."""
    shown = list(range(len(names)))
    for at in sorted(shown, key=lambda at: (_rank(names[at]), -at)):
        if sum(widths[one] for one in shown) + len(_GAP) * (len(shown) - 1) <= width:
            break
        if names[at] not in _KEPT:
            shown.remove(at)
    return shown


def _rank(name: str) -> int:
    return next((rank for rank, rule in enumerate(_DISPENSABLE) if re.match(rule, name)), len(_DISPENSABLE))
