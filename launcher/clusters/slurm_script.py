"""The batch script: what Slurm runs for each group of a batch, as text. It becomes the supervisor.

The supervisor is the batch process itself, by `exec`. So `scancel --batch` and `--signal=B:` reach the supervisor
alone, and its exit code is the job's. Nothing here is executed by the launcher, and no file is read.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from launcher.clusters.node_script import PROGRAM, quoted, search_path_lines, setup_lines

INDEX, ARRAY = "@ARRAY_TASK_ID@", "@ARRAY_JOB_ID@"  # in `successor`: known in the job only
_VARIABLES = {INDEX: "$SLURM_ARRAY_TASK_ID", ARRAY: "$SLURM_ARRAY_JOB_ID"}


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
                *setup_lines(self.setup),
                "",
                f"export LAUNCHER_RESUBMIT={_with_variables(self.successor)}"
                if self.successor
                else "unset LAUNCHER_RESUBMIT",
                "",
                *search_path_lines(),
                f"exec {' '.join(map(quoted, self.program))} {quoted(str(self.outcome))} {quoted(self.batch)} $group",
                "",
            ]
        )


def _with_variables(words: Sequence[str]) -> str:
    """Return words as JSON, quoted for bash, with the variables of the job where their placeholders stand."""
    text = json.dumps(list(words))
    expression = shlex.quote(text)
    for placeholder, variable in _VARIABLES.items():
        expression = expression.replace(placeholder, f"'\"{variable}\"'")
    return expression
