"""The commit that a job file belongs to: what a person checks out to train the same again."""

from __future__ import annotations

import subprocess
from pathlib import Path

from launcher.child_process import start_program

LIMIT_S = 3.0  # git waits for a network folder as long as it must; a launch does not


def commit(folder: Path) -> str:
    """Return the commit of the repository around a folder, with `-dirty` if tracked files differ from it.

    Empty where there is no repository, no commit yet, no git, or git refuses (a folder of another user).
    """
    command = ["git", "--no-optional-locks", "-C", str(folder), "describe", "--always", "--dirty", "--abbrev=40"]
    try:
        git = start_program([*command, "--exclude=*"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        found, _ = git.communicate(limit_s=LIMIT_S)
    except (OSError, ValueError, subprocess.TimeoutExpired):
        return ""
    return found.decode("utf-8", "replace").strip() if git.process.returncode == 0 else ""
