"""From a sweep with a command to its experiments: the script's parser checks every configuration. Starts no worker."""

from __future__ import annotations

import glob
import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from launcher.command import placeholders
from launcher.command.arguments import Filling
from launcher.command.options import ScriptOption, find_option
from launcher.command.spelling import config_text
from launcher.config.identity import Content
from launcher.config.nested import dotted, leaves, merge
from launcher.config.notation import bare
from launcher.errors import InputError
from launcher.planning.batch_halving import key_problems
from launcher.planning.check_request import CheckRequest
from launcher.planning.command_line import all_texts, command_line, own_values
from launcher.planning.config_base import read_base
from launcher.planning.config_problems import config_problems
from launcher.planning.experiment import Experiment
from launcher.planning.job import Sweep
from launcher.planning.program_settings import COMMAND_KEYS, texts
from launcher.planning.script_check import ScriptCheck, check_script
from launcher.planning.script_facts import ScriptFacts
from launcher.planning.unchecked_keys import keys_beside_base
from launcher.text import inline

_IDENTITY = ("args", "env", "gpus")  # keys that change the numbers, besides the command and the configuration


def resolve_command(sweep: Sweep) -> list[Experiment]:
    """Check the configuration of every experiment of a sweep with a command, and return the experiments.

    Raises:
        InputError: the command or a configuration is wrong; it lists every problem.
    """
    given = {name: bare(merge(sweep.config, overrides)) for name, overrides in sweep.experiments.items()}
    problems = [*_placeholder_problems(sweep, given), *_total_problems(sweep, given), *_port_problems(sweep, given)]
    inputs, wrong = _inputs(sweep)
    problems += wrong or _base_problems(sweep)
    if sweep.settings.on_oom == "halve_batch":
        problems += key_problems(given.values(), "the command", sweep.source_lines.where("sweep", "on_oom"))
    if problems:
        raise InputError(problems)
    checked = check_script(_check_request(sweep, given))
    if problems := _check_problems(sweep, checked) or _seed_problems(sweep, given, checked.facts):
        raise InputError(problems)
    checked = replace(
        checked, defaults=_shared(checked.defaults), notes=(*checked.notes, *_base_hints(sweep, given.values()))
    )
    return [
        _experiment(sweep, index, name, config, inputs, checked) for index, (name, config) in enumerate(given.items())
    ]


def _shared(defaults: Mapping[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Return the defaults without those that the command makes another for each experiment, as `--out={dir}` does."""
    values: dict[str, set[str]] = {}
    for of_one in defaults.values():
        for key, value in of_one.items():
            values.setdefault(key, set()).add(repr(value))
    return {
        name: {key: value for key, value in of_one.items() if len(values[key]) == 1}
        for name, of_one in defaults.items()
    }


def _check_request(sweep: Sweep, given: Mapping[str, dict[str, Any]]) -> CheckRequest:
    """Return what the check of the script is asked. Nothing is there that an attempt would write over."""
    settings = sweep.settings

    def _fill(name: str, config: Mapping[str, Any], options: Sequence[ScriptOption] | None) -> list[str]:
        return command_line(settings, _filling(sweep, name, config), options, is_resumed=False)

    any_config = next(iter(given.values()), {})
    filling = _filling(sweep, next(iter(given), "x"), any_config)
    used = {name for text in all_texts(settings) for name in placeholders.names(text)}
    return CheckRequest(
        command=settings.command,
        fill=_fill,
        experiments=given,
        taken=frozenset(used),
        style=settings.args,
        check=settings.check,
        folder=Path(filling.text(settings.cwd)),
        makes_folder=not {"dir", "outcome"}.isdisjoint(placeholders.names(settings.cwd)),
        num_ranks=settings.gpus,
        environment={key: filling.text(str(value)) for key, value in settings.env.items()},
        config_files=lambda: dict(_config_files(sweep, given)),
    )


def _config_files(sweep: Sweep, given: Mapping[str, dict[str, Any]]) -> Iterator[tuple[str, tuple[str, str]]]:
    """Yield the file that the script of each experiment will find, with `args = "file"`."""
    if sweep.settings.args == "file":
        taken, base = all_texts(sweep.settings), read_base(sweep.settings.config_base)
        for name, config in given.items():
            filling = _filling(sweep, name, config)
            yield name, (filling.values["config"], config_text(filling.rest(taken), base))


def _check_problems(sweep: Sweep, checked: ScriptCheck) -> list[str]:
    where = sweep.source_lines.where("sweep", "command")
    problems = [f"{where}sweep.command: {problem}" for problem in checked.command_problems]
    return problems + config_problems(sweep, checked.problems)


def _experiment(
    sweep: Sweep, index: int, name: str, config: dict[str, Any], inputs: dict[str, str], checked: ScriptCheck
) -> Experiment:
    cell = sweep.cell(name)
    # With several seeds the seed counts in any case: what a program that nobody can read does with it is not known.
    seed = cell.seed if _uses_seed(sweep, config, checked.facts) or _has_seeds(sweep) else 0
    at_default = _at_default(config, checked.options or ())
    content = Content(_identity(sweep), config, seed, sorted(inputs.values()), at_default=at_default)
    return Experiment(
        name=name,
        index=index,
        overrides=bare(sweep.experiments[name]),
        config=config,
        digest=content.digest,
        inputs=inputs,
        given=config,
        content=content,
        seed=cell.seed,
        group=cell.group,
        cell=cell.values,
        options=checked.options,
        defaults=dict(checked.defaults.get(name, {})),
        notes=checked.notes,
        code=checked.facts.code_digest if checked.facts else "",
    )


def _at_default(config: Mapping[str, Any], options: Sequence[ScriptOption]) -> list[str]:
    """Return the keys that are given the value that the script's parser would give them: setting them is no change."""
    found = []
    for path, value in leaves(config):
        option = find_option(".".join(path), options)
        if option is not None and type(option.default) is type(value) and option.default == value:
            found.append(dotted(path))
    return found


def _uses_seed(sweep: Sweep, config: Mapping[str, Any], facts: ScriptFacts | None) -> bool:
    """Return whether the script's numbers depend on the seed of the sweep, as far as command and source show it."""
    texts_with_values = [*all_texts(sweep.settings), *(str(value) for _, value in leaves(config))]
    return bool(facts and (facts.uses_seed or facts.uses_current)) or any("{seed}" in t for t in texts_with_values)


def _has_seeds(sweep: Sweep) -> bool:
    return len({cell.seed for cell in sweep.cells.values()}) > 1


def _seed_problems(sweep: Sweep, given: Mapping[str, dict[str, Any]], facts: ScriptFacts | None) -> list[str]:
    """Return that several seeds make no difference, where the script can be read and takes no seed from anywhere."""
    if not _has_seeds(sweep) or facts is None or any(_uses_seed(sweep, config, facts) for config in given.values()):
        return []
    where = sweep.source_lines.where("sweep", "seeds")
    return [
        f"{where}sweep.seeds: the command gets no seed, so its experiments would be the same several times.\n"
        '  Write the option of the script into command, as in "--seed={seed}", or read LAUNCHER_SEED in the script.'
    ]


def _identity(sweep: Sweep) -> str:
    """Return what the numbers depend on of the command, as a text: the placeholders in it are not filled.

    A key at its default is left out, so that a key that is new in this program changes the identity of no experiment.
    """
    settings = sweep.settings
    defaults = COMMAND_KEYS | {"gpus": 1}
    others = {key: getattr(settings, key) for key in _IDENTITY if getattr(settings, key) != defaults[key]}
    return json.dumps({"command": list(settings.command), **others}, sort_keys=True)


def _placeholder_problems(sweep: Sweep, given: Mapping[str, dict[str, Any]]) -> Iterator[str]:
    """Yield what is wrong with placeholders: once if it is so for all experiments, otherwise for each of them."""
    fillings = {name: _filling(sweep, name, config) for name, config in given.items()}
    for key, text in texts(sweep.settings):
        if text == "{args}":
            continue
        place, quoted = f"{sweep.source_lines.where('sweep', key)}sweep.{key}", f'"{inline(text, 100)}"'
        found = {name: filling.problem(text) for name, filling in fillings.items()}
        wrong = {name: problem for name, problem in found.items() if problem}
        if len(set(wrong.values())) == 1 and len(wrong) == len(given):
            yield f"{place}: {quoted} {next(iter(wrong.values()))}"
        else:
            yield from (f"{place} for the experiment {name}: {quoted} {problem}" for name, problem in wrong.items())


def _filling(sweep: Sweep, name: str, config: Mapping[str, Any]) -> Filling:
    """Return values for a check: those of an attempt that will never be."""
    outcome = sweep.outcome.absolute()
    values = own_values(sweep.settings, name, sweep.cell(name).seed, outcome, outcome / "runs" / name, port="1")
    return Filling(config, values)


def _total_problems(sweep: Sweep, given: Mapping[str, dict[str, Any]]) -> Iterator[str]:
    key = sweep.settings.total
    if not isinstance(key, str):
        return
    for name, config in given.items():
        values = {dotted(path): value for path, value in leaves(config)}
        if key in values and (type(values[key]) is not int or values[key] < 0):
            where = sweep.source_lines.where("sweep", "total")
            value = inline(repr(values[key]), 100)
            yield f"{where}sweep.total is the key {inline(key)}, which is {value} in {name}: no number of steps."


def _port_problems(sweep: Sweep, given: Mapping[str, dict[str, Any]]) -> Iterator[str]:
    """Yield the values that want a port where none can be written: it is known only when the script starts."""
    if sweep.settings.args not in ("file", "globals"):
        return
    for name, config in given.items():
        for path, value in leaves(config):
            if "{port}" in str(value):
                key, style = inline(dotted(path), 100), f'args = "{sweep.settings.args}"'
                yield f"{name}: {key} has {{port}}, which {style} cannot give: put it into command or env."


def _base_problems(sweep: Sweep) -> list[str]:
    try:
        read_base(sweep.settings.config_base)
    except InputError as error:
        return [sweep.source_lines.where("sweep", "config_base") + problem for problem in error.problems]
    return []


def _base_hints(sweep: Sweep, given: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """Yield hints at keys that are not in the file over which they are laid: a slip adds a key that nobody reads."""
    if not sweep.settings.config_base:
        return
    base, taken = read_base(sweep.settings.config_base), all_texts(sweep.settings)
    yield from keys_beside_base((Filling(config, {}).rest(taken) for config in given), base, sweep.settings.config_base)


def _inputs(sweep: Sweep) -> tuple[dict[str, str], list[str]]:
    """Return the files that belong to the identity, each with its sha256, and what is wrong with their globs."""
    found: dict[str, str] = {}
    problems = []
    settings = sweep.settings
    wanted = [("inputs", pattern) for pattern in settings.inputs]
    wanted += [("config_base", glob.escape(settings.config_base))] if settings.config_base else []
    for key, pattern in wanted:
        files = [file for file in sorted(glob.glob(pattern, recursive=True)) if Path(file).is_file()]
        if not files:
            where = sweep.source_lines.where("sweep", key)
            problems.append(f'{where}sweep.{key}: there is no file "{inline(pattern, 200)}", seen from {Path.cwd()}.')
        for file in files:
            try:
                with open(file, "rb") as opened:
                    found[file] = hashlib.file_digest(opened, "sha256").hexdigest()
            except OSError as error:
                problems.append(f"sweep.{key}: {file} cannot be read: {error.strerror}.")
    return found, problems
