"""Puts labels beside an axis, each as near as possible to its place, without an overlap. Pure."""

from __future__ import annotations

from collections.abc import Sequence


def spread(wanted: Sequence[float], height: float, low: float, high: float) -> list[float]:
    """Return the middle of each label: at least `height` apart, within `low` and `high`, in the order of `wanted`.

    The sum of the squared distances to the wanted places is the least possible (isotonic regression by pooling
    neighbours). If there is no room for all, the labels are equally far apart.
    """
    height = min(height, (high - low) / max(1, len(wanted)))
    order = sorted(range(len(wanted)), key=lambda label: wanted[label])
    pools: list[tuple[float, int]] = []  # of labels that touch: the place of the first label, and their number
    for number, label in enumerate(order):
        pools.append((wanted[label] - number * height, 1))
        while len(pools) > 1 and pools[-1][0] < pools[-2][0]:
            (upper, num_upper), (lower, num_lower) = pools.pop(), pools.pop()
            num = num_upper + num_lower
            pools.append(((upper * num_upper + lower * num_lower) / num, num))
    firsts = [first for first, num in pools for _ in range(num)]
    least, most = low + height / 2, high - height / 2 - (len(wanted) - 1) * height
    places = [0.0] * len(wanted)
    for number, (label, first) in enumerate(zip(order, firsts, strict=True)):
        places[label] = min(max(first, least), max(least, most)) + number * height
    return places
