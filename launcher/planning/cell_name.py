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
    return f"{_axis_text(axis)}={_value_text(axis, point.shown)}"


def cell_name(named: str, parts: Sequence[str]) -> str:
    """Return the name of a cell. `named`: of [experiments], or empty; `parts`: in the order of the axes' names."""
    return "+".join(filter(None, (named, *parts))) or BASE


def seed_name(configuration: str, seed: int, first: int) -> str:
    """Return the name of an experiment of a configuration. `first`: the seed of the sweep, which no name has."""
    return configuration if seed == first else f"{configuration}+s{seed}"


def _axis_text(axis: Axis) -> str:
    """Return the name of an axis as names have it: of a key with odd characters, such as `+lr`, the others first."""
    if _PLAIN.fullmatch(axis.name):
        return axis.name
    return _with_hash(".".join(axis.path), axis.name).lstrip("._-")


def _value_text(axis: Axis, shown: Any) -> str:
    if axis.is_labelled or isinstance(shown, str):
        return _plain(shown, shown)
    if shown is None:
        return "none"
    # 1e+16 is written 1e16: a name has the sign + between its parts only
    return _plain(write(shown).replace("e+", "e") if isinstance(shown, float) else write(shown), shown)


def _plain(text: str, value: Any) -> str:
    """Return a text in characters that a name may have. What is changed gets a hash, so that it stays different."""
    return text if _PLAIN.fullmatch(text) else _with_hash(text, value)


def _with_hash(text: str, value: Any) -> str:
    content = json.dumps(value, sort_keys=True, default=str)
    shortened = re.sub(r"[^A-Za-z0-9._-]", "-", text)[:_LONGEST]
    return f"{shortened}.{hashlib.sha256(content.encode()).hexdigest()[:_HEX]}"


def _differs(overrides: Mapping[str, Any], config: Mapping[str, Any]) -> bool:
    """Return whether a point sets anything to another value than [config] does."""
    return any(
        not nested.has(config, path) or not is_same(nested.value_at(config, path), value)
        for path, value in nested.leaves(overrides)
    )


def is_same(one: Any, other: Any) -> bool:
    """Return whether two values are the same: 1 and 1.0 are, 1 and true are not."""
    return bool(one == other) and isinstance(one, bool) == isinstance(other, bool)
