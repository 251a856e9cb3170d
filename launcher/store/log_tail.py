"""Follows a text file that grows: first its last lines, then the lines that are appended.

A file that does not exist yet has no lines. A file that appears later, or was cut or replaced, is read from its start.
No descriptor stays open, so a hundred files can be followed, and can be removed meanwhile.
"""

from __future__ import annotations

import os
from pathlib import Path

from launcher.store.files import open_to_read

_CHUNK_BYTES = 1 << 16
_LIMIT_BYTES = 1 << 20  # read in one go, so that one noisy log does not keep the others waiting
_LINE_BYTES = 1 << 16  # a longer line comes in pieces


class Tail:
    """One file, followed."""

    def __init__(self, path: Path, num_lines: int) -> None:
        self._path = path
        self._num_lines = num_lines
        self._is_first = True
        self._identity: tuple[int, int] | None = None
        self._offset = 0
        self._torn = b""

    def read(self) -> list[str]:
        """Return the lines completed since the last call, at most 1 MiB; on the first call the last lines of the file.

        Raises:
            OSError: what is there is no file, or cannot be read.
        """
        try:
            fd = open_to_read(self._path)
        except (FileNotFoundError, NotADirectoryError):
            self._is_first = False  # all lines of a file that appears later are new
            return []
        try:
            about = os.fstat(fd)
            identity = (about.st_dev, about.st_ino)
            if identity != self._identity or about.st_size < self._offset:
                self._identity, self._torn, self._offset = identity, b"", 0
                if self._is_first:
                    self._offset = _start_of_last(fd, about.st_size, self._num_lines)
                self._is_first = False
            data = os.pread(fd, _LIMIT_BYTES, self._offset)
        finally:
            os.close(fd)
        self._offset += len(data)
        *lines, self._torn = (self._torn + data).split(b"\n")
        while len(self._torn) > _LINE_BYTES:
            lines.append(self._torn[:_LINE_BYTES])
            self._torn = self._torn[_LINE_BYTES:]
        return [_text(line) for line in lines]

    def rest(self) -> list[str]:
        """Return a last line that has no end. Call it when nothing more will be appended."""
        torn, self._torn = self._torn, b""
        return [_text(torn)] if torn else []


def _text(line: bytes) -> str:
    """Return a line as a terminal would show it: a progress bar redraws its line after each carriage return."""
    return line.rstrip(b"\r").rpartition(b"\r")[2].decode("utf-8", "replace")


def _start_of_last(fd: int, size: int, num_lines: int) -> int:
    """Return where the last lines of a file begin; an incomplete line at the end of the file counts too."""
    if num_lines == 0:
        return size
    start, found = size, 0
    while start > 0:
        step = min(_CHUNK_BYTES, start)
        start -= step
        piece = os.pread(fd, step, start)
        at = len(piece)
        while (at := piece.rfind(b"\n", 0, at)) >= 0:
            if start + at + 1 == size:
                continue  # the end of the last line, not of the line before it
            found += 1
            if found == num_lines:
                return start + at + 1
    return 0
