"""Commands as a person types them in a shell: the command that started this process, and a command for a message."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

_KERNELS = ("ipykernel_launcher", "colab_kernel_launcher")


def words_as_typed(argv: Sequence[str]) -> list[str]:
    """Return the words that a person typed to start a process with this `sys.argv`.

    Example: `/x/launcher/__main__.py run` was typed as `python -m launcher run`. Empty where the words cannot be known,
    as for `python -c`, and where nobody typed them: a notebook's server has started the process.
    """
    if not argv or argv[0] in ("", "-c", "-m") or Path(argv[0]).stem in _KERNELS:
        return []
    program = Path(argv[0])
    if program.name == "__main__.py":
        return ["python", "-m", program.parent.name, *argv[1:]]
    return ["python", *argv] if program.suffix == ".py" else [program.name, *argv[1:]]


def command_to_type(command: str, job_file: Path, folders: Mapping[str, str], *more: str) -> str:
    """Return a command about a sweep, quoted for a shell, as this process was started: script or module.

    `folders` are the sweep's folders that its job file does not name, by `outcome` and `logs`.
    """
    return shlex.join([*_program(), command, str(job_file), *_options(folders), *more])


def stop_to_type(job_file: Path, folders: Mapping[str, str]) -> str:
    """Return the command that stops all of a sweep, quoted for a shell. `folders`: as of `command_to_type`."""
    return shlex.join([*_program(), "stop", "--all", *_options({"job": str(job_file), **folders})])


def _program() -> list[str]:
    return ["sweep-launcher"] if Path(sys.argv[0]).name == "sweep-launcher" else ["python", "-m", "launcher"]


def _options(given: Mapping[str, str]) -> list[str]:
    return [word for key, value in given.items() for word in (f"--{key}", value)]
