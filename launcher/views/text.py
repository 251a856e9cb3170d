"""Numbers and times as people read them, for logs, tables and screens."""

from __future__ import annotations


def number(value: object) -> str:
    """Return a metric for reading: four decimals, or five digits where that would say too little or too much."""
    if isinstance(value, float):
        if value != value or value in (float("inf"), float("-inf")):
            return str(value)
        if 0.01 <= abs(value) < 1000:
            return f"{value:.4f}"
        return f"{value:.1f}" if 1000 <= abs(value) < 1e7 else f"{value:.4g}"
    return str(value)


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
