"""Says what is wrong with configurations, each with its place in the job file or its option. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from launcher.config.nested import KeyPath, dotted, has
from launcher.config.validation import FieldError
from launcher.planning.job import Sweep
from launcher.text import inline, printable


def config_problems(sweep: Sweep, errors: Mapping[str, Sequence[FieldError]]) -> list[str]:
    """Return the errors in the configurations of experiments as messages; an error in [config] stands there once."""
    problems: dict[str, None] = {}
    for name, found in errors.items():
        for error in found:
            is_of_all = all(error in errors.get(other, ()) for other in sweep.experiments)
            if error.path:
                place = _place_of_key(sweep, name, error.path, is_of_all=is_of_all)
            elif is_of_all:
                place = sweep.source_lines.where("config")
            else:
                place = f"{sweep.source_lines.where('experiments', name)}{name}: "
            problems[f"{place}{printable(error.message)}{_dot_hint(sweep, name, error)}"] = None
    return list(problems)


def _place_of_key(sweep: Sweep, name: str, path: KeyPath, *, is_of_all: bool) -> str:
    """Return where a key of an experiment's configuration was given: in its table, by -S, or in [config].

    Examples: `jobs/lr.toml:9: experiments.fast.lr `, `-S lr: it `. A key that is missing is looked for by the tables
    around it, the innermost first; a key that is given nowhere is missing in [config], or in the experiment alone.
    """
    key = inline(dotted(path), 100)
    for length in range(len(path), 0, -1):
        if has(sweep.experiments[name], path[:length]):
            return f"{sweep.source_lines.where('experiments', name, *path)}experiments.{name}.{key} "
        if has(sweep.cli_overrides, path[:length]):
            return f"-S {key}: it "
        if has(sweep.config, path[:length]):
            is_of_all = True
            break
    if not is_of_all:
        return f"{sweep.source_lines.where('experiments', name)}experiments.{name}.{key} "
    return f"{sweep.source_lines.where('config', *path)}config.{key} "


def _dot_hint(sweep: Sweep, name: str, error: FieldError) -> str:
    """Return a hint for an experiment's name with a dot: TOML reads `lr_1.5 = {}` as a table lr_1 with a key 5."""
    path = error.path
    if len(path) != 1 or not isinstance(sweep.experiments[name].get(path[0]), dict):
        return ""
    return f'\n  If "{name}.{path[0]}" is an experiment, quote its name: TOML takes the dot for a path.'
