"""Student's t distribution for whole degrees of freedom, by its finite series; scipy would take a second to import.

Abramowitz & Stegun, "Handbook of Mathematical Functions" (1964), equations 26.7.3 and 26.7.4: with df degrees of
freedom and theta = atan(|t| / sqrt(df)), the probability of a value between -|t| and |t| is

    df = 1        2/pi · theta
    df odd        2/pi · (theta + sin theta · (cos theta + 2/3 cos³ theta + … ))        powers up to df - 2
    df even       sin theta · (1 + 1/2 cos² theta + (1·3)/(2·4) cos⁴ theta + … )        powers up to df - 2
"""

from __future__ import annotations

import functools
import math


def two_sided_p(t: float, df: int) -> float:
    """Return the probability of a value at least as far from 0 as `t`. `df`: degrees of freedom, from 1."""
    assert df >= 1, "a standard error of two values has a degree of freedom"
    theta = math.atan(abs(t) / math.sqrt(df))
    cos = math.cos(theta)
    first = 1 if df % 2 else 0  # the power of the first term
    terms, term = 0.0, cos**first
    for power in range(first, df - 1, 2):
        terms += term
        term *= cos * cos * (power + 1) / (power + 2)
    within = math.sin(theta) * terms
    if df % 2:
        within = 2 / math.pi * (theta + within)
    return max(0.0, 1.0 - within)


@functools.cache
def quantile(confidence: float, df: int) -> float:
    """Return the t beyond which, on both sides together, 1 - `confidence` lies: 4.60 for 0.99 and df = 4."""
    assert 0 < confidence < 1, "a confidence is a share"
    low, high = 0.0, 1.0
    while two_sided_p(high, df) > 1 - confidence:
        high *= 2
    while True:
        middle = (low + high) / 2
        if middle in (low, high):
            return middle
        low, high = (middle, high) if two_sided_p(middle, df) > 1 - confidence else (low, middle)
