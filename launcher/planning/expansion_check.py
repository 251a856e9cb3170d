"""What can be wrong with a grid before its cells are made, and with the names that they got. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping

from launcher.config import nested
from launcher.config.nested import KeyPath, dotted
from launcher.planning.axis import Axis
from launcher.planning.expansion import EXPERIMENT, Cell, ExpansionRequest, told
from launcher.store.names import NAME
from launcher.text import did_you_mean, inline

MOST_EXPERIMENTS = 10_000


def request_problems(request: ExpansionRequest) -> list[str]:
    """Return why the cells cannot be made: too many, a key that is set twice, an unknown key in leave_out."""
    return [*_overlaps(request), *_tables(request), *_too_many(request)] or list(_unknown_keys(request))


def _overlaps(request: ExpansionRequest) -> Iterator[str]:
    setters: dict[KeyPath, Axis] = {}
    lines = request.lines
    for axis in request.axes:
        for path in sorted(axis.keys):
            if (other := _setter(path, setters)) is not None:
                place = f"{lines.where('grid', *axis.path)}grid.{axis.name}"
                yield f"{place} and grid.{other.name} both set {inline(dotted(path), 100)}."
        setters |= dict.fromkeys(axis.keys, axis)
        if request.experiments and axis.name == EXPERIMENT:
            where = lines.where("grid", EXPERIMENT)
            yield f"{where}grid.{EXPERIMENT}: [experiments] is an axis of this name. Give the axis another name."
    for name, overrides in request.experiments.items():
        for path, _ in nested.leaves(overrides) if setters else ():
            if (setter := _setter(path, setters)) is not None:
                place = f"{lines.where('experiments', name, *path)}experiments.{name}"
                key = inline(dotted(path), 100)
                yield f"{place} and grid.{setter.name} both set {key}.\n  Take it out of the experiment or of the grid."


def _tables(request: ExpansionRequest) -> Iterator[str]:
    """Yield the labelled axes that are called like a table of [config]: [grid.model.size] would be an axis `model`."""
    for axis in request.axes:
        if axis.is_labelled and isinstance(nested.value_at(request.config, axis.path), Mapping):
            where = request.lines.where("grid", *axis.path)
            yield (
                f"{where}grid.{axis.name} has labels, and {axis.name} is a table of [config].\n"
                f"  Give the axis another name: [grid.size] small = {{ {axis.name}.depth = 1 }}"
            )


def _setter(path: KeyPath, setters: Mapping[KeyPath, Axis]) -> Axis | None:
    """Return the axis that sets a key, a table around it, or a key in it."""
    return next(
        (axis for other, axis in setters.items() if path[: len(other)] == other or other[: len(path)] == path), None
    )


def _too_many(request: ExpansionRequest) -> Iterator[str]:
    sizes = [len(request.seeds), len(request.experiments) or 1, *(len(axis.points) for axis in request.axes)]
    is_made = bool(request.axes) or len(request.seeds) > 1
    if is_made and (num := math.prod(sizes)) > MOST_EXPERIMENTS:
        product = " x ".join(str(size) for size in sizes if size > 1)
        where = request.lines.where("grid") if request.axes else request.lines.where("sweep", "seeds")
        yield (
            f"{where}{product} = {num:,} experiments; {MOST_EXPERIMENTS:,} are the most.\n"
            "  Take out values, seeds or an axis."
        )


def _unknown_keys(request: ExpansionRequest) -> Iterator[str]:
    known = {EXPERIMENT} if request.axes and request.experiments else set()
    known |= {axis.name for axis in request.axes}
    known |= {dotted(path) for axis in request.axes for path in axis.keys}
    for table in (request.config, *request.experiments.values()):
        known |= {dotted(path) for path, _ in nested.leaves(table)}
    where = request.lines.where("sweep", "leave_out")
    for table in request.leave_out:
        for path, _ in nested.leaves(table):
            if (key := dotted(path)) not in known:
                hint = did_you_mean(key, sorted(known))
                yield f"{where}sweep.leave_out: no experiment sets {inline(key, 100)}.{hint}"


def name_problems(request: ExpansionRequest, cells: Mapping[str, Cell]) -> Iterator[str]:
    """Yield the first made name that a file cannot have, and the first two that differ only in case."""
    where = request.lines.where("grid" if request.axes else "experiments")
    if wrong := next((name for name in cells if not NAME.fullmatch(name)), None):
        why = "it has more than 100 characters" if len(wrong) > 100 else "it does not begin with a letter or digit"
        yield f"{where}the name {inline(wrong, 200)} of {_origin(cells[wrong])}: {why}.{request.remedy}"
    seen: dict[str, str] = {}
    for name in cells:
        if (other := seen.setdefault(name.casefold(), name)) is not name:
            two = f"{other} of {_origin(cells[other])} and {name} of {_origin(cells[name])}"
            yield f"{where}the names {two} differ only in case: one file name for both.{request.remedy}"
            return


def _origin(cell: Cell) -> str:
    """Return where an experiment comes from, for a person: its place in the grid, or its configuration and seed."""
    return told(cell.values) if cell.values else f"{inline(cell.group, 100)} on seed {cell.seed}"
