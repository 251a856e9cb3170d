"""What passes through the bell, the pipe by which a worker wakes the launcher: rings, and perhaps a last word.

A ring is the byte `!`. Rings carry nothing and may be lost. A last word says how the attempt ended if a full disk keeps
that out of the records. It is one line of JSON between two line ends, short enough that the kernel never splits it. The
farewell of a script's worker is the byte `.`: nothing is left of its script. If that is lost, the launcher looks for
itself. The byte `,` says the same, and that the attempt is over, and that the worker waits for its next task.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
from collections.abc import Mapping

from launcher.store.ending import EndingKind
from launcher.store.records import Record

UNWRITTEN_EXIT_CODE = 74  # EX_IOERR of sysexits.h: the worker could not write its records, even if its word is lost
_RING = b"!"
_FAREWELL = b"."
_REST = b","
_TEXT_LIMIT = 300  # characters of the error, of at most 12 bytes each; the kernel splits no write of up to 4,096 bytes
_WAIT_S = 2.0  # for room in a pipe that nobody has read for a while


def send_last_word(bell_fd: int, word: Mapping[str, str]) -> None:
    """Send the `ending` and the `error` of an attempt to the launcher; without a launcher, nothing happens."""
    line = b"\n" + json.dumps({key: value[:_TEXT_LIMIT] for key, value in word.items()}).encode() + b"\n"
    with contextlib.suppress(OSError, ValueError):
        select.select([], [bell_fd], [], _WAIT_S)
        os.write(bell_fd, line)


def send_farewell(bell_fd: int) -> None:
    """Tell the launcher that no process is left of what this process has started, and that it starts no other."""
    with contextlib.suppress(OSError):  # the pipe is full
        os.write(bell_fd, _FAREWELL)


def send_rest(bell_fd: int) -> bool:
    """Tell the launcher that the attempt is over, and that this process waits for a task. Return whether it is told."""
    try:
        return os.write(bell_fd, _REST) > 0
    except OSError:  # the pipe is full
        return False


class BellReader:
    """Finds in what the launcher reads from a bell how an attempt ended."""

    def __init__(self) -> None:
        self.has_farewell = False
        self.has_rest = False
        self.num_rings = 0
        self._word: bytes | None = None  # what came after the first line end; None before that

    def feed(self, data: bytes) -> None:
        """Take in bytes read from the bell."""
        self.num_rings += data.count(_RING)
        if self._word is not None:
            self._word += data
        elif b"\n" in data:
            self._word = data.partition(b"\n")[2]
        else:
            self.has_farewell |= _FAREWELL in data
            self.has_rest |= _REST in data

    @property
    def last_word(self) -> Record | None:
        """The last word; None if none came, or only a part of it, or something else."""
        line, end, _ = (self._word or b"").partition(b"\n")
        with contextlib.suppress(ValueError, RecursionError):
            word = json.loads(line) if end else None
            if isinstance(word, dict) and EndingKind.from_text(word.get("ending")) is not None:
                return {"ending": word["ending"], "error": str(word.get("error", "an error"))}
        return None
