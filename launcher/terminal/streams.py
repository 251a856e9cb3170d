"""Prepares the standard streams of a command: every text can be written, and one that takes no more does no harm.

A terminal may be ASCII or Latin-1 (`LC_ALL=C`, `PYTHONIOENCODING`, an old ssh client), but names, values and the output
of a training function are any text. For a character that the terminal's encoding lacks, a plain stand-in is written
(`…` becomes `~`), or an escape.

This module uses the standard library alone, because it is imported before everything else.
"""

from __future__ import annotations

import codecs
import contextlib
import io
import os
import stat
import sys
from typing import Any

PLAIN = "launcher-plain"  # the name of our error handler for encoding: it writes stand-ins and escapes
_STAND_INS = {
    "…": "~",
    "→": ">",
    "\N{MULTIPLICATION SIGN}": "x",
    "·": "|",
    "±": "~",
    "≈": "~",
    "—": "-",
    "✓": "+",
    "✗": "x",
    "‖": "|",
    "★": "*",
    "━": "=",
    "─": "-",
    "µ": "u",
    "²": "2",
}  # each stand-in is one character, so that columns stay aligned


def hold() -> None:
    """Open each closed descriptor from 0 to 2 on /dev/null, so that no file of ours gets such a number."""
    for fd in range(3):
        try:
            os.fstat(fd)
        except OSError:
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)  # gets the lowest free number: fd


def take_any_text() -> None:
    """Make stdout and stderr write every text. Otherwise a character that an encoding lacks would end the command."""
    for stream in (sys.stdout, sys.stderr):
        if (reconfigure := getattr(stream, "reconfigure", None)) is not None:  # None where Python has no such stream
            reconfigure(errors=PLAIN)


def outlive_failures() -> None:
    """Make a command end the same way when nobody takes its output any more: the rest goes nowhere.

    A reader may have left (`| head -1`), a terminal may be gone (`--detach`), a disk may be full (`> sweep.out`). Of a
    full disk `lost` tells.
    """
    for name in ("stdout", "stderr"):
        stream: Any = getattr(sys, name)
        try:
            mode = os.fstat(stream.fileno()).st_mode
        except (AttributeError, OSError, ValueError):  # Python has no such stream, or a test has another
            continue
        stream.flush()
        is_read = stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode) or stream.isatty()
        binary = io.BufferedWriter((_Read if is_read else _Kept)(stream.fileno(), "w", closefd=False))
        kept = {"encoding": stream.encoding, "errors": stream.errors, "line_buffering": stream.line_buffering}
        setattr(sys, name, io.TextIOWrapper(binary, write_through=stream.write_through, **kept))


class _Read(io.FileIO):
    """A pipe or terminal that becomes /dev/null when its reader has left."""

    def write(self, data: Any) -> int:
        """Write to the reader, or to nowhere once it has left."""
        try:
            return super().write(data) or 0
        except BlockingIOError:
            raise
        except OSError:
            _left.add(self.fileno())
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, self.fileno(), inheritable=True)
            os.close(nowhere)
            return len(data)


class _Kept(io.FileIO):
    """A file that takes what can be written. What cannot be is lost, and what comes later is tried again."""

    def write(self, data: Any) -> int:
        """Write to the file, or remember why that failed."""
        try:
            return super().write(data) or 0
        except BlockingIOError:
            raise
        except OSError as error:
            _lost[self.fileno()] = error.strerror or str(error)
            return len(data)


_left: set[int] = set()  # descriptors whose readers have left
_lost: dict[int, str] = {}  # by descriptor of a file: why some of the output is not in it


def has_reader(fd: int) -> bool:
    """Say whether a descriptor may still have a reader: no write to it has failed so far."""
    return fd not in _left


def lost() -> str:
    """Return why some of the output is in no file: `No space left on device`; empty if all of it was written."""
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(AttributeError, OSError, ValueError):  # there is no such stream, or it was closed
            stream.flush()
    return next(iter(_lost.values()), "")


def _plainly(error: UnicodeError) -> tuple[Any, int]:
    assert isinstance(error, UnicodeEncodeError), "this handler is for writing"
    bad = error.object[error.start : error.end]
    shown = "".join(_STAND_INS.get(c) or c.encode("ascii", "backslashreplace").decode() for c in bad)
    return shown, error.end


codecs.register_error(PLAIN, _plainly)
