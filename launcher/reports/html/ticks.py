"""Round numbers along an axis of the page, and their labels. `scripts/axes.js` follows the same rules."""

from __future__ import annotations

import math


def ticks(low: float, high: float, count: int = 5) -> list[float]:
    """Return round numbers that divide an interval into about `count` parts: 1, 2 or 5 times a power of ten."""
    rough = (high - low) / count
    if not rough > 0:
        return [low]
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= rough * 0.999)
    first = math.ceil(low / step - 1e-9)
    return [place * step for place in range(first, math.floor(high / step + 1e-9) + 1)]


def log_ticks(low: float, high: float) -> list[float]:
    """Return the powers of ten within an interval: every second or third of many, and 2 and 5 times each of few."""
    first, last = math.ceil(math.log10(low) - 1e-9), math.floor(math.log10(high) + 1e-9)
    if last - first < 2:
        found = [factor * 10.0**power for power in range(first - 1, last + 1) for factor in (1, 2, 5)]
        return [value for value in found if low * 0.999 <= value <= high * 1.001]
    return [10.0**power for power in range(first, last + 1, max(1, (last - first + 5) // 6))]


def tick_label(value: float) -> str:
    """Return the label of a tick, such as `0.5`, `20`, `50k`, `1.2M` or `1e-05`."""
    if abs(value) >= 1e15:
        return f"{value:.3g}"
    for size, unit in ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= size * 0.9999:
            return f"{value / size:.4g}{unit}"
    return "0" if value == 0 else f"{value:.4g}"
