"""The launcher's own words on stderr: one line an event, and on a terminal one more line that counts along."""

from __future__ import annotations

import io
import shutil
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TextIO

from launcher.errors import inline, printable

REFRESH_S = 0.2


@dataclass(frozen=True)
class Status:
    """How far a running experiment is."""

    experiment: str
    step: int
    total: int | None


class Progress:
    """Prints messages and, where stderr is a terminal, keeps a status line below them."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream or sys.stderr or io.StringIO()  # None where the launcher was started without
        self._is_live = self._stream.isatty()
        self._shown = ""
        self._drawn_s = 0.0

    def say(self, message: str) -> None:
        """Print a message of one or more lines."""
        self._clear()
        self._print(printable(message, 10_000) + "\n")
        self._print(self._shown)

    def show(self, running: Sequence[Status], num_ended: int, num_all: int) -> None:
        """Renew the status line, a few times a second at most."""
        if not self._is_live or time.monotonic() - self._drawn_s < REFRESH_S:
            return
        self._drawn_s = time.monotonic()
        parts = [f"{num_ended}/{num_all} ended"]
        parts += [f"{one.experiment} {one.step}{f'/{one.total}' if one.total else ''}" for one in running]
        width = shutil.get_terminal_size().columns - 1
        line = inline(" · ".join(parts))
        self._clear()
        self._shown = line if len(line) <= width else line[: width - 1] + "…"
        self._print(self._shown)

    def close(self) -> None:
        """Remove the status line."""
        self._clear()
        self._shown = ""

    def _clear(self) -> None:
        if self._shown:
            self._print("\r\x1b[K")

    def _print(self, text: str) -> None:
        try:
            self._stream.write(text)
            self._stream.flush()
        except (BrokenPipeError, OSError):  # the terminal is gone; the sweep goes on
            self._is_live = False
