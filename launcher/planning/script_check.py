"""Checks the arguments of every experiment of a command before anything starts, by the script's own parser.

    argparse, HfArgumentParser, simple_parsing    `parser_probe` runs the script up to its parser, once, and the parser
                                                  parses the arguments of every experiment
    Hydra, LightningCLI, `check = [...]`          the script runs once for each experiment with arguments that let it
                                                  print its configuration and end
    click, typer, absl, fire, tyro; none          nothing is run; a note says that the keys are not checked

`parser_talk` has the conversation with the probe. This module decides what is run, and says what came of it.
"""

from __future__ import annotations

import os
import re
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from launcher.command.options import ScriptOption, find_option, folded
from launcher.command.spelling import DASHED, SpellingError, variables
from launcher.config.nested import KeyPath, without
from launcher.config.validation import FieldError
from launcher.planning import parser_probe
from launcher.planning.check_request import CheckRequest
from launcher.planning.config_files import CheckFiles, check_files
from launcher.planning.parser_talk import Talk
from launcher.planning.script_child import LIMIT_S, Ended, run_all
from launcher.planning.script_facts import ScriptFacts, read_facts, setting_problems
from launcher.planning.script_program import Program, find_program
from launcher.planning.unchecked_keys import hints, hydra_hint
from launcher.text import did_you_mean, inline

# Arguments with which a script prints its configuration and ends, by the kind of its parser.
CHECKS = {"hydra": ("--cfg", "job"), "jsonargparse": ("--print_config",)}
_CERTAIN = re.compile(r"(ModuleNotFoundError|SyntaxError|IndentationError|TabError)\b")
# The line behind the usage that argparse prints, and the first of Hydra's about a group that has no such choice.
_ERROR = re.compile(r"(\S+: )?error: |In '.*': Could not ", re.IGNORECASE)
_BESIDE = re.compile(r"Config search path:|\s+provider=|Set the environment variable HYDRA_FULL_ERROR")  # Hydra's
_RANKS = {"RANK": "0", "LOCAL_RANK": "0", "WORLD_SIZE": "1", "LOCAL_WORLD_SIZE": "1", "MASTER_ADDR": "127.0.0.1"}
_LINES = 6  # of a script's output that are shown
_MOST_LINES = 20  # where it is known which is the first


@dataclass(frozen=True, kw_only=True)
class ScriptCheck:
    """What is known of a script and of the arguments of each experiment."""

    options: tuple[ScriptOption, ...] | None = None  # of its parser; None: unknown
    problems: Mapping[str, tuple[FieldError, ...]] = field(default_factory=dict)  # by experiment; a path is a key's
    command_problems: tuple[str, ...] = ()  # of the command itself
    defaults: Mapping[str, dict[str, Any]] = field(default_factory=dict)  # by experiment: what is not given, to show
    notes: tuple[str, ...] = ()  # what a person should know though it is no problem
    facts: ScriptFacts | None = None  # of the script's source; None: it is no Python script


def check_script(request: CheckRequest) -> ScriptCheck:
    """Check the arguments of every experiment. Nothing is trained, unless the script trains before it parses."""
    if not request.experiments:
        return ScriptCheck()
    if request.folder.is_dir():
        return _check(request)
    if not request.makes_folder:
        return ScriptCheck(command_problems=(f"cwd: there is no folder {inline(str(request.folder))}.",))
    with tempfile.TemporaryDirectory(prefix="launcher-check-") as empty:
        checked = _check(replace(request, folder=Path(empty)))
    hint = "\n  It runs in the experiment's own folder (cwd): name files by their whole paths."
    return replace(checked, command_problems=tuple(problem + hint for problem in checked.command_problems))


def _check(request: CheckRequest) -> ScriptCheck:
    environment = {**os.environ, **request.environment}
    first = {name: request.fill(name, values, None) for name, values in request.experiments.items()}
    programs = {name: find_program(words, request.folder, environment) for name, words in first.items()}
    program = next(iter(programs.values()))
    if any(other != program for other in programs.values()):
        return _of_several(programs)
    if program.problem:
        return ScriptCheck(command_problems=(program.problem,))
    if request.style == "globals" and program.settings_problem:
        return ScriptCheck(command_problems=(program.settings_problem,))
    if request.style == "env" and (problems := _value_problems(request, _variable_problems)):
        return ScriptCheck(problems=problems)
    if program.script is None:
        reason = "the command runs no Python script that is known here"
        return _without_parser(request, first, environment, None, reason)
    try:
        facts = read_facts(program.script, [request.folder.absolute()])
    except OSError as error:
        return ScriptCheck(command_problems=(f"{inline(program.name)} cannot be read: {error.strerror or error}.",))
    if facts.error and program.before[0] == sys.executable:
        return ScriptCheck(command_problems=(f"{inline(program.name)} is not Python: {facts.error}.",), facts=facts)
    if request.style == "globals" and request.check is not False:
        problems = _value_problems(request, lambda rest: setting_problems(rest, facts.settings))
        return ScriptCheck(problems=problems, defaults=_other_settings(request, facts), facts=facts)
    if request.check not in ("parser", True) or facts.parser != "argparse":
        return _without_parser(request, first, environment, facts, _reason(facts, program), program.name)
    has_ranks = program.starts_ranks or request.num_ranks > 1
    return _by_parser(request, program, first, environment | (_RANKS if has_ranks else {}), facts)


def _of_several(programs: Mapping[str, Program]) -> ScriptCheck:
    """Return what is known if experiments run different scripts: whether these are there."""
    problems = {name: (FieldError((), program.problem),) for name, program in programs.items() if program.problem}
    return ScriptCheck(problems=problems, notes=("Keys are not checked: the experiments run different scripts.",))


def _value_problems(
    request: CheckRequest, find: Callable[[Mapping[str, Any]], Sequence[tuple[KeyPath, str]]]
) -> dict[str, tuple[FieldError, ...]]:
    """Return what `find` finds wrong with the values of each experiment that no placeholder takes."""
    taken = [(key,) for key in request.taken]
    found = {name: find(without(values, taken)) for name, values in request.experiments.items()}
    return {
        name: tuple(FieldError(path, message) for path, message in errors) for name, errors in found.items() if errors
    }


def _setting_slips(request: CheckRequest, facts: ScriptFacts) -> Iterator[str]:
    """Yield hints at keys that are nearly names of settings: a script may have a way of its own to set them."""
    taken = [(key,) for key in request.taken]
    keys = {key: None for values in request.experiments.values() for key in without(values, taken)}
    for key in keys:
        if key not in facts.settings and (hint := did_you_mean(key, facts.settings)):
            yield f"{inline(key)} is not among the settings at the top of the script.{hint}"


def _variable_problems(values: Mapping[str, Any]) -> Sequence[tuple[KeyPath, str]]:
    try:
        variables(values)
    except SpellingError as error:
        return error.problems
    return []


def _reason(facts: ScriptFacts, program: Program) -> str:
    name = inline(program.name)
    if facts.parser:
        return f"{name} reads its arguments with {facts.parser}, which cannot be asked without running the script"
    return f"{name} has no parser that is known here"


def _by_parser(
    request: CheckRequest,
    program: Program,
    first: Mapping[str, list[str]],
    environment: Mapping[str, str],
    facts: ScriptFacts,
) -> ScriptCheck:
    assert program.script is not None, "a parser belongs to a script"
    with check_files(request.config_files()) as files:
        placed = replace(request, fill=lambda name, *rest: files.words(name, request.fill(name, *rest)))
        arguments = {name: files.words(name, words)[program.num_before :] for name, words in first.items()}
        talk = Talk(placed, program, facts.num_parses, arguments, files.write)
        ended = talk.hold(environment)
    if ended is None and talk.is_of_one and len(first) > 1:
        alone = {name: replace(request, experiments={name: values}) for name, values in request.experiments.items()}
        return _merged(
            [_by_parser(one, program, {name: first[name]}, environment, facts) for name, one in alone.items()]
        )
    if ended is None:
        return ScriptCheck(
            options=tuple(talk.options),
            problems={name: tuple(_told(errors, files)) for name, errors in talk.problems.items() if errors},
            defaults={
                name: {key: files.told(value) if isinstance(value, str) else value for key, value in values.items()}
                for name, values in talk.defaults.items()
            },
            notes=(*talk.notes, *_seed_hint(request, program, talk.options, facts)),
            facts=facts,
        )
    name = inline(program.name)
    if talk.is_late:
        problem = (
            f"{name} has not parsed its arguments after {LIMIT_S:.0f} s, and was ended.{_shown(ended)}\n"
            "  Does it train or wait before it parses? Then write check = false, or mend that."
        )
        return ScriptCheck(command_problems=(problem,), facts=facts)
    how = f"ended before it parsed its arguments, exit code {ended.code}"
    if ended.code is None:
        how = "started another program in its place before it parsed its arguments"
    if _is_certain(ended):
        return ScriptCheck(command_problems=(f"{name} {how}.{_shown(ended)}",), facts=facts)
    if request.style == "file" and any("FileNotFoundError" in line for line in ended.lines):
        reason = "reads its file before it parses its arguments, and the file is made when an experiment starts"
        return ScriptCheck(notes=(f"Keys are not checked: {name} {reason}.",), facts=facts)
    note = f"Keys are not checked: {name} {how}, where it was run without a GPU for the check.{_shown(ended)}"
    return ScriptCheck(notes=(note,), facts=facts)


def _merged(checks: Sequence[ScriptCheck]) -> ScriptCheck:
    """Return the checks of single experiments as a check of all of them."""
    options = {(option.dest, *option.flags): option for checked in checks for option in checked.options or ()}
    return ScriptCheck(
        options=tuple(options.values()) or None,
        problems={name: errors for checked in checks for name, errors in checked.problems.items()},
        command_problems=tuple(dict.fromkeys(problem for checked in checks for problem in checked.command_problems)),
        defaults={name: values for checked in checks for name, values in checked.defaults.items()},
        notes=tuple(dict.fromkeys(note for checked in checks for note in checked.notes)),
        facts=checks[0].facts,
    )


def _told(errors: Sequence[FieldError], files: CheckFiles) -> Iterator[FieldError]:
    return (replace(error, message=files.told(error.message)) for error in errors)


def _seed_hint(
    request: CheckRequest, program: Program, options: Sequence[ScriptOption], facts: ScriptFacts
) -> Iterator[str]:
    """Yield a hint at the sweep's seed, if the script has an option for a seed and gets none."""
    option = find_option("seed", options)
    if option is None or not option.flags or facts.uses_seed or request.style not in DASHED:
        return
    typed = {word.partition("=")[0] for word in request.command}
    given = any("seed" in map(folded, values) for values in request.experiments.values())
    if not given and not typed & {*option.flags} and not any("{seed}" in word for word in request.command):
        word = f"{option.flag_for('seed')}={{seed}}"
        yield f'{inline(program.name)} has an option for a seed: "{word}" in command sets it.'


def _is_certain(ended: Ended) -> bool:
    """Return whether a script that ended early would end so without the check too, as it is at fault, not the probe."""
    places = [line for line in ended.lines if line.lstrip().startswith("File ")]
    is_probe = bool(places) and parser_probe.__file__ in places[-1]  # a Python before 3.8 cannot read it
    return bool(ended.code and ended.lines and _CERTAIN.match(ended.lines[-1])) and not is_probe


def _without_parser(
    request: CheckRequest,
    first: Mapping[str, list[str]],
    environment: Mapping[str, str],
    facts: ScriptFacts | None,
    reason: str,
    script: str = "",
) -> ScriptCheck:
    """Check by arguments with which the script ends, if there are any. `script`: its name, if it is Python."""
    kind = facts.parser if facts else ""
    by_parser = request.check in ("parser", True)
    more = CHECKS.get(kind, ()) if by_parser else request.check
    if isinstance(more, bool | str) or not more:
        has_note = by_parser and request.style not in ("env", "file") and any(request.experiments.values())
        notes = [f"Keys are not checked: {reason}."] if has_note else []
        notes += _setting_slips(request, facts) if has_note and facts is not None and not kind else ()
        notes += hints(request, facts, inline(script)) if by_parser and facts is not None else ()
        return ScriptCheck(notes=tuple(notes), facts=facts)
    commands = {name: [*words, *more] for name, words in first.items()}
    with check_files(request.config_files()) as files:
        files.write()
        placed = {name: files.words(name, words) for name, words in commands.items()}
        ended = run_all(placed, request.folder, environment, os.cpu_count() or 1)
    problems = {}
    for name, end in ended.items():
        shown = files.told(_shown(end))
        if end.code:
            problems[name] = (FieldError((), f"its arguments are refused, exit code {end.code}:{shown}"),)
        elif end.code is None:
            typed = inline(" ".join(more))
            problems[name] = (FieldError((), f"with {typed} the script did not end in {LIMIT_S:.0f} s.{shown}"),)
    told = hydra_hint(request, inline(script)) if kind == "hydra" else ()
    return ScriptCheck(problems=problems, notes=tuple(told), facts=facts)


def _other_settings(request: CheckRequest, facts: ScriptFacts) -> dict[str, dict[str, Any]]:
    return {
        name: {key: setting.value for key, setting in facts.settings.items() if key not in values}
        for name, values in request.experiments.items()
    }


def _shown(ended: Ended) -> str:
    """Return the last lines that a script printed, as lines of a message: from `error: …` on, if that is there."""
    lines = []
    for line, before in zip(ended.lines, ["", *ended.lines], strict=False):
        is_probe = parser_probe.__file__ in line or parser_probe.__file__ in before  # and the source of such a line
        if not is_probe and not _BESIDE.match(line):
            lines.append(line.expandtabs(4))
    told = next((place for place in range(len(lines) - 1, -1, -1) if _ERROR.match(lines[place])), None)
    shown = lines[-_LINES:] if told is None else lines[told:][: _MOST_LINES if _is_list(lines[told:]) else _LINES]
    return "".join(f"\n    {inline(line)}" for line in shown) or "\n    It printed nothing."


def _is_list(lines: Sequence[str]) -> bool:
    """Return whether the lines are an error of Hydra's with the choices that a group has."""
    return lines[0].startswith("In '")
