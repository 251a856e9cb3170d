"""The launcher's own words on stderr: one line an event, and on a terminal a live view of the sweep below them.

Nobody may be reading: a pager that waits, Ctrl-S, an ssh connection that hangs. A launcher that waits with them starts
nothing. So what cannot be written at once is kept, up to a limit, and written when it can be; while something is kept
no frame is made. That is why frames are placed here and not by rich's Live, which writes from a thread and waits.

The cursor stays visible throughout and no mode of the terminal is changed, so however the launcher ends, nothing has to
be put back. `close` removes the last frame: what follows it, the results, says more.
"""

from __future__ import annotations

import contextlib
import io
import os
import re
import shutil
import signal
import stat
import sys
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, TextIO
from unicodedata import east_asian_width

from launcher.engine.console import MessageKind
from launcher.engine.snapshot import Snapshot
from launcher.terminal import colour, streams
from launcher.text import printable

if TYPE_CHECKING:
    from launcher.devices.slots import Slot
    from launcher.planning.plan import Plan

FRAME_S = 0.25  # between two frames at least
SHARE = 0.02  # of one core that frames may take: one that takes 10 ms is followed by the next after half a second
KEPT_LINES = 200  # of messages, for a screen that has to be written anew
BACKLOG_BYTES = 1 << 20  # of messages nobody reads; later ones are counted and left out
DUMB = ("", "dumb", "unknown")  # values of TERM that promise no cursor movement
COLOURS: dict[str, colour.Colour] = {"done": "green", "failure": "red"}
_ESCAPES = re.compile(r"\x1b\[[0-9;]*m")


class Console:
    """Prints messages and, where stderr is a terminal, keeps a live view of the sweep below them."""

    def __init__(self, stream: TextIO | None = None, *, is_quiet: bool = False, is_verbose: bool = False) -> None:
        self._stream = stream or sys.stderr or io.StringIO()  # None where the launcher was started without
        self._encoding = getattr(self._stream, "encoding", None) or "utf-8"
        self._is_quiet = is_quiet
        self._is_verbose = is_verbose
        self._has_colour = colour.is_wanted(self._stream)
        self._is_live = self._stream.isatty() and os.environ.get("TERM", "") not in DUMB and not is_quiet
        self._fd = _unwaiting(self._stream)
        self._backlog = b""
        self._num_left_out = 0
        self._frame: list[str] = []  # the newest; its lines still have their colours
        self._frame_size = (0, 0)  # of the terminal it was made for
        self._shown: list[int] = []  # the width of each line that is on the screen, or on its way there
        self._said: deque[str] = deque(maxlen=KEPT_LINES)  # the newest lines above the frame
        self._has_left_pieces = False  # of frames, where the terminal keeps what it has pushed out of its screen
        self._due_s = 0.0
        self._is_asked = False

    def message(self, text: str, kind: MessageKind = "news") -> None:
        """Print a message of one or more lines."""
        if self._is_quiet and kind in ("routine", "done"):
            return
        self._erase()
        if len(self._backlog) > BACKLOG_BYTES:
            self._num_left_out += 1
            return
        if self._num_left_out:
            self._print(f"({self._num_left_out} messages left out: nobody was reading)\n")
            self._num_left_out = 0
        text = printable(text, 10_000)
        self._put(colour.paint(text, COLOURS[kind]) if self._has_colour and kind in COLOURS else text)
        if self._frame and not self._backlog and self._frame_size == self._size():
            self._draw()

    def begin(self, plan: Plan, slots: Sequence[Slot]) -> None:
        """Print what a verbose launch says before it starts."""
        if self._is_verbose:
            from launcher.terminal import plan_text

            self.message(plan_text.details(plan, slots))

    def on_signal(self, number: signal.Signals) -> None:
        """Take in a signal: SIGUSR1 asks for all rows at the next `show`; SIGCONT says that others wrote meanwhile."""
        if number == signal.SIGUSR1:
            self._is_asked = True
        elif number == signal.SIGCONT:
            self._shown, self._due_s = [], 0.0

    def show(self, snapshot: Callable[[], Snapshot]) -> None:
        """Renew the live view, if it is time to, from the snapshot this is given a way to get."""
        self._drain()
        if self._is_asked:
            self._is_asked = False
            self._report(snapshot())
        now_s = time.monotonic()
        if not self._is_live or now_s < self._due_s or self._backlog:
            return
        if not self._has_screen():
            self._erase()
            self._frame, self._due_s = [], now_s + FRAME_S
            return
        from launcher.terminal import screen  # brings rich

        began_s = time.thread_time()  # without the import above
        rows_before = self._frame_size[1]
        columns, rows = self._frame_size = self._size()
        self._has_left_pieces |= self._num_shown_rows() >= rows
        # A column to spare, so that the cursor never waits at the edge. A row for the cursor, below the frame: what is
        # typed, or left there by a kill, stands on a line of its own. A quarter of the screen for messages.
        height = rows - 1 - rows // 4
        self._frame = screen.frame(snapshot(), columns - 1, height, has_color=self._has_colour)
        if self._has_left_pieces and rows > rows_before:
            self._write_anew(columns, rows - len(self._frame) - 1)
        self._draw()
        self._due_s = now_s + max(FRAME_S, (time.thread_time() - began_s) / SHARE)

    def close(self) -> None:
        """Remove the live view, and wait until everything is written."""
        self._erase()
        self._frame = []
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None
        self._print("")

    def _report(self, snapshot: Snapshot) -> None:
        """Print all rows as lines."""
        from launcher.terminal import screen  # brings rich

        if len(self._backlog) <= BACKLOG_BYTES:
            self._erase()
            lines = screen.whole(snapshot, self._size()[0] - 1 if self._stream.isatty() else None)
            self._put("\n".join(lines))
            self._due_s = 0.0

    def _put(self, text: str) -> None:
        """Print whole lines that stay."""
        self._said.extend(text.split("\n"))
        self._print(text + "\n")

    def _write_anew(self, columns: int, room: int) -> None:
        """Clear the screen and write the newest lines that fit into so many rows.

        A screen that has become higher shows again what a lower one had pushed out: old frames, among messages.
        """
        lines: list[str] = []
        for line in reversed(self._said):
            room -= max(1, -(-_width(_ESCAPES.sub("", line)) // columns))
            if room < 0:
                break
            lines.append(f"{line}\n")
        self._print("\x1b[H\x1b[J" + "".join(reversed(lines)))
        self._shown, self._has_left_pieces = [], False

    def _has_screen(self) -> bool:
        """Say whether we are in the terminal's foreground; in the background the screen belongs to someone else."""
        try:
            return self._fd is None or os.tcgetpgrp(self._fd) == os.getpgrp()
        except OSError:  # it is not the terminal that controls us, so nobody moves us to its background
            return True

    def _size(self) -> tuple[int, int]:
        """Return columns and rows of the terminal as they are now."""
        columns = rows = 0
        if self._fd is not None:
            with contextlib.suppress(OSError):
                columns, rows = os.get_terminal_size(self._fd)
        otherwise = shutil.get_terminal_size()
        return columns or otherwise.columns, rows or otherwise.lines

    def _erase(self) -> None:
        if self._shown:
            self._print(self._to_top() + "\x1b[J")
            self._shown = []

    def _draw(self) -> None:
        """Write the frame over the one before, without clearing the screen first, which would flicker."""
        lines = [f"{line}\x1b[K\n" for line in self._frame]
        self._print("".join([self._to_top(), *lines, "\x1b[J"]))
        self._shown = [_width(_ESCAPES.sub("", self._encode(line).decode(self._encoding))) for line in self._frame]

    def _to_top(self) -> str:
        """Return what moves the cursor from the row below the frame to its first.

        A terminal that has become narrower has broken its lines. One that cuts them instead (xterm) loses as many lines
        of messages above; to take those few for lost is better than to leave pieces of old frames on all others. What
        a lower terminal has pushed out of its screen nobody can erase, until it is shown again: `_write_anew`.
        """
        rows = self._num_shown_rows()
        return f"\r\x1b[{rows}A" if rows else ""

    def _num_shown_rows(self) -> int:
        columns = self._size()[0]
        return sum(max(1, -(-width // columns)) for width in self._shown)

    def _print(self, text: str) -> None:
        self._backlog += self._encode(text)
        self._drain()

    def _encode(self, text: str) -> bytes:
        return text.encode(self._encoding, streams.PLAIN)

    def _drain(self) -> None:
        """Write what can be written: through our own descriptor without waiting, else as far as the stream takes it."""
        try:
            if self._fd is not None:
                while self._backlog:
                    self._backlog = self._backlog[os.write(self._fd, self._backlog[:4096]) :]
            elif self._backlog:
                text, self._backlog = self._backlog.decode(self._encoding), b""
                self._stream.write(text)
                self._stream.flush()
        except BlockingIOError:
            pass
        except OSError:  # the terminal is gone; the sweep goes on
            self._is_live, self._backlog = False, b""


def _width(line: str) -> int:
    """Return how many cells of a terminal a line takes; a folder's name may have wide characters."""
    return len(line) if line.isascii() else sum(2 if east_asian_width(one) in "WF" else 1 for one in line)


def _unwaiting(stream: TextIO) -> int | None:
    """Open a terminal or pipe once more, for writes that do not wait; the flag of the stream itself others share."""
    with contextlib.suppress(OSError, ValueError):  # no descriptor, or one that cannot be opened again
        fd = stream.fileno()
        if stat.S_ISFIFO(mode := os.fstat(fd).st_mode) or stat.S_ISCHR(mode):
            return os.open(f"/proc/self/fd/{fd}", os.O_WRONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    return None
