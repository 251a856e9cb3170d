"""The last word of a worker that its records cannot take: it comes by the bell, the pipe that wakes the launcher.

A bell is a `!`, of which any number may be lost. A last word is a line of JSON between two line ends, small enough for
one write that the kernel does not split. Sent by `worker` when the disk is full, read by `attempt`.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
from collections.abc import Mapping

from launcher.store.ending import EndingKind
from launcher.store.records import Record

EXIT_CODE = 74  # EX_IOERR of sysexits.h: of a worker whose records could not be written, should its word get lost
_TEXT_LIMIT = 300  # characters of the error: each takes twelve bytes at most, and the kernel splits no write up to 4096
_WAIT_S = 2.0  # for room in a pipe that nobody has read for a while


def send(bell_fd: int, word: Mapping[str, str]) -> None:
    """Send a last word: its `ending` and its `error`. A launcher that is gone does not get it."""
    line = b"\n" + json.dumps({key: value[:_TEXT_LIMIT] for key, value in word.items()}).encode() + b"\n"
    with contextlib.suppress(OSError, ValueError):
        select.select([], [bell_fd], [], _WAIT_S)
        os.write(bell_fd, line)


class Ear:
    """The launcher's side of one bell."""

    def __init__(self) -> None:
        self._said: bytes | None = None

    def hear(self, data: bytes) -> None:
        """Take in what was read from the bell."""
        if self._said is not None:
            self._said += data
        elif b"\n" in data:
            self._said = data.partition(b"\n")[2]

    @property
    def word(self) -> Record | None:
        """The last word, if one came whole."""
        line, end, _ = (self._said or b"").partition(b"\n")
        with contextlib.suppress(ValueError, RecursionError):
            word = json.loads(line) if end else None
            if isinstance(word, dict) and EndingKind.from_text(word.get("ending")) is not None:
                return {"ending": word["ending"], "error": str(word.get("error", "an error"))}
        return None
