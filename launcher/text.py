"""Numbers and times as people read them, for logs, tables and screens."""

from __future__ import annotations

import math


def number(value: object) -> str:
    """Return a metric for reading: four decimals, or five digits where that would say too little or too much."""
    if isinstance(value, float):
        if value != value or value in (float("inf"), float("-inf")):
            return str(value)
        if 0.01 <= abs(value) < 1000:
            return f"{value:.4f}"
        return f"{value:.1f}" if 1000 <= abs(value) < 1e7 else f"{value:.4g}"
    return str(value)


def with_spread(level: float, spread: float) -> str:
    """Return a mean and its spread to two digits of the spread: `5.10 ± 0.41`, `349 ± 89`."""
    if not (0 < spread < 1e7 and spread > 1e-6 and abs(level) < 1e9):
        return f"{number(level)} ± {number(spread)}"
    decimals = max(0, 1 - math.floor(math.log10(spread)))
    return f"{level:,.{decimals}f} ± {spread:,.{decimals}f}"


def rounded(value: float) -> str:
    """Return a difference to three digits: `0.716`, `91.1`, `1,230`."""
    size = abs(value)
    if not 1e-4 <= size < 1e7:
        return f"{value:.3g}"
    return f"{value:,.{max(0, 2 - math.floor(math.log10(size)))}f}"


def duration(seconds: float) -> str:
    """Return a time for reading: `8.4 s`, `3:07 min`, `2:07:09 h`."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02} h" if hours else f"{minutes}:{rest:02} min"


def clock(seconds: float) -> str:
    """Return a time for a narrow column: `0:08`, `3:07`, `2:07:09`."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def size(num_bytes: float) -> str:
    """Return an amount of memory for a narrow column: `812 MB`, `21.3 GB`."""
    return f"{num_bytes / 1e6:.0f} MB" if num_bytes < 1e9 else f"{num_bytes / 1e9:.1f} GB"


def clean(value: str) -> str:
    """Return text that every reader of UTF-8, HTML or XML takes: control characters and the like shown as escapes."""
    if value.isprintable():
        return value
    return "".join(c if c.isprintable() or c in "\n\t" else c.encode("unicode_escape").decode() for c in value)


def plural(count: int, noun: str) -> str:
    """Return a count with its noun: `1 step`, `3 steps`."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
