"""`--on-finish COMMAND`: a command of the user's that runs once when a launch is over, with the summary on its stdin.

It runs without a shell, in a session of its own, and for a minute at most: a launch that is over must end. Nothing it
does changes the exit code. What it prints goes to stderr, as stdout is for results.
"""

from __future__ import annotations

import contextlib
import csv
import io
import json
import math
import shlex
import shutil
import signal
import subprocess
from typing import Any

from launcher.errors import InputError, inline
from launcher.files import read
from launcher.job import Sweep
from launcher.lifeline import start_program
from launcher.paths import Paths
from launcher.summary import Summary

LIMIT_S = 60.0
STDERR = 2


def split(command: str) -> list[str]:
    """Split a command as a shell would, and look for its program.

    Raises:
        InputError: it is empty, a quotation mark is not closed, or there is no such program.
    """
    try:
        words = shlex.split(command)
    except ValueError as error:
        raise InputError(f"--on-finish {inline(command)}: {error}.") from error
    if not words or not words[0]:
        raise InputError("--on-finish names no command.")
    if shutil.which(words[0]) is None:
        shell = "\n  It runs without a shell; write sh -c '…' for one." if set(command) & set("|&;<>$`") else ""
        raise InputError(f"--on-finish {inline(command)}: there is no program {inline(words[0])}.{shell}")
    return words


def document(sweep: Sweep, summary: Summary, seconds: float) -> dict[str, Any]:
    """Return how a launch ended, as JSON types; the result of `run --json` too. Times are seconds."""
    return {
        "sweep": sweep.name,
        "outcome": str(sweep.outcome.absolute()),
        "logs": str(sweep.logs.absolute()),
        "exit_code": summary.exit_code,
        "seconds": round(seconds, 3),
        "endings": {name: {"ending": one.kind, "why": one.why} for name, one in summary.endings.items()},
        "kept": summary.kept,
        "not_started": summary.not_started,
        "best": best(sweep),
    }


def best(sweep: Sweep) -> dict[str, dict[str, Any]]:
    """Return for each metric which experiment got how far, from the results table; none that nobody recorded."""
    try:
        table = read(Paths(sweep.outcome, sweep.logs).table_csv).decode()
        rows = list(csv.DictReader(io.StringIO(table, newline="")))
    except (OSError, ValueError, csv.Error):
        return {}
    found = {}
    for metric in sweep.settings.metrics:
        values: dict[str, float] = {}
        for row in rows:
            with contextlib.suppress(ValueError, TypeError, KeyError):
                values[row["experiment"]] = float(row[f"best_{metric}"])
        values = {name: value for name, value in values.items() if math.isfinite(value)}
        if values:
            choose = max if metric in sweep.settings.maximize else min
            name = choose(values, key=values.__getitem__)
            found[metric] = {"experiment": name, "value": values[name]}
    return found


def run(words: list[str], summary: dict[str, Any], limit_s: float = LIMIT_S) -> str:
    """Run a command with the summary on its stdin; return what went wrong, empty if nothing did."""
    told = f"--on-finish {inline(shlex.join(words))}"
    try:
        child = start_program(words, stdout=STDERR)
    except OSError as error:
        return f"{told} could not be started: {error.strerror}."
    try:
        child.communicate(json.dumps(summary).encode() + b"\n", limit_s)
    except subprocess.TimeoutExpired:
        return f"{told} took more than {limit_s:.0f} s, and was killed."
    code = child.process.returncode
    if code < 0:
        return f"{told} was killed by {signal.Signals(-code).name}."
    return f"{told} ended with exit code {code}." if code else ""
