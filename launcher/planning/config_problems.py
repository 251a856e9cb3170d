"""Says what is wrong with configurations, each with its place in the job file or its option. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from launcher.config.nested import KeyPath, dotted, has, parse
from launcher.config.notation import write
from launcher.config.validation import FieldError
from launcher.planning.job import Sweep
from launcher.text import inline, printable


def config_problems(
    sweep: Sweep, errors: Mapping[str, Sequence[FieldError]], num_checked: int | None = None
) -> list[str]:
    """Return the errors in the configurations of experiments as messages; an error in [config] stands there once.

    `num_checked`: how many experiments were checked; by default all of the sweep.
    """
    num_checked = len(sweep.experiments) if num_checked is None else num_checked
    problems: dict[str, None] = {}
    counts = Counter(error for found in errors.values() for error in dict.fromkeys(found))
    for name, found in errors.items():
        for error in found:
            is_of_all = counts[error] >= num_checked
            if error.path:
                place = _place_of_key(sweep, name, error.path, is_of_all=is_of_all)
            elif is_of_all:
                place = sweep.source_lines.where("config")
            else:
                place = f"{sweep.source_lines.where(*_table_of(sweep, name))}{name}: "
            problems[f"{place}{printable(error.message)}{_dot_hint(sweep, name, error)}"] = None
    return list(problems)


def _table_of(sweep: Sweep, name: str) -> KeyPath:
    """Return where an experiment comes from: its line of [experiments], or [grid]."""
    named = sweep.cell(name).named
    return ("experiments", named) if named else ("grid",)


def _place_of_key(sweep: Sweep, name: str, path: KeyPath, *, is_of_all: bool) -> str:
    """Return where a key of an experiment's configuration was given: in its table, in [grid], by -S, or in [config].

    Examples: `jobs/lr.toml:9: experiments.fast.lr `, `jobs/lr.toml:9: grid.lr = 0.1 `, `-S lr: it `. A key that is
    missing is looked for by the tables around it, the innermost first; a key that is given nowhere is missing in
    [config], or in the experiment alone.
    """
    key = inline(dotted(path), 100)
    lines = sweep.source_lines
    for length in range(len(path), 0, -1):
        if has(sweep.experiments[name], path[:length]):
            in_grid = _place_in_grid(sweep, name, path, is_of_all=is_of_all)
            return in_grid or _place_in_experiment(sweep, name, path, key)
        if has(sweep.cli_overrides, path[:length]):
            return f"-S {key}: it "
        if has(sweep.config, path[:length]):
            is_of_all = True
            break
    return f"{lines.where('config', *path)}config.{key} " if is_of_all else _place_in_experiment(sweep, name, path, key)


def _place_in_experiment(sweep: Sweep, name: str, path: KeyPath, key: str) -> str:
    table = _table_of(sweep, name)
    return f"{sweep.source_lines.where(*table, *path)}experiments.{table[1] if len(table) > 1 else name}.{key} "


def _place_in_grid(sweep: Sweep, name: str, path: KeyPath, *, is_of_all: bool) -> str:
    """Return which value or label of which axis has set a key of an experiment; empty if none has.

    What is wrong in all experiments is not about one of the values: `grid.lrr is not a field of …` is told once.
    """
    key = inline(dotted(path), 100)
    for axis, shown in sweep.cell(name).values.items():
        own = parse(axis) or (axis,)
        value = inline(write(shown), 100)
        if own == path[: len(own)]:
            rest = f": {key}" if own != path else ""
            of_value = "" if is_of_all else f" = {value}"
            return f"{sweep.source_lines.where('grid', *own)}grid.{axis}{of_value}{rest} "
        if has(sweep.written.get("grid", {}), (axis, str(shown), *path[:1])):
            label = inline(str(shown), 100)
            return f"{sweep.source_lines.where('grid', axis, str(shown), *path)}grid.{axis}.{label}.{key} "
    return ""


def split_names(sweep: Sweep) -> list[str]:
    """Return which experiments have lost a part of their name: TOML reads `lr_0.1 = { lr = 0.1 }` as a table lr_0.

    No configuration class or parser has a key that begins with a digit; a `config: dict` takes it without a word.
    """
    problems = []
    for name, overrides in sweep.written.get("experiments", {}).items():
        for key, inner in overrides.items():
            parts = [name, key]
            while isinstance(inner, dict) and len(inner) == 1 and (more := next(iter(inner)))[:1].isdigit():
                parts.append(more)
                inner = inner[more]
            is_part = key[:1].isdigit() and isinstance(inner, dict) and key not in sweep.config
            if is_part and (where := sweep.source_lines.where("experiments", *parts)):
                told = f'experiments.{inline(name, 100)} gets a key "{inline(key, 100)}".'
                problems.append(f"{where}{told}{_quote_hint('.'.join(parts))}")
    return problems


def _quote_hint(name: str) -> str:
    return f'\n  If "{inline(name)}" is an experiment, quote its name: TOML takes the dot for a path.'


def _dot_hint(sweep: Sweep, name: str, error: FieldError) -> str:
    """Return a hint for an experiment's name with a dot: TOML reads `lr_1.5 = {}` as a table lr_1 with a key 5."""
    path = error.path
    if len(path) != 1 or not isinstance(sweep.experiments[name].get(path[0]), dict):
        return ""
    return _quote_hint(f"{name}.{path[0]}")
