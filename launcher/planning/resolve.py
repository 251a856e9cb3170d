"""From a sweep to its experiments: every configuration is resolved, checked and given its digest. Starts nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from launcher.config.identity import Content
from launcher.config.nested import merge
from launcher.config.notation import bare
from launcher.config.resolved import unlike
from launcher.errors import InputError
from launcher.planning import config_check, target_source
from launcher.planning.batch_halving import describe_changes, halve_batch, key_problems
from launcher.planning.config_check import CheckedConfig
from launcher.planning.config_problems import config_problems, split_names
from launcher.planning.experiment import Experiment
from launcher.planning.job import Sweep
from launcher.planning.same_training import same_training
from launcher.text import printable
from launcher.worker.target import Target


def resolve(sweep: Sweep) -> list[Experiment]:
    """Resolve and check the configuration of every experiment. This is the launcher's only check of configurations.

    Raises:
        InputError: the target or a configuration is wrong; it lists every problem.
    """
    experiments = _resolve_command(sweep) if sweep.settings.command else _resolve_target(sweep)
    if problems := split_names(sweep) or same_training(sweep, experiments):
        raise InputError(problems)
    return experiments


def _resolve_command(sweep: Sweep) -> list[Experiment]:
    from launcher.planning.command_experiments import resolve_command  # takes 10 ms, and a target needs none of it

    return resolve_command(sweep)


def _resolve_target(sweep: Sweep) -> list[Experiment]:
    target = _find_target(sweep)
    given = {name: merge(sweep.config, overrides) for name, overrides in sweep.experiments.items()}
    # On another seed, a configuration is the same: one check is enough.
    first = {sweep.cell(name).group: name for name in reversed(sweep.experiments)}
    checked = config_check.check(target, {name: given[name] for name in first.values()})
    errors = {name: config.errors for name, config in checked.items()}
    problems = config_problems(sweep, errors, num_checked=len(first))
    checked = {name: checked[first[sweep.cell(name).group]] for name in sweep.experiments}
    if not problems and sweep.settings.on_oom == "halve_batch":
        configs = [config.config for config in checked.values()]
        problems = key_problems(configs, sweep.settings.target, sweep.source_lines.where("sweep", "on_oom"))
        problems = problems or _halved_problems(sweep, target, checked, given)
    if problems:
        raise InputError(problems)
    return [
        _experiment(sweep, name, index, checked[name], bare(given[name]))
        for index, name in enumerate(sweep.experiments)
    ]


def _experiment(sweep: Sweep, name: str, index: int, checked: CheckedConfig, given: dict[str, Any]) -> Experiment:
    resolved, cell = checked.resolved, sweep.cell(name)
    content = Content(
        sweep.settings.target,
        checked.config,
        cell.seed,
        sorted(checked.inputs.values()) if checked.inputs else [],
        at_default=resolved.at_default,
        left_out=resolved.left_out,
        unordered=resolved.unordered,
        was_made_twice=checked.is_made_twice,
        num_devices=sweep.settings.gpus,
    )
    return Experiment(
        name=name,
        index=index,
        overrides=bare(sweep.experiments[name]),
        config=checked.config,
        digest=content.digest,
        work=checked.work,
        inputs=checked.inputs,
        given=given,
        content=content,
        seed=cell.seed,
        group=cell.group,
        cell=cell.values,
    )


def _halved_problems(
    sweep: Sweep, target: Target, checked: Mapping[str, CheckedConfig], given: Mapping[str, dict[str, Any]]
) -> list[str]:
    """Return which configurations would be refused, or be another training, once `on_oom` has halved the batch."""
    changes = {name: halved for name, config in checked.items() if (halved := halve_batch(config.config)) is not None}
    halved_configs = config_check.check(target, {name: given[name] | halved for name, halved in changes.items()})
    where = f'{sweep.source_lines.where("sweep", "on_oom")}sweep.on_oom = "halve_batch": '
    problems = []
    for name, config in halved_configs.items():
        named = f"{name} with {describe_changes(changes[name])}"
        problems += [
            f'{where}{named} is refused: {printable(error.message)}\n  Mend that, or write on_oom = "retry".'
            for error in config.errors
        ]
        expected = replace(checked[name].resolved, config=checked[name].config | changes[name])
        if not config.errors and (differences := unlike(expected, config.resolved)):
            changed = ", ".join(f"{difference.name} {difference}" for difference in differences)
            problems.append(
                f"{where}{named} would be another training: its class makes {changed}.\n"
                '  Make that of batch_size * accumulation, which stays, or write on_oom = "retry".'
            )
    return problems


def _find_target(sweep: Sweep) -> Target:
    try:
        return target_source.find(sweep.settings.target, sweep.target_folder)
    except InputError as error:
        where = sweep.source_lines.where("sweep", "target")
        raise InputError([where + problem for problem in error.problems]) from error
