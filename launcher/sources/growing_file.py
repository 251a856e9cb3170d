"""A file that grows, read from where the last reading ended. The file is open only while it is read."""

from __future__ import annotations

import os
from pathlib import Path

from launcher.store.files import open_to_read


class GrowingFile:
    """A position in a file that another process appends to, or replaces."""

    def __init__(self, path: Path, offset: int = 0) -> None:
        """Begin at an offset. The file may be missing as yet."""
        self.path = path
        self.offset = offset  # of the byte that is read next
        self.size = 0  # when it was last looked at
        self._identity: tuple[int, int] | None = None  # device and inode

    def look(self) -> bool:
        """Look how long the file is; return whether it is another file than before, or has lost bytes that were read.

        A file that is missing, or cannot be looked at, is as long as before.
        """
        try:
            status = os.stat(self.path)
        except OSError:
            return False
        identity = (status.st_dev, status.st_ino)
        was_replaced = (self._identity is not None and self._identity != identity) or status.st_size < self.offset
        self._identity, self.size = identity, status.st_size
        return was_replaced

    @property
    def has_more(self) -> bool:
        """Whether there were bytes behind the position when the file was last looked at."""
        return self.size > self.offset

    def read(self, most: int) -> bytes:
        """Return the next bytes; empty if there are none, or the file cannot be read."""
        try:
            fd = open_to_read(self.path)
        except OSError:
            return b""
        try:
            piece = os.pread(fd, most, self.offset)
        except OSError:
            return b""
        finally:
            os.close(fd)
        self.offset += len(piece)
        return piece
