"""The git commit that a job file belongs to: check it out to train the same code again."""

from __future__ import annotations

import subprocess
from pathlib import Path

from launcher.child_process import start_program

LIMIT_S = 3.0  # git may wait long for a network folder, and a launch must not


def commit(folder: Path) -> str:
    """Return the commit of the repository around a folder, followed by `-dirty` if tracked files differ from it.

    Empty if there is no repository, no commit yet or no git, or if git refuses to read a folder of another user.
    """
    command = ["git", "--no-optional-locks", "-C", str(folder), "describe", "--always", "--dirty", "--abbrev=40"]
    try:
        git = start_program([*command, "--exclude=*"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        found, _ = git.communicate(limit_s=LIMIT_S)
    except (OSError, ValueError, subprocess.TimeoutExpired):
        return ""
    return found.decode("utf-8", "replace").strip() if git.process.returncode == 0 else ""
