"""`--on-finish COMMAND`: the user's own command, run when a launch is over, with the summary as JSON on its stdin.

The command runs without a shell, in a session of its own, and for a minute at most, because a launch that is over must
end. Nothing that the command does changes the exit code. Its output goes to stderr, because stdout is for results.
"""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
import time
from collections.abc import Mapping, Sequence
from typing import Any

from launcher.child_process import start_program
from launcher.cli.best_document import best_document
from launcher.engine.summary import Summary
from launcher.errors import InputError
from launcher.planning.job import Sweep
from launcher.reports.configuration_table import configurations_document
from launcher.store.experiment_state import ExperimentState
from launcher.store.last_records import LastRecords
from launcher.store.paths import Paths
from launcher.store.sweep_state import read_sweep_state
from launcher.store.values import json_value
from launcher.text import inline, signal_name

LIMIT_S = 60.0
STDERR = 2
_QUOTED = re.compile(r"""'[^']*'|"(?:\\.|[^"\\])*"|\\.""", re.DOTALL)
# An ampersand within a word belongs to a web address, not to a shell.
_SHELL_SIGN = re.compile(r"\|+|&&|(?<!\S)&|&(?!\S)|\d?[<>]+|;|`|\$[({\w]|(?<!\S)~|\*")


def split(command: str) -> list[str]:
    """Return the words of a command, split as a shell would.

    Raises:
        InputError: the command is empty, a quotation mark is not closed, only a shell could run it, or there is no such
            program.
    """
    try:
        words = shlex.split(command)
    except ValueError as error:
        raise InputError(f"--on-finish {inline(command)}: {error}.") from error
    if not words or not words[0]:
        raise InputError("--on-finish names no command.")
    if sign := _of_a_shell(command):
        raise InputError(
            f"--on-finish {inline(command)}: {sign} means something to a shell only, and it runs without a shell.\n"
            f"  With a shell: sh -c {inline(shlex.quote(command))}\n"
            f"  If {sign} is meant as text, put it into quotation marks."
        )
    if shutil.which(words[0]) is None:
        raise InputError(f"--on-finish {inline(command)}: there is no program {inline(words[0])}.")
    return words


def _of_a_shell(command: str) -> str:
    """Return the first sign in a command that only a shell understands, outside of quotes; empty if there is none."""
    found = _SHELL_SIGN.search(_QUOTED.sub("_", command))
    return found[0] if found else ""


def document(sweep: Sweep, summary: Summary, experiments: Sequence[ExperimentState], seconds: float) -> dict[str, Any]:
    """Return how a launch ended, as JSON: what the command gets, and what `run --json` prints. Times are seconds."""
    return {
        "sweep": sweep.name,
        "outcome": str(sweep.outcome.absolute()),
        "logs": str(sweep.logs.absolute()),
        "exit_code": summary.exit_code,
        "seconds": round(seconds, 3),
        "endings": {name: {"ending": ending.kind, "why": ending.why} for name, ending in summary.endings.items()},
        "kept": summary.kept,
        "not_started": summary.not_started,
        "left": summary.left,
        "best": best_document(experiments, sweep.settings.metrics),
        "configurations": configurations_document(experiments, sweep.settings.metrics),
    }


def results(sweep: Sweep, known: Mapping[str, LastRecords]) -> list[ExperimentState]:
    """Return how the experiments of a sweep stand, from its records, by the metrics that the job has now.

    `known`: the records of some, which were read already.
    Empty if a file cannot be read: the summary then still says how the launch ended.
    """
    try:
        found = read_sweep_state(Paths(sweep.outcome, sweep.logs), time.time())
        if found is None:
            return []
        return found.with_metrics(sweep.settings.metrics, sweep.settings.maximize).read_experiments(known=known)
    except (InputError, OSError):
        return []


def run(words: list[str], summary: dict[str, Any], limit_s: float = LIMIT_S) -> str:
    """Run a command with the summary on its stdin, and return what went wrong; empty if nothing did."""
    command = f"--on-finish {inline(shlex.join(words))}"
    try:
        child = start_program(words, stdout=STDERR)
    except OSError as error:
        return f"{command} could not be started: {error.strerror}."
    try:
        child.communicate(json.dumps(json_value(summary)).encode() + b"\n", limit_s)
    except subprocess.TimeoutExpired:
        return f"{command} took more than {limit_s:.0f} s, and was killed."
    code = child.process.returncode
    if code < 0:
        return f"{command} was killed by {signal_name(-code)}."
    return f"{command} ended with exit code {code}." if code else ""
