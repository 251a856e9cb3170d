"""Which key of the configuration colours the many lines of a comparison. Pure: no matplotlib.

The key is the one that explains most of the order of the experiments by the level at the end of their curves, as
`analysis/importance.py` has it. A key of more than seven values that are no numbers colours nothing, nor does a key
that explains less than a quarter.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from launcher.reports.analysis.importance import explained, groups_of, ranks
from launcher.reports.analysis.parameters import flat_config, key_of, number_of
from launcher.text import inline

_MOST_CATEGORIES = 7
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
    flat = {name: flat_config(configs[name]) for name in configs}
    ranked = ranks(np.array([levels[name] for name in names]))
    best, best_share = None, _LEAST_SHARE
    for key in dict.fromkeys(key for name in names for key in flat[name]):
        if _has_too_many_categories([values.get(key) for values in flat.values()]):
            continue  # those of experiments without a level have a colour too
        groups = groups_of([flat[name].get(key) for name in names])
        if groups is not None and (share := explained(ranked, groups)) > best_share + 1e-9:
            best, best_share = key, share
    return _colours(best, {name: values.get(best) for name, values in flat.items()}) if best is not None else None


def _has_too_many_categories(values: Sequence[Any]) -> bool:
    return len(set(map(key_of, values))) > _MOST_CATEGORIES and any(number_of(value) is None for value in values)


def _colours(key: str, values: Mapping[str, Any]) -> KeyColours:
    """Return where the values of a key lie: of few values categories, of many numbers a scale."""
    numbers = {name: number for name, value in values.items() if (number := number_of(value)) is not None}
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
