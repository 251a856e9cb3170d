"""The batch script: what Slurm runs for each group of a batch, as text. It becomes the supervisor.

The supervisor is the batch process itself, by `exec`. So `scancel --batch` and `--signal=B:` reach the supervisor
alone, and its exit code is the job's. Nothing here is executed by the launcher, and no file is read.
"""

from __future__ import annotations

import json
import os
import shlex
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

# Without -P the supervisor would import a launcher.py of the working directory in place of this package.
PROGRAM = (sys.executable, "-P", "-m", "launcher.supervisor")
INDEX, ARRAY = "@ARRAY_TASK_ID@", "@ARRAY_JOB_ID@"  # in `successor`: known in the job only
_VARIABLES = {INDEX: "$SLURM_ARRAY_TASK_ID", ARRAY: "$SLURM_ARRAY_JOB_ID"}
_ROOT = Path(__file__).resolve().parent.parent.parent


@dataclass(frozen=True, kw_only=True)
class BatchScript:
    """A batch script for an array: the group of a batch is `offset` plus the index in the array.

    setup: shell lines of the user, before the program.
    successor: the command that submits the job which goes on after the time limit, with INDEX and ARRAY in it; empty:
        no job goes on.
    """

    outcome: Path
    batch: str
    offset: int = 0
    setup: Sequence[str] = ()
    successor: Sequence[str] = ()
    program: Sequence[str] = PROGRAM

    def text(self) -> str:
        """Return the script, for bash."""
        return "\n".join(
            [
                "#!/bin/bash",
                f"# A job of the batch {self.batch}: its array index is the number of a group.",
                f"group=$((SLURM_ARRAY_TASK_ID + {self.offset}))",
                f"export LAUNCHER_TICKET={quoted(self.batch)}:$group",
                *self._setup_lines(),
                "",
                f"export LAUNCHER_RESUBMIT={_with_variables(self.successor)}"
                if self.successor
                else "unset LAUNCHER_RESUBMIT",
                "",
                "# The package of the launcher that made this job, after all other places.",
                f"export PYTHONPATH=${{PYTHONPATH:+$PYTHONPATH:}}{quoted(str(_ROOT))}",
                f"exec {' '.join(map(quoted, self.program))} {quoted(str(self.outcome))} {quoted(self.batch)} $group",
                "",
            ]
        )

    def _setup_lines(self) -> list[str]:
        """Return the user's lines, each with a check behind it.

        `set -e` would also end the job at a command inside `module` or `activate` that may fail.
        """
        if not self.setup:
            return []
        lines = ["", "checked_setup() {  # status, line", '    [ "$1" = 0 ] && return']
        lines.append('    echo "setup of the job file ended with code $1 on $(hostname): $2" >&2')
        lines += ["    exit 1", "}"]
        for line in self.setup:
            lines += [line, f"checked_setup $? {quoted(line.strip())}"]
        return lines


def quoted(text: str) -> str:
    """Return a word for bash, on one line and in valid UTF-8, whatever characters a path has."""
    if text.isprintable():
        return shlex.quote(text)
    return "$'" + "".join(_escaped(byte) for byte in os.fsencode(text)) + "'"


def _escaped(byte: int) -> str:
    if byte in b"\\'":
        return f"\\{byte:c}"
    return f"{byte:c}" if 0x20 <= byte < 0x7F else f"\\x{byte:02x}"


def _with_variables(words: Sequence[str]) -> str:
    """Return words as JSON, quoted for bash, with the variables of the job where their placeholders stand."""
    text = json.dumps(list(words))
    expression = shlex.quote(text)
    for placeholder, variable in _VARIABLES.items():
        expression = expression.replace(placeholder, f"'\"{variable}\"'")
    return expression
