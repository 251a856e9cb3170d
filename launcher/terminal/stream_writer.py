"""Writes text to a terminal or pipe without ever waiting for its reader.

Nobody may be reading: a pager that waits, Ctrl-S, an ssh connection that hangs. A launcher that waited with them would
start nothing. So what cannot be written at once is kept here and written later, when `drain` is called.
"""

from __future__ import annotations

import contextlib
import io
import os
import shutil
import stat
import sys
from typing import TextIO

from launcher.terminal import streams

_CHUNK_BYTES = 4096


class StreamWriter:
    """A stream, stderr by default, and the text that is on its way there."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self.stream = stream or sys.stderr or io.StringIO()  # sys.stderr is None where the launcher has none
        self.is_gone = False  # the terminal was closed; the sweep goes on
        self._encoding = getattr(self.stream, "encoding", None) or "utf-8"
        self._fd = _open_again(self.stream)
        self._unwritten = b""

    @property
    def num_unwritten_bytes(self) -> int:
        """How much text waits for its reader."""
        return len(self._unwritten)

    def write(self, text: str) -> None:
        """Write text behind what waits already."""
        self._unwritten += self._encode(text)
        self.drain()

    def drain(self) -> None:
        """Write what can be written without waiting."""
        try:
            if self._fd is not None:
                while self._unwritten:
                    num_written = os.write(self._fd, self._unwritten[:_CHUNK_BYTES])
                    self._unwritten = self._unwritten[num_written:]
            elif self._unwritten:
                text, self._unwritten = self._unwritten.decode(self._encoding), b""
                self.stream.write(text)
                self.stream.flush()
        except BlockingIOError:
            pass
        except OSError:
            self.is_gone, self._unwritten = True, b""

    def close(self) -> None:
        """Write the rest, and wait for its reader if need be."""
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None
        self.drain()

    def as_shown(self, text: str) -> str:
        """Return text as the stream's encoding has it: with stand-ins for characters that it lacks."""
        return self._encode(text).decode(self._encoding)

    def size(self) -> tuple[int, int]:
        """Return columns and rows of the terminal as they are now."""
        columns = rows = 0
        if self._fd is not None:
            with contextlib.suppress(OSError):
                columns, rows = os.get_terminal_size(self._fd)
        otherwise = shutil.get_terminal_size()
        return columns or otherwise.columns, rows or otherwise.lines

    def is_foreground(self) -> bool:
        """Say whether the terminal's screen is ours. While we are in the background it belongs to someone else."""
        try:
            return self._fd is None or os.tcgetpgrp(self._fd) == os.getpgrp()
        except OSError:  # this is not the terminal that controls us, so nobody moves us to its background
            return True

    def _encode(self, text: str) -> bytes:
        return text.encode(self._encoding, streams.PLAIN)


def _open_again(stream: TextIO) -> int | None:
    """Open a terminal or pipe once more, for writes that do not wait; None where that is not possible or not needed.

    A flag on the stream's own descriptor would not do: other processes share that descriptor and its flags. A stream
    that somebody has put in the place of stderr may name a descriptor that leads elsewhere: text for a notebook would
    come out in the terminal of its server.
    """
    if not isinstance(stream, io.TextIOWrapper):
        return None
    with contextlib.suppress(OSError, ValueError):  # no descriptor, or one that cannot be opened again
        fd = stream.fileno()
        if stat.S_ISFIFO(mode := os.fstat(fd).st_mode) or stat.S_ISCHR(mode):
            return os.open(f"/proc/self/fd/{fd}", os.O_WRONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    return None
