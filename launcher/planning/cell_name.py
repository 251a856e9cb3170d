"""Names of the experiments that a grid and seeds make. A name is a function of its own cell alone. Pure.

A name says what differs from [config]: `lr=0.001+size=small`, sorted by axis. Where nothing differs it is `base`, or
the name in [experiments]. A seed that is not the sweep's stands behind it: `lr=0.001+s2`. So more values, more seeds,
another order of axes, or an axis whose present value stands in [config] leave all names as they are.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from launcher.config import nested
from launcher.config.notation import write
from launcher.planning.axis import Axis, Point

BASE = "base"
_PLAIN = re.compile(r"[A-Za-z0-9._-]+")
_LONGEST = 24  # characters of a value that is not written as it stands
_HEX = 4


def name_part(axis: Axis, point: Point, config: Mapping[str, Any]) -> str:
    """Return what a name says of one axis, such as `lr=0.001`; empty where nothing differs from [config]."""
    if not _differs(point.overrides, config):
        return ""
    shown = point.shown
    text = shown if axis.is_labelled or isinstance(shown, str) else write(shown)
    return f"{_plain(axis.name)}={_plain(text, shown)}"


def cell_name(named: str, parts: Sequence[str]) -> str:
    """Return the name of a cell. `named`: of [experiments], or empty; `parts`: in the order of the axes' names."""
    return "+".join(filter(None, (named, *parts))) or BASE


def seed_name(configuration: str, seed: int, first: int) -> str:
    """Return the name of an experiment of a configuration. `first`: the seed of the sweep, which no name has."""
    return configuration if seed == first else f"{configuration}+s{seed}"


def _plain(text: str, value: Any = None) -> str:
    """Return a text in characters that a name may have. What is changed gets a hash, so that it stays different."""
    text = str(text)
    if _PLAIN.fullmatch(text):
        return text
    content = json.dumps(text if value is None else value, sort_keys=True, default=str)
    shortened = re.sub(r"[^A-Za-z0-9._-]", "-", text)[:_LONGEST]
    return f"{shortened}.{hashlib.sha256(content.encode()).hexdigest()[:_HEX]}"


def _differs(overrides: Mapping[str, Any], config: Mapping[str, Any]) -> bool:
    """Return whether a point sets anything to another value than [config] does."""
    return any(
        not nested.has(config, path) or not _is_same(nested.value_at(config, path), value)
        for path, value in nested.leaves(overrides)
    )


def _is_same(one: Any, other: Any) -> bool:
    return bool(one == other) and isinstance(one, bool) == isinstance(other, bool)
