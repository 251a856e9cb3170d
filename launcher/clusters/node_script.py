"""What a node runs before the supervisor, as lines of bash: in the batch script of Slurm, in the actor of Ray.

Nothing here is executed by the launcher, and no file is read.
"""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

# Without -P the supervisor would import a launcher.py of the working directory in place of this package.
PROGRAM = (sys.executable, "-P", "-m", "launcher.supervisor")
_ROOT = Path(__file__).resolve().parent.parent.parent


def setup_lines(setup: Sequence[str]) -> list[str]:
    """Return the user's lines, each with a check behind it.

    `set -e` would also end the job at a command inside `module` or `activate` that may fail.
    """
    if not setup:
        return []
    lines = ["", "checked_setup() {  # status, line", '    [ "$1" = 0 ] && return']
    lines.append('    echo "setup of the job file ended with code $1 on $(hostname): $2" >&2')
    lines += ["    exit 1", "}"]
    for line in setup:
        lines += [line, f"checked_setup $? {quoted(line.strip())}"]
    return lines


def search_path_lines() -> list[str]:
    """Return what lets the node's Python find the package of this launcher, after all other places."""
    return [
        "# The package of the launcher that made this job, after all other places.",
        f"export PYTHONPATH=${{PYTHONPATH:+$PYTHONPATH:}}{quoted(str(_ROOT))}",
    ]


def quoted(text: str) -> str:
    """Return a word for bash, on one line and in valid UTF-8, whatever characters a path has."""
    if text.isprintable():
        return shlex.quote(text)
    return "$'" + "".join(_escaped(byte) for byte in os.fsencode(text)) + "'"


def _escaped(byte: int) -> str:
    if byte in b"\\'":
        return f"\\{byte:c}"
    return f"{byte:c}" if 0x20 <= byte < 0x7F else f"\\x{byte:02x}"
