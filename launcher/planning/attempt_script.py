"""Makes the description of a script for the worker of one attempt."""

from __future__ import annotations

import os
from collections import ChainMap
from functools import lru_cache
from pathlib import Path
from typing import Any

from launcher.command import spelling
from launcher.command.arguments import Filling
from launcher.command.hooks import hook_environment
from launcher.command.script import Script
from launcher.planning.command_line import all_texts, command_line, finds_checkpoint, own_values, shown_command_line
from launcher.planning.config_base import read_base
from launcher.planning.decision import Decision
from launcher.planning.job import SweepSettings
from launcher.planning.plan import Plan
from launcher.planning.program_settings import event_globs
from launcher.planning.script_program import find_program
from launcher.store.paths import Paths


def attempt_script(
    plan: Plan, decision: Decision, paths: Paths, device_type: str, threads: int, *, is_sure: bool = False
) -> Script | None:
    """Return the script of an attempt on a device of a type, "cuda" or "cpu"; None if the sweep has a target.

    `paths`: of the attempt, absolute. `is_sure`: what the attempt goes on from will be there when it begins.

    An attempt that goes on gets the arguments for it, if what it goes on from is there.
    """
    settings = plan.sweep.settings
    if not settings.command:
        return None
    experiment, folder = decision.experiment, paths.run(decision.experiment.name)
    filling = _filling(settings, decision, paths, threads)
    values = filling.values
    where = _absolute(filling.text(settings.cwd))
    has_checkpoint = bool(settings.resume.glob) if is_sure else finds_checkpoint(settings, filling, where)
    is_resumed = decision.is_resumed and has_checkpoint
    environment = {
        "LAUNCHER_DEVICE": device_type,
        "LAUNCHER_CHECKPOINTS": str(paths.checkpoints(experiment.name)),
        **_environment(settings, decision, filling),
    }
    argv = command_line(settings, filling, experiment.options, is_resumed=is_resumed)
    shown = shown_command_line(settings, decision.given, values, experiment.options, is_resumed=is_resumed, argv=argv)
    known = ChainMap(environment, os.environ)
    hooks = hook_environment(settings.hooks, argv, plan.sweep.name, experiment.name, known)
    if settings.args == "globals":
        program = find_program(argv, where, known)
        argv = program.with_settings(argv, filling.rest(all_texts(settings)))
    return Script(
        argv=tuple(argv),
        shown=shown,
        folder=where,
        dir=folder,
        environment=environment | hooks,
        stop_signal=settings.stop_signal,
        log=settings.log,
        events=tuple(filling.for_globs.text(pattern) for pattern in event_globs(settings)),
        metrics=(*settings.metrics, *settings.maximize),
        config_text=_config_text(settings, filling),
        code=experiment.code,
        is_resumed=is_resumed,
        is_inside=settings.inside,
        total=_total(settings, decision),
        hooks=settings.hooks,
    )


def _absolute(folder: str) -> Path:
    return _joined("" if os.path.isabs(folder) else os.getcwd(), folder)


@lru_cache(maxsize=64)  # most jobs have one folder for all their attempts
def _joined(working: str, folder: str) -> Path:
    return Path(working, folder)


def resume_pattern(plan: Plan, decision: Decision, paths: Paths, threads: int) -> str:
    """Return the pattern of the files from which a script goes on, from its folder; empty if it cannot."""
    settings = plan.sweep.settings
    return _filling(settings, decision, paths, threads).for_globs.text(settings.resume.glob)


def _filling(settings: SweepSettings, decision: Decision, paths: Paths, threads: int) -> Filling:
    experiment, folder = decision.experiment, paths.run(decision.experiment.name)
    values = own_values(settings, experiment.name, experiment.seed, paths.outcome, folder, decision.attempt, threads)
    return Filling(decision.given, values)


def _environment(settings: SweepSettings, decision: Decision, filling: Filling) -> dict[str, str]:
    """Return the variables that a script finds, besides those of its slot."""
    ours = {
        "PYTHONUNBUFFERED": "1",  # a metric is known when it is printed, not when a buffer is full
        "PYTHONFAULTHANDLER": "1",  # a crash leaves its stacks in the log
        "LAUNCHER_NAME": filling.values["name"],
        "LAUNCHER_ATTEMPT": filling.values["attempt"],
        "LAUNCHER_SEED": filling.values["seed"],
        "LAUNCHER_OUTCOME_DIR": filling.values["outcome"],
        "LAUNCHER_DIR": filling.values["dir"],
        "LAUNCHER_STATE_DIGEST": decision.state_digest,
        "LAUNCHER_CHECKPOINT_S": repr(settings.checkpoint_s),
    }
    given = {key: filling.text(value) if isinstance(value, str) else str(value) for key, value in settings.env.items()}
    spelled = spelling.variables(filling.rest(all_texts(settings))) if settings.args == "env" else {}
    return ours | spelled | given


def _config_text(settings: SweepSettings, filling: Filling) -> str | None:
    """Return the content of the file with the configuration; None if the script gets it in another way."""
    if settings.args != "file":
        return None
    return spelling.config_text(filling.rest(all_texts(settings)), read_base(settings.config_base))


def _total(settings: SweepSettings, decision: Decision) -> int | None:
    """Return the number of steps to expect: as given, or the value of the key that has it."""
    key = settings.total
    if not isinstance(key, str):
        return key
    values: dict[str, Any] = decision.experiment.defaults | decision.given
    found = values.get(key)
    return found if type(found) is int and found >= 0 else None
