"""What is asked of the check of a script: its command, and what every experiment gives it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from launcher.command.options import ScriptOption

Files = Mapping[str, tuple[str, str]]
Fill = Callable[[str, Mapping[str, Any], "Sequence[ScriptOption] | None"], list[str]]


@dataclass(frozen=True, kw_only=True)
class CheckRequest:
    """The command of a sweep, and what its experiments give it."""

    command: Sequence[str]  # as the job file has it
    fill: Fill  # (experiment, configuration, options) → the command with all placeholders filled by harmless values
    experiments: Mapping[str, Mapping[str, Any]]  # the configuration of each
    taken: frozenset[str] = frozenset()  # dotted keys that placeholders of the command take
    style: str = "--key=value"
    check: str | Sequence[str] | bool = "parser"
    folder: Path = Path()  # in which the script runs
    makes_folder: bool = False  # an attempt makes this folder before it starts the script
    num_ranks: int = 1  # processes of the script for each experiment
    environment: Mapping[str, str] = field(default_factory=dict)  # in addition to this process's
    # The path and the content of the file of each experiment, with `args = "file"`; no experiment without it.
    config_files: Callable[[], Files] = dict
