"""From a sweep to its experiments: every configuration resolved, checked and given its digest. Starts nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from launcher.config.identity import Content
from launcher.config.nested import KeyPath, dotted, has, merge
from launcher.config.notation import bare
from launcher.config.resolved import unlike
from launcher.errors import InputError
from launcher.planning import config_check, target_source
from launcher.planning.batch_halving import describe_changes, halve_batch, key_problems
from launcher.planning.config_check import CheckedConfig
from launcher.planning.experiment import Experiment
from launcher.planning.job import Sweep
from launcher.text import inline, printable
from launcher.worker.target import Target


def resolve(sweep: Sweep) -> list[Experiment]:
    """Resolve and check the configuration of every experiment.

    Raises:
        InputError: the target or a configuration is wrong, with all the problems.
    """
    found = _find_target(sweep)
    given = {name: merge(sweep.config, overrides) for name, overrides in sweep.experiments.items()}
    checked = config_check.check(found, given)
    problems = _problems(sweep, checked)
    if not problems and sweep.settings.on_oom == "halve_batch":
        configs_asked = [one.config for one in checked.values()]
        problems = key_problems(configs_asked, sweep.settings.target, sweep.source_lines.where("sweep", "on_oom"))
        problems = problems or _halved_problems(sweep, found, checked, given)
    if problems:
        raise InputError(problems)
    return [
        _experiment(sweep, name, index, checked[name], bare(given[name]))
        for index, name in enumerate(sweep.experiments)
    ]


def _experiment(sweep: Sweep, name: str, index: int, checked: CheckedConfig, given: dict[str, Any]) -> Experiment:
    resolved = checked.resolved
    content = Content(
        sweep.settings.target,
        checked.config,
        sweep.settings.seed,
        sorted(checked.inputs.values()),
        at_default=resolved.at_default,
        left_out=resolved.left_out,
        unordered=resolved.unordered,
        was_made_twice=checked.is_made_twice,
    )
    overrides = bare(sweep.experiments[name])
    return Experiment(
        name, index, overrides, checked.config, content.digest, checked.work, checked.inputs, given, content
    )


def _halved_problems(
    sweep: Sweep, found: Target, checked: Mapping[str, CheckedConfig], given: Mapping[str, dict[str, Any]]
) -> list[str]:
    """Say which configurations would be refused, or be another training, once `on_oom` has halved their batch."""
    smaller = {name: changes for name, one in checked.items() if (changes := halve_batch(one.config)) is not None}
    tried = config_check.check(found, {name: given[name] | changes for name, changes in smaller.items()})
    where = f'{sweep.source_lines.where("sweep", "on_oom")}sweep.on_oom = "halve_batch": '
    problems = []
    for name, one in tried.items():
        with_less = f"{name} with {describe_changes(smaller[name])}"
        problems += [
            f'{where}{with_less} is refused: {printable(fault.message)}\n  Mend that, or write on_oom = "retry".'
            for fault in one.faults
        ]
        asked = replace(checked[name].resolved, config=checked[name].config | smaller[name])
        if not one.faults and (other := unlike(asked, one.resolved)):
            told = ", ".join(f"{field.name} {field}" for field in other)
            problems.append(
                f"{where}{with_less} would be another training: its class makes {told}.\n"
                '  Make that of batch_size * accumulation, which stays, or write on_oom = "retry".'
            )
    return problems


def _find_target(sweep: Sweep) -> Target:
    try:
        return target_source.find(sweep.settings.target, sweep.job_file.parent)
    except InputError as error:
        where = sweep.source_lines.where("sweep", "target")
        raise InputError([where + problem for problem in error.problems]) from error


def _problems(sweep: Sweep, checked: Mapping[str, CheckedConfig]) -> list[str]:
    """Say what is wrong with the configurations, a fault of the shared [config] once and not for each experiment."""
    problems: dict[str, None] = {}
    for name, one in checked.items():
        for fault in one.faults:
            if not fault.path:
                where, place = sweep.source_lines.where("experiments", name), f"{name}: "
                if all(fault in other.faults for other in checked.values()):
                    where, place = sweep.source_lines.where("config"), ""
            else:
                where, place = _place(sweep, name, fault.path)
            problems[f"{where}{place}{printable(fault.message)}{_dot_hint(sweep, name, fault.path)}"] = None
    return list(problems)


def _place(sweep: Sweep, name: str, path: KeyPath) -> tuple[str, str]:
    """Return where a key was given, as file and line and as words: by the experiment, by -S, or in [config]."""
    key = inline(dotted(path), 100)
    for length in range(len(path), 0, -1):  # of a key that is missing, the table it is missing in
        if has(sweep.experiments[name], path[:length]):
            return sweep.source_lines.where("experiments", name, *path), f"experiments.{name}.{key} "
        if has(sweep.cli_overrides, path[:length]):
            return "", f"-S {key}: it "
        if has(sweep.config, path[:length]):
            break
    return sweep.source_lines.where("config", *path), f"config.{key} "


def _dot_hint(sweep: Sweep, name: str, path: KeyPath) -> str:
    """TOML reads `lr_1.5 = {}` as a table lr_1 with a key 5: say what was probably meant."""
    if len(path) != 1 or not isinstance(sweep.experiments[name].get(path[0]), dict):
        return ""
    return f'\n  If "{name}.{path[0]}" is an experiment, quote its name: TOML takes the dot for a path.'
