"""Keeps one frame of lines at the bottom of a terminal, below the messages, and replaces it in place.

rich's Live could do this, but it writes from a thread and waits for the reader of the terminal. No mode of the terminal
is changed and its cursor stays visible, so nothing has to be put back however the launcher ends.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Sequence

from launcher.terminal.stream_writer import StreamWriter
from launcher.text import cell_width

KEPT_LINES = 200  # of messages, for a screen that has to be written anew
_ESCAPES = re.compile(r"\x1b\[[0-9;]*m")


class LiveArea:
    """The place of the newest frame on a terminal."""

    def __init__(self, writer: StreamWriter) -> None:
        self._writer = writer
        self._frame: list[str] = []  # the newest; its lines may have colours
        self._size = (0, 0)  # columns and rows of the terminal when the newest frame was made
        self._widths: list[int] = []  # of the lines of a frame that are on the screen, or on their way there
        self._messages: deque[str] = deque(maxlen=KEPT_LINES)  # the newest lines above the frame
        self._has_left_pieces = False  # of frames, among the lines that the terminal has scrolled out of its screen

    def put(self, text: str) -> None:
        """Print lines that stay. The frame must be erased."""
        self._messages.extend(text.split("\n"))
        self._writer.write(text + "\n")

    def erase(self) -> None:
        """Remove the frame from the screen; `redraw` brings it back."""
        if self._widths:
            self._writer.write(self._to_top() + "\x1b[J")
            self._widths = []

    def clear(self) -> None:
        """Remove the frame for good."""
        self.erase()
        self._frame = []

    def forget_place(self) -> None:
        """Leave the frame on the screen where it is: others have written since, so its place is not known."""
        self._widths = []

    def draw(self, frame: Sequence[str], size: tuple[int, int]) -> None:
        """Put a frame, made for a terminal of this size, in the place of the one before."""
        columns, rows = size
        self._has_left_pieces |= self._num_rows() >= rows
        is_higher = rows > self._size[1]
        self._frame, self._size = list(frame), size
        if self._has_left_pieces and is_higher:
            self._write_screen_anew(columns, rows - len(frame) - 1)
        self._draw()

    def redraw(self) -> None:
        """Draw the erased frame once more, unless the terminal has another size now or nobody is reading."""
        if self._frame and not self._writer.num_unwritten_bytes and self._size == self._writer.size():
            self._draw()

    def _draw(self) -> None:
        """Write the frame over the one before. Clearing the screen first would make it flicker."""
        lines = [f"{line}\x1b[K\n" for line in self._frame]
        self._writer.write("".join([self._to_top(), *lines, "\x1b[J"]))
        self._widths = [cell_width(_ESCAPES.sub("", self._writer.as_shown(line))) for line in self._frame]

    def _write_screen_anew(self, columns: int, num_rows: int) -> None:
        """Clear the screen and write the newest messages that fit into so many rows.

        A terminal that becomes higher shows again what it had scrolled out of its screen: old frames, among messages.
        """
        lines: list[str] = []
        for line in reversed(self._messages):
            num_rows -= _rows(cell_width(_ESCAPES.sub("", line)), columns)
            if num_rows < 0:
                break
            lines.append(f"{line}\n")
        self._writer.write("\x1b[H\x1b[J" + "".join(reversed(lines)))
        self._widths, self._has_left_pieces = [], False

    def _to_top(self) -> str:
        """Return the escape that moves the cursor from the row below the frame to the frame's first row.

        A terminal that has become narrower has broken long lines into several rows, and we count on that. A terminal
        that cuts long lines instead (xterm) loses as many rows of messages above: better than pieces of old frames on
        all other terminals. Lines that a lower terminal has scrolled out of its screen cannot be erased before they are
        shown again: see `_write_screen_anew`.
        """
        num_rows = self._num_rows()
        return f"\r\x1b[{num_rows}A" if num_rows else ""

    def _num_rows(self) -> int:
        """Return how many rows the frame on the screen takes at the terminal's present width."""
        columns = self._writer.size()[0]
        return sum(_rows(width, columns) for width in self._widths)


def _rows(width: int, columns: int) -> int:
    """Return how many rows a line takes."""
    return max(1, -(-width // columns))
