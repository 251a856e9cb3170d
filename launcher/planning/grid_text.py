"""A grid and its seeds in words: the axes with their values, how many cells, and what so many seeds can show. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from launcher.config.nested import has, parse, value_at
from launcher.config.notation import read, write
from launcher.planning.cell_name import is_same
from launcher.planning.expansion import EXPERIMENT
from launcher.planning.job import Sweep
from launcher.planning.plan import Plan
from launcher.text import inline, plural

_MOST_VALUES = 12  # of an axis that are listed
_FEW_SEEDS = 5
# Differences between two configurations that are found four times out of five, in standard deviations between seeds:
# where seeds move both alike (correlation 0.9), and where they do not. By the number of seeds: `python bench/seeds.py`.
_SHOWN = {10: "0.4 to 1.4", 5: "0.7 to 2.4", 3: "1.4 to 4.6"}


def grid_size(sweep: Sweep) -> str:
    """Return how the number of experiments comes about: `4 lr x 2 batch_size = 8 cells, 3 seeds each`."""
    if not sweep.cells:
        return ""
    groups, seeds = {cell.group for cell in sweep.cells.values()}, _seeds(sweep)
    parts = []
    if sweep.axes:
        product = " x ".join(f"{len(values)} {inline(name, 40)}" for name, values in sweep.axes.items())
        left_out = math.prod(map(len, sweep.axes.values())) - len(groups)
        parts.append(f"{product}{f', {left_out} left out' if left_out else ''} = {plural(len(groups), 'cell')}")
    else:
        parts.append(plural(len(groups), "configuration"))
    return ", ".join([*parts, f"{len(seeds)} seeds each"] if len(seeds) > 1 else parts)


def grid_lines(plan: Plan) -> list[str]:
    """Return the axes with their values, a line each, and the seeds with what they can show."""
    sweep = plan.sweep
    width = max((len(inline(name, 40)) for name in sweep.axes), default=0)
    marks = {name: [_is_present(sweep, name, value) for value in values] for name, values in sweep.axes.items()}
    lines = [f"{inline(name, 40):<{width}}  {_values(values, marks[name])}" for name, values in sweep.axes.items()]
    if any(map(any, marks.values())):
        lines.append("* as in [config]")
    if len(seeds := _seeds(sweep)) > 1:
        listed = ", ".join(map(str, seeds[:_MOST_VALUES])) + (", …" if len(seeds) > _MOST_VALUES else "")
        lines.append(f"seeds {listed}: {seeds_show(len(seeds))}")
    return lines


def seeds_show(num: int) -> str:
    """Return what a comparison of two configurations on so many seeds can show."""
    if num < min(_SHOWN):
        return f"no comparison can be made of {plural(num, 'seed')}; 5 or more are usual"
    span = next(text for least, text in _SHOWN.items() if num >= least)
    few = f"{num} seeds show only large differences; 5 or more are usual: " if num < _FEW_SEEDS else ""
    return f"{few}differences of {span} times the spread between seeds are found"


def new_axis_hint(plan: Plan) -> list[str]:
    """Return which value [config] lacks, where a new axis has renamed experiments that an earlier launch has trained.

    The name of a cell says what differs from [config]. Without the present value there, no cell keeps its old name.
    """
    sweep, previous = plan.sweep, plan.previous
    if previous is None or not sweep.axes:
        return []
    names = {decision.experiment.name for decision in plan.decisions}
    lost = [entry for entry in previous.experiments if entry.name not in names]
    lost = [entry for entry in lost if plan.paths.records(entry.name).exists()]
    lines = []
    for axis, values in sweep.axes.items():
        path = parse(axis) or (axis,)
        if axis in previous.axes or axis == EXPERIMENT or has(_written(sweep), path):
            continue
        before = {write(value_at(entry.config, path)) for entry in lost if has(entry.config, path)}
        if len(before) == 1 and (value := before.pop()) in map(write, values):
            add, kept = inline(f"{axis} = {value}", 100), plural(len(lost), "experiment")
            has_run = "has run" if len(lost) == 1 else "have run"
            why = f"no value of {inline(axis, 40)} is that of [config]"
            lines.append(f"{why}: add {add} there to keep the {kept} that {has_run}.")
    return lines


def _seeds(sweep: Sweep) -> list[int]:
    return list(dict.fromkeys(cell.seed for cell in sweep.cells.values()))


def _written(sweep: Sweep) -> Mapping[str, Any]:
    """Return [config] as it stands in the file, by which cells are named: without -S."""
    written: Mapping[str, Any] = read(sweep.written.get("config", {}))
    return written


def _is_present(sweep: Sweep, axis: str, value: Any) -> bool:
    path, config = parse(axis) or (axis,), _written(sweep)
    return has(config, path) and is_same(value_at(config, path), value)


def _values(values: Sequence[Any], marks: Sequence[bool]) -> str:
    shown = [
        inline(value if isinstance(value, str) else write(value), 40) + ("*" if is_marked else "")
        for value, is_marked in zip(values[:_MOST_VALUES], marks, strict=False)
    ]
    more = f", … {len(values)} in all" if len(values) > _MOST_VALUES else ""
    return ", ".join(shown) + more
