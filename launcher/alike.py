"""Equal reasons told once: groups experiments whose reasons differ only in numbers or in their own names.

lr_0.1   ValueError: loss 14.2 is too large for lr_0.1 (train.py:12)
lr_0.3   ValueError: loss 98.7 is too large for lr_0.3 (train.py:12)     alike
wide     ValueError: loss 98.7 is too large for wide (train.py:57)       another line of code: not alike
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

# Not the line number in `train.py:12`: the same error of another line is another error. So is another exit code.
_NUMBER = re.compile(r"(?<![\d.])(?<!\.py:)(?<!exit code )(?:0x[0-9a-f]+|\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)")


@dataclass(frozen=True)
class Alike:
    """Experiments that have the same reason for something."""

    reason: str  # that of the first
    names: list[str]


def likeness(name: str, reason: str) -> str:
    """Return a text that is the same for the reasons of two experiments if these are alike."""
    if name in reason:
        reason = re.sub(rf"(?<![\w.=+-]){re.escape(name)}(?![\w=+-])", "#", reason)
    return _without_numbers(reason)


@lru_cache(maxsize=1024)
def _without_numbers(reason: str) -> str:
    return _NUMBER.sub("#", reason)


def group_alike(reasons: Iterable[tuple[str, str]]) -> list[Alike]:
    """Group experiments by their reasons, given as (name, reason); the groups are in the order of their first names."""
    found: dict[str, Alike] = {}
    for name, reason in reasons:
        found.setdefault(likeness(name, reason), Alike(reason, [])).names.append(name)
    return list(found.values())
