"""A script as the worker of one attempt starts it: its arguments, folder and environment, and where its metrics are."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

PORT = "\0"  # in an argument or a variable: the place of a free port. Neither can hold this character otherwise


@dataclass(frozen=True, kw_only=True)
class Script:
    """Everything that the worker needs to run a script, as plain values, because it crosses a process boundary."""

    argv: tuple[str, ...]  # the program and its arguments; only PORT is left to fill in
    shown: str  # the command as a person may see it, without secrets
    folder: Path  # in which the script runs
    dir: Path  # the experiment's own folder, made before the start
    environment: dict[str, str]  # in addition to the worker's
    stop_signal: str = "SIGTERM"
    log: str | tuple[str, ...] = "auto"  # templates of its output, or the name of a way to read it
    events: tuple[str, ...] = ()  # globs of files with metrics
    metrics: tuple[str, ...] | None = None  # that the job names
    config_text: str | None = None  # the content of the file with the configuration; None: there is none
    code: str = ""  # the digest of its source; empty if it is not known
    is_resumed: bool = False  # it was given the arguments to go on from what an earlier attempt has left
    is_inside: bool = False  # it runs in a process forked from the worker, not in a new Python
    total: int | None = None  # the number of steps to expect
    hooks: tuple[str, ...] = field(default=())  # libraries whose log calls are recorded

    @property
    def private(self) -> Path:
        """The launcher's own folder in the experiment's folder."""
        return self.dir / ".launcher"
