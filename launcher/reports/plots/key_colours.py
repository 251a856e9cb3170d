"""Which key of the configuration colours the many lines of a comparison. Pure: no matplotlib.

The key is the one that separates the experiments best: the share of the variance of their ranks, by the level at the
end of their curves, that lies between the values of the key. It is corrected for the number of values (ε², epsilon
squared). A numeric key of more than seven values counts by five groups of equal size. No key that explains less than a
quarter colours anything.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from launcher.reports.smoothing import Floats
from launcher.text import inline

_MOST_CATEGORIES = 7
_NUM_BINS = 5
_LEAST_SHARE = 0.25  # of the variance of the ranks
_LEAST_LINES = 8
_LOG_RATIO = 20.0  # between the largest and the smallest value: from here on the colour scale is logarithmic
_LONGEST = 24  # characters of a category


@dataclass(frozen=True)
class KeyColours:
    """A key, and where its value of each experiment lies."""

    key: str  # dotted: `optimiser.lr`
    categories: tuple[str, ...]  # as they are written; empty: the values are numbers on a scale
    places: Mapping[str, float]  # by experiment: the number of its category, or 0 … 1 on the scale
    low: float = 0.0
    high: float = 1.0
    is_log: bool = False


def find_key(configs: Mapping[str, Mapping[str, Any]], levels: Mapping[str, float]) -> KeyColours | None:
    """Return the key that colours the lines; None if no key separates them.

    `levels`: by experiment, of those that have a level at the end of their curve.
    """
    names = [name for name in configs if name in levels]
    if len(names) < _LEAST_LINES:
        return None
    flat = {name: _flat(configs[name]) for name in configs}
    ranks = _ranks(np.array([levels[name] for name in names]))
    best, best_share = None, _LEAST_SHARE
    for key in dict.fromkeys(key for name in names for key in flat[name]):
        values = [flat[name].get(key) for name in names]
        groups = _groups(values)
        if groups is not None and (share := _explained(ranks, groups)) > best_share + 1e-9:
            best, best_share = key, share
    return _colours(best, {name: values.get(best) for name, values in flat.items()}) if best is not None else None


def _flat(config: Mapping[str, Any], before: str = "") -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in config.items():
        if isinstance(value, Mapping):
            found |= _flat(value, f"{before}{key}.")
        else:
            found[f"{before}{key}"] = value
    return found


def _number(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        return float(value) if math.isfinite(value) else None
    except OverflowError:
        return None


def _ranks(levels: Floats) -> Floats:
    """Return the ranks, the same for levels that are the same."""
    _, first, counts = np.unique(levels, return_inverse=True, return_counts=True)
    starts = np.cumsum(counts) - counts
    ranks: Floats = (starts + (counts - 1) / 2)[first]
    return ranks


def _groups(values: Sequence[Any]) -> Sequence[int] | None:
    """Return the group of each value; None if the values are all the same, or too many that are no numbers."""
    by_text = {repr(value): value for value in values}
    if len(by_text) < 2:
        return None
    if len(by_text) <= _MOST_CATEGORIES:
        number = {text: place for place, text in enumerate(by_text)}
        return [number[repr(value)] for value in values]
    numbers = [_number(value) for value in values]
    known = sorted(number for number in numbers if number is not None)
    if len(known) < len(numbers):
        return None
    edges = [known[len(known) * place // _NUM_BINS] for place in range(1, _NUM_BINS)]
    return [sum(number >= edge for edge in edges) for number in numbers if number is not None]


def _explained(ranks: Floats, groups: Sequence[int]) -> float:
    """Return the share of the variance of ranks that lies between groups, corrected for the number of groups."""
    group = np.array(groups)
    total = float(((ranks - ranks.mean()) ** 2).sum())
    within = sum(float(((part - part.mean()) ** 2).sum()) for g in set(groups) if len(part := ranks[group == g]))
    free = len(ranks) - len(set(groups))
    return 1 - within / total * (len(ranks) - 1) / free if total > 0 and free > 0 else 0.0


def _colours(key: str, values: Mapping[str, Any]) -> KeyColours:
    """Return where the values of a key lie: of few values categories, of many numbers a scale."""
    numbers = {name: number for name, value in values.items() if (number := _number(value)) is not None}
    if len(numbers) == len(values) and len(set(numbers.values())) > 3:
        low, high = min(numbers.values()), max(numbers.values())
        is_log = low > 0 and high >= _LOG_RATIO * low
        ends = (math.log(low), math.log(high)) if is_log else (low, high)
        places = {
            name: ((math.log(number) if is_log else number) - ends[0]) / (ends[1] - ends[0])
            for name, number in numbers.items()
        }
        return KeyColours(key, (), places, low, high, is_log)
    is_numeric = len(numbers) == len(values)
    texts = {name: inline(str(value), _LONGEST) for name, value in values.items()}
    ordered = [texts[name] for name in (sorted(numbers, key=numbers.__getitem__) if is_numeric else texts)]
    categories = tuple(dict.fromkeys(ordered))
    return KeyColours(key, categories, {name: float(categories.index(text)) for name, text in texts.items()})
