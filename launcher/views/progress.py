"""The launcher's own words on stderr: one line an event, and on a terminal one more line that counts along.

Nobody may be reading: a pager that waits, Ctrl-S, an ssh connection that hangs. A launcher that waits with them starts
nothing. So what cannot be written at once is kept, up to a limit, and written when it can be.
"""

from __future__ import annotations

import contextlib
import io
import os
import shutil
import stat
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, TextIO

from launcher.errors import inline, printable
from launcher.views import colour
from launcher.views.text import duration

REFRESH_S = 0.2
COLOURS: dict[str, colour.Colour] = {"done": "green", "failure": "red"}
BACKLOG_BYTES = 1 << 20  # of messages nobody reads; later ones are counted and left out


Kind = Literal["routine", "done", "news", "failure"]  # of a message; who asks for quiet gets the last two


@dataclass(frozen=True)
class Status:
    """How far a running experiment is."""

    experiment: str
    step: int
    total: int | None


class Progress:
    """Prints messages and, where stderr is a terminal, keeps a status line below them."""

    def __init__(self, stream: TextIO | None = None, *, is_quiet: bool = False, is_verbose: bool = False) -> None:
        self._stream = stream or sys.stderr or io.StringIO()  # None where the launcher was started without
        self._is_quiet = is_quiet
        self.is_verbose = is_verbose
        self._has_colour = colour.is_wanted(self._stream)
        self._is_live = self._stream.isatty() and not is_quiet
        self._fd = _unwaiting(self._stream)
        self._backlog = b""
        self._num_left_out = 0
        self._shown = ""
        self._drawn_s = 0.0

    def say(self, message: str, kind: Kind = "news") -> None:
        """Print a message of one or more lines."""
        if self._is_quiet and kind in ("routine", "done"):
            return
        self._clear()
        if len(self._backlog) > BACKLOG_BYTES:
            self._num_left_out += 1
            return
        if self._num_left_out:
            self._print(f"({self._num_left_out} messages left out: nobody was reading)\n")
            self._num_left_out = 0
        text = printable(message, 10_000)
        self._print((colour.paint(text, COLOURS[kind]) if self._has_colour and kind in COLOURS else text) + "\n")
        self._print(self._shown)

    def show(
        self, running: Sequence[Status], num_ended: int, num_all: int, seconds_left: Callable[[], float | None]
    ) -> None:
        """Renew the status line, a few times a second at most."""
        self._drain()
        if self._backlog:
            return
        if not self._is_live or time.monotonic() - self._drawn_s < REFRESH_S:
            return
        self._drawn_s = time.monotonic()
        left_s = seconds_left()
        parts = [f"{num_ended}/{num_all} ended", *([f"{duration(left_s)} left"] if left_s is not None else [])]
        parts += [f"{one.experiment} {one.step}{f'/{one.total}' if one.total else ''}" for one in running]
        width = shutil.get_terminal_size().columns - 1
        line = inline(" · ".join(parts))
        self._clear()
        self._shown = line if len(line) <= width else line[: width - 1] + "…"
        self._print(self._shown)

    def close(self) -> None:
        """Remove the status line, and wait until everything is written."""
        self._clear()
        self._shown = ""
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None
        self._print("")

    def _clear(self) -> None:
        if self._shown:
            self._print("\r\x1b[K")

    def _print(self, text: str) -> None:
        self._backlog += text.encode("utf-8", "backslashreplace")
        self._drain()

    def _drain(self) -> None:
        """Write what can be written: through our own descriptor without waiting, else as far as the stream takes it."""
        try:
            if self._fd is not None:
                while self._backlog:
                    self._backlog = self._backlog[os.write(self._fd, self._backlog[:4096]) :]
            elif self._backlog:
                text, self._backlog = self._backlog.decode(), b""
                self._stream.write(text)
                self._stream.flush()
        except BlockingIOError:
            pass
        except OSError:  # the terminal is gone; the sweep goes on
            self._is_live, self._backlog = False, b""


def _unwaiting(stream: TextIO) -> int | None:
    """Open a terminal or pipe once more, for writes that do not wait; the flag of the stream itself others share."""
    with contextlib.suppress(OSError, ValueError):  # no descriptor, or one that cannot be opened again
        fd = stream.fileno()
        if stat.S_ISFIFO(mode := os.fstat(fd).st_mode) or stat.S_ISCHR(mode):
            return os.open(f"/proc/self/fd/{fd}", os.O_WRONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    return None
