"""Commands as a person types them, quoted for a shell: what was typed to start this, what a message says to type."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path


def command_line(argv: Sequence[str]) -> list[str]:
    """Return the words that were typed to start this; empty where they cannot be known (`python -c`)."""
    if not argv or argv[0] in ("", "-c", "-m"):
        return []
    program = Path(argv[0])
    if program.name == "__main__.py":
        return ["python", "-m", program.parent.name, *argv[1:]]
    return ["python", *argv] if program.suffix == ".py" else [program.name, *argv[1:]]


def to_type(command: str, job_file: Path, folders: Mapping[str, str], *more: str) -> str:
    """Return a command about a sweep; `folders` are those that no job file names: by `outcome` and `logs`."""
    program = ["sweep-launcher"] if Path(sys.argv[0]).name == "sweep-launcher" else ["python", "-m", "launcher"]
    named = [word for key, folder in folders.items() for word in (f"--{key}", folder)]
    return shlex.join([*program, command, str(job_file), *named, *more])
