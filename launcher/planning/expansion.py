"""From the tables of a job file to its experiments: all of [experiments], at all cells of the grid, on all seeds. Pure.

The experiments of the first seed come first, in the order of the file, then those of the second seed. So a sweep that
is stopped half-way has whole grids. The cell that differs from [config] in nothing is before the others, because the
first configuration is the reference of all comparisons.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from launcher.config import nested
from launcher.config.nested import dotted
from launcher.config.notation import bare, write
from launcher.planning.axis import Axis
from launcher.planning.cell_name import BASE, cell_name, is_same, name_part, seed_name
from launcher.planning.source_lines import SourceLines
from launcher.text import inline

EXPERIMENT = "experiment"  # the axis of [experiments] beside a grid
RENAME = "\n  Give the experiment another name."
REMEDY = "\n  Give the values labels: [grid.size] small = { n_layers = 1 }"


@dataclass(frozen=True)
class Cell:
    """Where an experiment comes from: its configuration's name, its seed, and its place on each axis."""

    group: str
    seed: int
    named: str = ""  # the experiment of [experiments]; empty where a grid stands alone
    values: dict[str, Any] = field(default_factory=dict)  # by axis, the value or label


@dataclass(frozen=True)
class ExpansionRequest:
    """The parts of a job file that say which experiments there are."""

    config: Mapping[str, Any]
    experiments: Mapping[str, Mapping[str, Any]]
    axes: Sequence[Axis]
    leave_out: Sequence[Mapping[str, Any]]
    seeds: Sequence[int]
    seed: int  # of the sweep: no name tells it
    lines: SourceLines

    @property
    def labels(self) -> dict[str, list[Any]]:
        """The values or labels on each axis, that of [experiments] included."""
        axes = {axis.name: [bare(point.shown) for point in axis.points] for axis in self.axes}
        return {EXPERIMENT: list(self.experiments), **axes} if axes and self.experiments else axes

    @property
    def remedy(self) -> str:
        """What to type against names that cannot be, on a line of its own."""
        return REMEDY if self.axes else RENAME


class _Place(NamedTuple):
    name: str
    named: str
    values: dict[str, Any]
    overrides: dict[str, Any]


def expand(request: ExpansionRequest) -> tuple[dict[str, dict[str, Any]], dict[str, Cell], list[str]]:
    """Return the overrides of each experiment and its cell, by name, and what is wrong."""
    configurations: dict[str, _Place] = {}
    problems: list[str] = []
    unused = list(request.leave_out)
    for place in _places(request):
        if matching := [table for table in request.leave_out if _matches(table, place, request.config)]:
            unused = [table for table in unused if table not in matching]
        elif (other := configurations.setdefault(place.name, place)) is not place:
            called = (
                f"two cells would be called {inline(place.name, 200)}: {told(other.values)} and {told(place.values)}"
            )
            problems.append(f"{request.lines.where('grid')}{called}.{REMEDY}")
    where = f"{request.lines.where('sweep', 'leave_out')}sweep.leave_out"
    problems += [f"{where}: no experiment is {told(table)}. Take it out, or mend a value." for table in unused]
    if not configurations:
        problems.append(f"{where} leaves no experiment.")
    first = next(iter(request.experiments), "") or BASE
    if first in configurations:
        configurations = {first: configurations[first], **configurations}
    experiments: dict[str, dict[str, Any]] = {}
    cells: dict[str, Cell] = {}
    for seed in request.seeds:
        for group, place in configurations.items():
            name = seed_name(group, seed, request.seed)
            if name in cells:
                two = f"{cells[name].group} on seed {cells[name].seed} and {group} on seed {seed}"
                where = request.lines.where("sweep", "seeds")
                problems.append(f"{where}sweep.seeds: two experiments would be called {name}: {two}.{request.remedy}")
            experiments[name], cells[name] = place.overrides, Cell(group, seed, place.named, place.values)
    return experiments, cells, problems


def _places(request: ExpansionRequest) -> Iterator[_Place]:
    axes = request.axes
    by_name = sorted(range(len(axes)), key=lambda place: axes[place].name)
    steps = [
        [(bare(point.shown), point.overrides, name_part(axis, point, request.config)) for point in axis.points]
        for axis in axes
    ]
    names = [axis.name for axis in axes]
    for named, overrides in (request.experiments or {"": {}}).items():
        first = {EXPERIMENT: named} if axes and request.experiments else {}
        for cell in itertools.product(*steps):
            values = first | {name: shown for name, (shown, _, _) in zip(names, cell, strict=True)}
            merged = nested.merged(overrides, *(own for _, own, _ in cell))
            yield _Place(cell_name(named, [cell[place][2] for place in by_name]), named, values, merged)


def _matches(table: Mapping[str, Any], place: _Place, config: Mapping[str, Any]) -> bool:
    """Return whether a cell has all values of a table of leave_out, as a label of an axis or in its configuration."""
    merged = nested.merge(config, place.overrides)
    return all(
        (dotted(path) in place.values and is_same(place.values[dotted(path)], value))
        or (nested.has(merged, path) and is_same(nested.value_at(merged, path), value))
        for path, value in nested.leaves(table)
    )


def told(values: Mapping[str, Any]) -> str:
    """Return the place of a cell, or a table of leave_out, as a line of TOML."""
    return inline(write(dict(values)), 200)
