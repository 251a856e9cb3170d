"""Every error the launcher raises on purpose, and the exit code each one becomes.

    LauncherError                 1
    ├── InputError                2   a job file, device list, data file or option is wrong; nothing was started
    ├── InUseError                3   the outcome folder or a device is held by another launcher
    ├── NoDeviceError             4   no usable device
    └── WriteError                5   something could not be written

A message says, in this order and as far as it applies: what happened, to which field or experiment, the likely cause,
and what to type. A mistake of our own is an assert, never one of these errors.

Each exit code has one owner: those of errors are the classes here, and which code a launch ends with is decided by
`engine.summary.Summary.exit_code`.
"""

from __future__ import annotations

import signal
from collections.abc import Sequence

EXIT_DONE = 0
EXIT_FAILED = 1
EXIT_TIMEOUT = 124  # as timeout(1) has it
EXIT_SIGNALLED = 128  # plus the signal's number: 129 hang-up, 130 Ctrl-C, 143 terminate
EXIT_INTERRUPTED = EXIT_SIGNALLED + signal.SIGINT


class LauncherError(Exception):
    """Base of all errors that end a command with one message and an exit code instead of a traceback."""

    exit_code = EXIT_FAILED


class InputError(LauncherError):
    """The input is wrong. It names every problem at once and is raised before anything is started."""

    exit_code = 2

    def __init__(self, problems: str | Sequence[str]) -> None:
        self.problems = [problems] if isinstance(problems, str) else list(problems)
        assert self.problems, "an InputError names at least one problem"
        super().__init__("\n".join(self.problems))


class InUseError(LauncherError):
    """A folder or a device is held by another launcher."""

    exit_code = 3


class NoDeviceError(LauncherError):
    """There are devices to choose from, but none that may be used."""

    exit_code = 4


class WriteError(LauncherError):
    """The disk is full, read-only, or otherwise refused a file the sweep cannot do without."""

    exit_code = 5
