"""Every error the launcher raises on purpose, and the exit code each one becomes.

    LauncherError                 1
    ├── InputError                2   a job file, device list, data file or option is wrong; nothing was started
    ├── InUseError                3   the outcome folder or a device is held by another launcher
    ├── NoDeviceError             4   no usable device
    └── WriteError                5   something could not be written

A message has four parts where they apply: what happened, which field or experiment, the likely cause, what to type.
Programming mistakes of ours are asserts, never these.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence

EXIT_DONE = 0
EXIT_FAILED = 1
EXIT_SIGNALLED = 128  # plus the signal's number: 129 hang-up, 130 Ctrl-C, 143 terminate


class LauncherError(Exception):
    """Base of all errors that become one message and an exit code instead of a traceback."""

    exit_code = EXIT_FAILED


class InputError(LauncherError):
    """Bad input, all its problems at once; raised before anything is started."""

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


def did_you_mean(wrong: str, choices: Iterable[str]) -> str:
    """Return ` Did you mean "x"?` for the closest choice, or an empty string."""
    by_folded = {choice.casefold(): choice for choice in choices}
    close = difflib.get_close_matches(wrong.casefold(), by_folded, n=1, cutoff=0.6)
    return f' Did you mean "{by_folded[close[0]]}"?' if close else ""


def printable(text: str, limit: int = 2000) -> str:
    """Return text that is inert on a terminal: control characters shown as escapes, at most `limit` long."""
    shown = "".join(c if c.isprintable() or c in "\n\t" else c.encode("unicode_escape").decode() for c in text)
    return shown if len(shown) <= limit else shown[:limit] + "…"


def inline(text: str, limit: int = 200) -> str:
    """Return a value that came from outside for use within a line of a message: inert, and without line breaks."""
    return printable(text, limit).replace("\n", "\\n").replace("\t", "\\t")
