"""From a sweep to its experiments: every configuration resolved, checked and given its digest. Starts nothing."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping

from launcher import configs
from launcher import target as targets
from launcher.configs import Checked
from launcher.errors import InputError, inline, printable
from launcher.job import Sweep
from launcher.plan import Experiment
from launcher.smaller import describe, halved, unfit
from launcher.target import Target


def resolve(sweep: Sweep) -> list[Experiment]:
    """Resolve and check the configuration of every experiment.

    Raises:
        InputError: the target or a configuration is wrong, with all the problems.
    """
    found = _find_target(sweep)
    tables = {name: sweep.config | overrides for name, overrides in sweep.experiments.items()}
    checked = configs.check(found, tables)
    problems = _problems(sweep, checked)
    if not problems and sweep.settings.on_oom == "halve_batch":
        configs_asked = [one.config for one in checked.values()]
        problems = unfit(configs_asked, sweep.settings.target, sweep.lines.where("sweep", "on_oom"))
        problems = problems or _halved_problems(sweep, found, checked)
    if problems:
        raise InputError(problems)
    return [
        Experiment(
            name,
            index,
            overrides,
            checked[name].config,
            _digest(sweep, checked[name]),
            checked[name].work,
            checked[name].inputs,
        )
        for index, (name, overrides) in enumerate(sweep.experiments.items())
    ]


def _halved_problems(sweep: Sweep, found: Target, checked: Mapping[str, Checked]) -> list[str]:
    """Say which configurations the target would refuse once `on_oom` has halved their batch."""
    smaller = {name: changes for name, one in checked.items() if (changes := halved(one.config)) is not None}
    tried = configs.check(found, {name: checked[name].config | changes for name, changes in smaller.items()})
    return [
        f'{sweep.lines.where("sweep", "on_oom")}sweep.on_oom = "halve_batch": {name} with {describe(smaller[name])} is '
        f'refused: {printable(fault.message)}\n  Mend that, or write on_oom = "retry".'
        for name, one in tried.items()
        for fault in one.faults
    ]


def _find_target(sweep: Sweep) -> Target:
    try:
        return targets.find(sweep.settings.target, sweep.job_file.parent)
    except InputError as error:
        raise InputError([sweep.lines.where("sweep", "target") + problem for problem in error.problems]) from error


def _problems(sweep: Sweep, checked: Mapping[str, Checked]) -> list[str]:
    """Say what is wrong with the configurations, a fault of the shared [config] once and not for each experiment."""
    problems: dict[str, None] = {}
    for name, one in checked.items():
        for fault in one.faults:
            if fault.key is None:
                where, place = sweep.lines.where("experiments", name), f"{name}: "
                if all(fault in other.faults for other in checked.values()):
                    where, place = sweep.lines.where("config"), ""
            elif fault.key in sweep.experiments[name]:
                where = sweep.lines.where("experiments", name, fault.key)
                place = f"experiments.{name}.{inline(fault.key, 100)} "
            elif fault.key in sweep.given:
                where, place = "", f"-S {inline(fault.key, 100)}: it "
            else:
                where, place = sweep.lines.where("config", fault.key), f"config.{inline(fault.key, 100)} "
            problems[f"{where}{place}{printable(fault.message)}{_dot_hint(sweep, name, fault.key)}"] = None
    return list(problems)


def _dot_hint(sweep: Sweep, name: str, key: str | None) -> str:
    """TOML reads `lr_1.5 = {}` as a table lr_1 with a key 5: say what was probably meant."""
    if key is None or not isinstance(sweep.experiments[name].get(key), dict):
        return ""
    return f'\n  If "{name}.{key}" is an experiment, quote its name: TOML takes the dot for a path.'


def _digest(sweep: Sweep, checked: Checked) -> str:
    content = {
        "target": sweep.settings.target,
        "config": checked.config,
        "seed": sweep.settings.seed,
        "inputs": sorted(checked.inputs.values()),
    }
    return hashlib.sha256(json.dumps(content, sort_keys=True, default=str).encode()).hexdigest()[:16]
