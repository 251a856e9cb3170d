"""How much of the order of the results each parameter explains: importance by ranks. Pure.

The results are ranked. The values of a parameter make groups: up to six values as they are, more numbers in six groups
of equal size. The share of the spread of the ranks that lies between the groups is corrected for their number, k, of n
results (epsilon squared, Kelley 1935, "An unbiased correlation ratio measure"):

    e2 = 1 - (n - 1) / (n - k) * SS_within / SS_total

So a parameter that does nothing has 0 on average, however many values it has. Ranks make it the same for a loss, its
logarithm and a perplexity.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from launcher.planning.defaults import LEAST_RESULTS
from launcher.reports.analysis.parameters import Parameter, key_of, number_of
from launcher.reports.smoothing import Floats

NUM_BINS = 6
CAUTION = (
    "Of the values that this sweep has: an axis with a bad value looks important, and another range may give another "
    "order."
)


@dataclass(frozen=True)
class Importance:
    """The share of the order that each parameter explains, the largest first, and what is left."""

    shares: Mapping[str, float]  # by parameter, 0 … 1; without those that cannot be judged
    rest: float  # parameters together, and noise unless it is known apart
    noise: float | None  # between the seeds of a configuration; None without seeds
    num: int  # results

    @property
    def rows(self) -> list[tuple[str, float]]:
        """What a table shows: a row a parameter, then the rest."""
        rows = [*self.shares.items(), ("together" if self.noise is not None else "together and noise", self.rest)]
        return rows if self.noise is None else [*rows, ("noise, between seeds", self.noise)]


def importance(
    parameters: Sequence[Parameter], results: Mapping[str, float], configurations: Mapping[str, str] | None = None
) -> Importance | None:
    """Return the importance of each parameter; None for fewer than 20 results, or if all results are the same.

    Args:
        results: by experiment; infinity for a diverged one, which has the last rank.
        configurations: of each experiment, where configurations have several seeds.
    """
    names = list(results)
    ranked = ranks(np.array([results[name] for name in names], dtype=float))
    if len(names) < LEAST_RESULTS or not ranked.size or np.ptp(ranked) == 0:
        return None
    shares = {}
    for parameter in parameters:
        groups = groups_of([parameter.values.get(name, _Missing) for name in names])
        if groups is not None:
            shares[parameter.name] = min(1.0, max(0.0, explained(ranked, groups)))
    ordered = dict(sorted(shares.items(), key=lambda item: -item[1]))
    known = sum(shares.values())
    if configurations is None or len({configurations[name] for name in names}) == len(names):
        return Importance(ordered, max(0.0, 1 - known), None, len(names))
    whole = min(1.0, max(0.0, explained(ranked, [configurations[name] for name in names])))
    return Importance(ordered, max(0.0, whole - known), 1 - whole, len(names))


class _Missing:
    """Stands for the value of a parameter that an experiment does not have: a group of its own."""


def ranks(values: Floats) -> Floats:
    """Return the ranks of values, shape (N,), from 0; values that are the same have the same, their mean."""
    _, first, counts = np.unique(values, return_inverse=True, return_counts=True)
    starts = np.cumsum(counts) - counts
    found: Floats = (starts + (counts - 1) / 2)[first]
    return found


def groups_of(values: Sequence[Any]) -> list[Hashable] | None:
    """Return the group of each value; None if there is one group, or most values stand alone and are no numbers."""
    keys: list[Hashable] = [value if value is _Missing else key_of(value) for value in values]
    num = len(set(keys))
    if num < 2:
        return None
    if num <= NUM_BINS:
        return keys
    numbers = [number_of(value) for value in values]
    known = sorted(number for number in numbers if number is not None)
    if len(known) + keys.count(_Missing) == len(values):
        edges = [known[len(known) * place // NUM_BINS] for place in range(1, NUM_BINS)]
        return [None if number is None else sum(number >= edge for edge in edges) for number in numbers]
    return keys if 2 * num <= len(values) else None


def explained(ranked: Floats, groups: Sequence[Hashable]) -> float:
    """Return the corrected share of the spread of ranks, shape (N,), between groups; below 0 for less than chance."""
    number: dict[Hashable, int] = {}
    group = np.array([number.setdefault(each, len(number)) for each in groups])
    counts = np.bincount(group)
    centred = ranked - ranked.mean()
    total = float(centred @ centred)
    between = float((np.bincount(group, weights=centred) ** 2 / counts).sum())
    free = len(ranked) - len(counts)
    return 1 - (total - between) / total * (len(ranked) - 1) / free if total > 0 and free > 0 else 0.0
