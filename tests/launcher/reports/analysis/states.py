"""States of experiments as their records would give them, made by hand."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from launcher.store.curve import Curve
from launcher.store.ending import EndingKind
from launcher.store.experiment_state import ExperimentState


def curve(values: Sequence[float], *, is_maximized: bool = False) -> Curve:
    """Return the curve of these values at the steps 1, 2, …"""
    return Curve(range(1, len(values) + 1), values, is_maximized)


def ending_with(values: Sequence[float]) -> list[float]:
    """Return values of a curve so long that its end is the last five of these."""
    return [values[0]] * 15 + list(values)


def made(
    name: str, values: Sequence[float], ending: str = "done", *, is_maximized: bool = False, **more: Any
) -> ExperimentState:
    """Return the state of an experiment with a loss at each step; no ending: it has not begun."""
    curves = {"loss": curve(values, is_maximized=is_maximized)} if values else {}
    state: dict[str, Any] = {"state": ending, "ending": EndingKind(ending)} if ending else {}
    return ExperimentState(name=name, curves=curves, num_steps=len(values), **state, **more)


def seeded(
    name: str, levels: Sequence[float | str], *, is_maximized: bool = False, **more: Any
) -> list[ExperimentState]:
    """Return the experiments of a configuration on the seeds 0, 1, …: each has a level, or a text is its ending."""
    found = []
    for seed, level in enumerate(levels):
        values, ending = ([], level) if isinstance(level, str) else ([level] * 6, "done")
        own = f"{name}+s{seed}" if seed else name
        found.append(made(own, values, ending, is_maximized=is_maximized, group=name, seed=seed, **more))
    return found
