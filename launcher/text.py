"""Words for people: numbers, durations and sizes for reading, text that is safe to print, hints at a misspelling.

Logs, tables, screens and messages use these functions. They know nothing of sweeps.
"""

from __future__ import annotations

import datetime
import math
import signal
from collections.abc import Callable, Iterable, Sequence

_MOST_MORE_DECIMALS = 3  # of an interval, to show on which side of 0 a bound is


def number(value: object) -> str:
    """Return a metric for reading: with four decimals, or with four or five digits where it is very small or large.

    Examples: `5.8701`, `2168.0`, `1.2e-05`, `nan`. Anything but a float is returned as `str` has it.
    """
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


def interval_words(low: float, high: float) -> tuple[str, str]:
    """Return the bounds of an interval to two digits of half its width: `-0.031` and `0.052`, `349` and `412`."""
    form = _form_of(low, high)
    return form(low), form(high)


def with_interval(value: float, low: float, high: float) -> str:
    """Return a value with an interval around it, all to the same digits: `-0.092 [-0.131, -0.053]`."""
    form = _form_of(low, high)
    return f"{form(value)} [{form(low)}, {form(high)}]"


def _form_of(low: float, high: float) -> Callable[[float], str]:
    """Return how the numbers of an interval are written. A bound beside 0 gets digits until it is on its side of 0."""
    half_width = (high - low) / 2
    if not (1e-6 < half_width < 1e7 and max(abs(low), abs(high)) < 1e9):
        return number
    decimals = max(0, 1 - math.floor(math.log10(half_width)))
    nearest = min(abs(low), abs(high))
    if nearest > 0 and round(nearest, decimals) == 0:
        needed = -math.floor(math.log10(nearest))
        decimals = needed if needed <= decimals + _MOST_MORE_DECIMALS else decimals
    return lambda value: f"{value:,.{decimals}f}"


def rounded(value: float) -> str:
    """Return a difference to three digits: `0.716`, `91.1`, `1,230`."""
    size = abs(value)
    if not 1e-4 <= size < 1e7:
        return f"{value:.3g}"
    return f"{value:,.{max(0, 2 - math.floor(math.log10(size)))}f}"


def duration(seconds: float) -> str:
    """Return a duration with its unit: `8.4 s`, `3:07 min`, `2:07:09 h`."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02} h" if hours else f"{minutes}:{rest:02} min"


def clock(seconds: float) -> str:
    """Return a duration for a narrow column: `0:08`, `3:07`, `2:07:09`."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def timestamp() -> str:
    """Return the local time with its offset, to the second: `2026-01-31T09:30:00+01:00`."""
    return datetime.datetime.now().astimezone().isoformat(timespec="seconds")


def size(num_bytes: float) -> str:
    """Return an amount of memory for a narrow column: `812 MB`, `21.3 GB`."""
    return f"{num_bytes / 1e6:.0f} MB" if num_bytes < 1e9 else f"{num_bytes / 1e9:.1f} GB"


def cell_width(text: str) -> int:
    """Return how many cells of a terminal a text takes. A wide character of East Asia takes two, an accent none."""
    if text.isascii():
        return len(text)
    from unicodedata import combining, east_asian_width  # workers, which import this module, never come here

    return sum(0 if combining(char) else 2 if east_asian_width(char) in "WF" else 1 for char in text)


def plural(count: int, noun: str) -> str:
    """Return a count with its noun: `1 step`, `3 steps`."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def listed(words: Sequence[str], most: int = 8) -> str:
    """Return words as a list that ends with the number of those left out: `a, b, c and 14 more`."""
    more = f" and {len(words) - most} more" if len(words) > most else ""
    return ", ".join(words[:most]) + more


def printable(text: str, limit: int | None = 2000) -> str:
    r"""Return text that does nothing to a terminal and that every reader of UTF-8, HTML or XML accepts.

    Control characters become escapes: the byte that starts a colour is shown as `\x1b`. Line breaks and tabs stay. Text
    of more than `limit` characters is cut and ends with `…`.
    """
    shown = text
    if not text.isprintable():
        shown = "".join(c if c.isprintable() or c in "\n\t" else c.encode("unicode_escape").decode() for c in text)
    return shown if limit is None or len(shown) <= limit else shown[:limit] + "…"


def inline(text: str, limit: int = 200) -> str:
    """Return text from outside for use within one line of a message: as `printable`, with line breaks escaped too."""
    return printable(text, limit).replace("\n", "\\n").replace("\t", "\\t")


def error_text(error: BaseException) -> str:
    """Return what an error of the user's code says. If its `__str__` raises, these are Python's words for that."""
    try:
        return str(error)
    except Exception:  # noqa: BLE001  the user's method may raise anything
        return "<exception str() failed>"


def did_you_mean(wrong: str, choices: Iterable[str]) -> str:
    """Return ` Did you mean "x"?` for the choice that is spelled most like a wrong word; empty if none is close."""
    import difflib

    by_folded = {choice.casefold(): choice for choice in choices}
    close = difflib.get_close_matches(wrong.casefold(), by_folded, n=1, cutoff=0.6)
    return f' Did you mean "{by_folded[close[0]]}"?' if close else ""


def signal_name(number: int) -> str:
    """Return the name of a signal, such as `SIGKILL`; `signal 40` for a real-time signal, which has no name."""
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def is_unicode(text: str) -> bool:
    """Return whether a text can be encoded: it has no half of a surrogate pair, as of bytes that are no UTF-8."""
    return text.isascii() or not any("\ud800" <= character <= "\udfff" for character in text)
