"""The keys of a [sweep] table that say what trains an experiment, and their check as far as that needs no script."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import MISSING, dataclass, field, fields
from pathlib import Path
from typing import Any, Literal

from launcher.command import placeholders
from launcher.command.resume import Resume
from launcher.sources.template import problems as template_problems
from launcher.text import inline


@dataclass(frozen=True, kw_only=True)
class ProgramSettings:
    """The keys about the target or the command that trains an experiment:

    target: the training function, as `module:function`. The module is searched for beside the job file first. A job
        has a `target` or a `command`.
    command: the program and its arguments that train one experiment, as `["{python}", "train.py", "{args}"]`. No shell
        is involved: a text is one argument. `{args}` stands for the configuration, `{dir}` for the experiment's own
        folder; the manual lists the other placeholders.
    args: how `{args}` spells the configuration: `"--key=value"`, `"--key value"`, `"-key value"`, `"key=value"`. Or it
        spells nothing, and the script gets the values as environment variables (`"env"`), in a JSON file (`"file"`), or
        in place of the assignments at the top of its module (`"globals"`).
    check: how the arguments are checked before anything starts. `"parser"`: by the script's own argparse. A list of
        arguments: the command is run with these added, and must exit with 0. `false`: not at all.
    log: where metrics are in the output of the command. A list of templates such as `"step {step}: loss {loss}"`, in
        which `{}` stands for any word; `"json"` for lines of JSON; `"auto"` to look for what is usual, if there are no
        `events` and `hooks`; `[]` for none.
    events: files with metrics that the command writes, as a glob or several: `"{dir}/**/*tfevents*"`, `*.jsonl`,
        `*.csv`.
    hooks: libraries whose log calls in the command are recorded too: `"wandb"`, `"transformers"`, `"accelerate"`,
        `"keras"`, `"lightning"`.
    resume: how the command goes on after an interruption: `{ if = "{dir}/ckpt.pt", args = ["--resume"] }` adds the
        arguments from the second attempt on, where a file fits the glob.
    total: the number of steps that an experiment takes, or the key of the configuration that has it.
    stop_signal: the signal that asks the command to save and end.
    cwd: the folder in which the command runs; by default that of the launch.
    env: environment variables for the command.
    config_base: with `args = "file"`, the file over which the configuration is laid: JSON, TOML or YAML.
    inputs: files whose content belongs to the identity of an experiment, as globs: if a file has changed, the
        experiment is trained again.
    inside: a Python script runs inside the forked worker, with the modules of `preload` imported already. A start takes
        milliseconds.
    """

    target: str = ""
    command: tuple[str, ...] = ()
    args: Literal["--key=value", "--key value", "-key value", "key=value", "env", "file", "globals"] = "--key=value"
    check: bool | Literal["parser"] | tuple[str, ...] = "parser"
    log: Literal["auto", "json"] | tuple[str, ...] = "auto"
    events: str | tuple[str, ...] = ()
    hooks: tuple[Literal["wandb", "transformers", "accelerate", "keras", "lightning"], ...] = ()
    resume: Resume = field(default_factory=Resume)
    total: int | str | None = None
    stop_signal: Literal["SIGTERM", "SIGINT", "SIGUSR1", "SIGUSR2", "SIGHUP"] = "SIGTERM"
    cwd: str = ""
    env: dict[str, str | int | float] = field(default_factory=dict)
    config_base: str = ""
    inputs: tuple[str, ...] = ()
    inside: bool = False


COMMAND_KEYS: dict[str, Any] = {  # those that mean nothing without a command, each with its default
    found.name: found.default_factory() if found.default_factory is not MISSING else found.default
    for found in fields(ProgramSettings)
    if found.name not in ("target", "command")
}


def program_slip(table: Mapping[str, Any]) -> str:
    """Return what is wrong with a [sweep] table that names no program, or its command as a text; or nothing."""
    command = table.get("command")
    if not command and not table.get("target"):
        return 'target is missing. Write target = "train:run", or command = ["{python}", "train.py", "{args}"]'
    if not isinstance(command, str):
        return ""
    try:
        words = shlex.split(command)
    except ValueError:
        words = command.split()
    meant = json.dumps(words, ensure_ascii=False)
    return (
        f"command is a list, an argument each, because no shell is involved. Probably: command = {inline(meant, 500)}"
    )


def program_problems(settings: ProgramSettings) -> list[str]:
    """Return what is wrong with the settings about a command, and about having both a command and a target."""
    if not settings.command:
        given = [key for key, default in COMMAND_KEYS.items() if getattr(settings, key) != default]
        problems = [f"{key} is for a job with a command; this job has a target" for key in given]
        if not re.fullmatch(r"[A-Za-z_][\w.]*:[A-Za-z_]\w*", settings.target):
            problems.append(f'target is written "module:function", not "{inline(settings.target)}"')
        return problems
    problems = ["it has a target and a command: one of them trains an experiment"] if settings.target else []
    if not settings.command[0]:
        problems.append("command begins with an empty text; its first is the program")
    if isinstance(settings.total, int) and settings.total < 0:
        problems.append(f"total is a number of steps from 0, not {settings.total}")
    if settings.config_base and settings.args != "file":
        problems.append('config_base is for args = "file": only a file of the configuration is laid over another')
    problems += filter(None, [_inside_problem(settings)])
    if settings.command.count("{args}") > 1:
        problems.append("command has {args} twice: the configuration is spelled once")
    problems += [
        f"env: {inline(repr(key), 100)} is no name of a variable"
        for key, value in settings.env.items()
        if not key or set("=\0") & set(key) or "\0" in str(value)
    ]
    templates = () if isinstance(settings.log, str) else settings.log
    return [*problems, *_brace_problems(settings), *(f"log: {problem}" for problem in template_problems(templates))]


def _inside_problem(settings: ProgramSettings) -> str:
    """Return why the command cannot run inside the worker; empty if it can, or is not to."""
    program, script, *_ = (*settings.command, "", "")
    if not settings.inside or (program == "{python}" and (script == "-m" or not script.startswith("-"))):
        return ""
    if program == "{python}":
        return (
            f"inside: no options of Python can be given to a worker that runs already. Take out {inline(script, 100)}"
        )
    if Path(program).name.startswith("python"):
        return 'inside: another Python cannot run inside the worker. Begin the command with "{python}"'
    return f"inside: only a Python script runs inside the worker, and {inline(program, 100)} is none"


def texts(settings: ProgramSettings) -> Iterator[tuple[str, str]]:
    """Yield each text of the settings that may have placeholders, after the key that it belongs to."""
    yield from (("command", text) for text in settings.command)
    yield from (("events", text) for text in event_globs(settings))
    yield from (("env", str(text)) for text in settings.env.values())
    yield "cwd", settings.cwd
    yield "resume", settings.resume.glob
    yield from (("resume", text) for text in settings.resume.args)


def event_globs(settings: ProgramSettings) -> tuple[str, ...]:
    """Return the globs of the files with metrics."""
    return tuple(filter(None, (settings.events,) if isinstance(settings.events, str) else settings.events))


def _brace_problems(settings: ProgramSettings) -> Iterator[str]:
    for key, text in texts(settings):
        try:
            found = placeholders.names(text)
        except ValueError as error:
            yield f'{key}: "{inline(text, 100)}" {error}'
            continue
        if "args" in found and (key != "command" or text != "{args}"):
            yield f'{key}: "{inline(text, 100)}": {{args}} stands alone, as a text of its own in command'
        if "port" in found and (key in ("cwd", "events") or text == settings.resume.glob):
            yield f"{key}: {{port}} is known when the command starts: it stands in command or env"
        if "config" in found and settings.args != "file":
            yield f'{key}: {{config}} is the file of args = "file"; args is "{settings.args}"'
