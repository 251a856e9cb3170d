"""What a launch says on stderr: its messages, and on a terminal a live view of the sweep below them.

`Console` fulfils the protocol of `engine.console`. It decides which messages are printed and when a frame is due.
`screen` makes the lines of a frame, `live_area` places them, and `stream_writer` sees to it that nothing waits for a
reader. When the launch is over, `close` removes the last frame: the results that follow say more.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, TextIO

from launcher.engine.console import MessageKind
from launcher.engine.snapshot import Snapshot
from launcher.terminal import colour
from launcher.terminal.live_area import LiveArea
from launcher.terminal.stream_writer import StreamWriter
from launcher.text import printable

if TYPE_CHECKING:
    from launcher.devices.slots import Slot
    from launcher.planning.plan import Plan

FRAME_S = 0.25  # between two frames at least
SHARE = 0.02  # of one core that frames may take: a frame that takes 10 ms is followed by the next after half a second
BACKLOG_BYTES = 1 << 20  # of messages that nobody reads; later messages are counted and left out
DUMB = ("", "dumb", "unknown")  # values of TERM that promise no cursor movement
COLOURS: dict[MessageKind, colour.Colour] = {"done": "green", "failure": "red"}


class Console:
    """Prints messages and, where stderr is a terminal, keeps a live view of the sweep below them."""

    def __init__(self, stream: TextIO | None = None, *, is_quiet: bool = False, is_verbose: bool = False) -> None:
        self._writer = StreamWriter(stream)
        self._area = LiveArea(self._writer)
        self._is_quiet = is_quiet
        self._is_verbose = is_verbose
        self._has_colour = colour.is_wanted(self._writer.stream)
        self._is_terminal = self._writer.stream.isatty()
        self._is_live = self._is_terminal and os.environ.get("TERM", "") not in DUMB and not is_quiet
        self._num_left_out = 0
        self._due_s = 0.0  # when the next frame may be made
        self._is_asked = False  # for all rows, by SIGUSR1

    def message(self, text: str, kind: MessageKind = "news") -> None:
        """Print a message of one or more lines."""
        if self._is_quiet and kind in ("routine", "done"):
            return
        self._area.erase()
        if self._writer.num_unwritten_bytes > BACKLOG_BYTES:
            self._num_left_out += 1
            return
        if self._num_left_out:
            self._writer.write(f"({self._num_left_out} messages left out: nobody was reading)\n")
            self._num_left_out = 0
        text = printable(text, 10_000)
        self._area.put(colour.paint(text, COLOURS[kind]) if self._has_colour and kind in COLOURS else text)
        self._area.redraw()

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
            self._area.forget_place()
            self._due_s = 0.0

    def show(self, snapshot: Callable[[], Snapshot]) -> None:
        """Renew the live view if a frame is due. `snapshot` is called only then, because it takes time."""
        self._writer.drain()
        if self._is_asked:
            self._is_asked = False
            self._print_all_rows(snapshot())
        now_s = time.monotonic()
        if not self._is_live or now_s < self._due_s or self._writer.is_gone or self._writer.num_unwritten_bytes:
            return
        if not self._writer.is_foreground():
            self._area.clear()
            self._due_s = now_s + FRAME_S
            return
        from launcher.terminal import screen  # brings rich

        began_s = time.thread_time()  # without the import above
        columns, rows = size = self._writer.size()
        # A column to spare, so that the cursor never waits at the edge. A row for the cursor, below the frame: text
        # that is typed, or left there by a kill, stands on a line of its own. A quarter of the screen for messages.
        height = rows - 1 - rows // 4
        self._area.draw(screen.frame(snapshot(), columns - 1, height, has_color=self._has_colour), size)
        self._due_s = now_s + max(FRAME_S, (time.thread_time() - began_s) / SHARE)

    def close(self) -> None:
        """Remove the live view, and wait until everything is written."""
        self._area.clear()
        self._writer.close()

    def _print_all_rows(self, snapshot: Snapshot) -> None:
        """Print a line for each experiment, above the live view."""
        from launcher.terminal import screen  # brings rich

        if self._writer.num_unwritten_bytes <= BACKLOG_BYTES:
            self._area.erase()
            lines = screen.whole(snapshot, self._writer.size()[0] - 1 if self._is_terminal else None)
            self._area.put("\n".join(lines))
            self._due_s = 0.0
