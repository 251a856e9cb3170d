"""Which experiments a job file asks for: [experiments], or what a grid and several seeds make of it. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from launcher.config.notation import read
from launcher.planning.axis import read_axes
from launcher.planning.expansion import Cell, ExpansionRequest, expand
from launcher.planning.expansion_check import name_problems, request_problems
from launcher.planning.seeds import all_seeds, seed_problems
from launcher.planning.source_lines import SourceLines


@dataclass(frozen=True)
class Generated:
    """The experiments of a sweep, or what is wrong."""

    experiments: dict[str, dict[str, Any]] = field(default_factory=dict)  # the overrides, by name
    cells: dict[str, Cell] = field(default_factory=dict)  # by name; empty without a grid and without several seeds
    axes: dict[str, list[Any]] = field(default_factory=dict)  # of the grid: the values or labels on each, in order
    problems: Sequence[str] = ()


def generate(
    tables: Mapping[str, Mapping[str, Any]],
    seed: int,
    seeds: int | tuple[int, ...] | None,
    leave_out: Sequence[Mapping[str, Any]],
    lines: SourceLines,
) -> Generated:
    """Return the experiments that the tables config, experiments and grid of a job file ask for."""
    axes, problems = read_axes(read(tables["grid"]), lines)
    problems += [f"{lines.where('sweep', 'seeds')}sweep.{problem}." for problem in seed_problems(seed, seeds)]
    if problems:
        return Generated(problems=problems)
    experiments = read(tables["experiments"])
    request = ExpansionRequest(
        read(tables["config"]), experiments, axes, leave_out, all_seeds(seed, seeds), seed, lines
    )
    if problems := request_problems(request):
        return Generated(problems=problems)
    if not axes and not leave_out and seeds is None:
        return Generated(experiments)
    made, cells, problems = expand(request)
    return Generated(made, cells, request.labels, [*problems, *name_problems(request, cells)])
