"""A file that grows, read from where the last reading ended. The file is open only while it is read."""

from __future__ import annotations

import os

from launcher.store.files import open_to_read

_HEAD_BYTES = 256  # by which a file that was written anew is recognised


class GrowingFile:
    """A position in a file that another process appends to, or writes anew."""

    def __init__(self, path: str, offset: int = 0, end: int | None = None) -> None:
        """Begin at an offset. The file may be missing as yet. `end`: the offset at which the file ends for us."""
        self.path = path
        self.offset = offset  # of the byte that is read next
        self.was_replaced = False  # another file has the name now, or other bytes are where bytes were read
        self.is_gone = False  # it was there, and has been removed
        self._end = end
        self._size = offset  # when it was last looked at
        self._identity: tuple[int, int] | None = None  # device and inode
        self._head = b""  # the first bytes

    def look(self) -> None:
        """Look how long the file is. A file that is missing, or cannot be looked at, is as long as before."""
        try:
            status = os.stat(self.path)
        except FileNotFoundError:
            self.is_gone = self._identity is not None or self.offset > 0
            return
        except OSError:
            return
        self.is_gone = False
        identity = (status.st_dev, status.st_ino)
        self.was_replaced = self._identity not in (None, identity) or status.st_size < self.offset
        self._identity = identity
        self._size = status.st_size if self._end is None else min(status.st_size, self._end)

    def begin_again(self) -> None:
        """Go on at the first byte of what is there now."""
        self.offset = self._size = 0
        self._head = b""
        self._identity = None
        self.was_replaced = False

    @property
    def has_more(self) -> bool:
        """Whether there were bytes behind the position when the file was last looked at."""
        return self._size > self.offset

    def read(self, most: int) -> bytes:
        """Return the next bytes; empty if there are none, the file cannot be read, or it was written anew."""
        try:
            fd = open_to_read(self.path)
        except OSError:
            self._size = self.offset
            return b""
        try:
            head = os.pread(fd, _HEAD_BYTES, 0)
            self.was_replaced = not head.startswith(self._head)
            self._head = head if not self.was_replaced else self._head
            piece = b"" if self.was_replaced else os.pread(fd, min(most, self._size - self.offset), self.offset)
        except OSError:
            piece = b""
        finally:
            os.close(fd)
        if not piece:
            self._size = self.offset
        self.offset += len(piece)
        return piece
