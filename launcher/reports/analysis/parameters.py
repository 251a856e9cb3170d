"""The parameters of a sweep: the axes of its grid or, without a grid, the keys in which its configurations differ."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from launcher.config import notation
from launcher.config.nested import dotted, leaves
from launcher.store.experiment_state import ExperimentState
from launcher.text import inline

LONGEST = 24  # characters of a value that is shown
_LONGEST_FLOAT = 9  # of a longer one, four digits are shown


@dataclass(frozen=True)
class Parameter:
    """A parameter, and its value in each experiment that has it."""

    name: str  # an axis, or a dotted key: `optimiser.lr`
    values: Mapping[str, Any]  # by experiment
    given: Sequence[Any] = ()  # the values in the order of the job file; empty: that of the experiments

    @cached_property
    def is_numeric(self) -> bool:
        """Every value is a finite number."""
        return bool(self.values) and all(number_of(value) is not None for value in self.values.values())

    @cached_property
    def levels(self) -> dict[str, Any]:
        """The different values by their keys: numbers by size, anything else in the order of the job file."""
        used = {key_of(value): value for value in self.values.values()}
        ordered = {key: used[key] for key in map(key_of, self.given) if key in used} | used
        if not self.is_numeric:
            return ordered
        return dict(sorted(ordered.items(), key=lambda item: number_of(item[1]) or 0.0))

    def key(self, experiment: str) -> str | None:
        """Return the key of an experiment's value; None if the experiment does not have the parameter."""
        return key_of(self.values[experiment]) if experiment in self.values else None


def parameters_of(axes: Mapping[str, Sequence[Any]], experiments: Sequence[ExperimentState]) -> list[Parameter]:
    """Return the parameters that have two values or more, in the order of the job file.

    `axes`: of the grid, empty without one. The seed is no parameter: experiments on other seeds are the same
    configuration.
    """
    if axes:
        found = [
            Parameter(axis, {each.name: each.cell[axis] for each in experiments if axis in each.cell}, given)
            for axis, given in axes.items()
        ]
    else:
        flat = {each.name: flat_config(each.config) for each in experiments}
        keys = dict.fromkeys(key for config in flat.values() for key in config)
        found = [Parameter(key, {name: flat[name][key] for name in flat if key in flat[name]}) for key in keys]
    num = len(experiments)
    return [each for each in found if len(each.levels) + (len(each.values) < num) > 1]


def flat_config(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values of a configuration by dotted keys: `optimiser.lr`."""
    return {dotted(path): value for path, value in leaves(config)}


def number_of(value: Any) -> float | None:
    """Return a value as a number; None if it is no finite number. `True` is no number."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        return float(value) if math.isfinite(value) else None
    except OverflowError:
        return None


def key_of(value: Any) -> str:
    """Return a text that is the same for equal values of a parameter: `16` and `16.0` are different texts."""
    return repr(value)


def value_label(value: Any, longest: int = LONGEST) -> str:
    """Return a value for reading: a text as it stands, anything else as a job file has it."""
    if value is None:
        return "none"
    if isinstance(value, float) and len(repr(value)) > _LONGEST_FLOAT:
        return f"{value:.4g}"
    return inline(value if isinstance(value, str) else notation.write(value), longest)
