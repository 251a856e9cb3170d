"""How the files of a sweep are opened: one careful way to read, one to append, one to make a file beside another.

A sweep's folder may come from somebody else, and a slip of the hand leaves odd things in it. So what lies at a path is
looked at before it is used: a pipe, a device, a folder or a symbolic link is refused and never waited for; a file is
read up to a limit. The folders above may be symbolic links, as when an outcome folder was moved to a larger disk.

A file with a second name (a hard link) is never appended to: the other name may be a backup made by `cp -al`, or a file
of a stranger. `open_to_append` gives the sweep a copy of its own first.
"""

from __future__ import annotations

import errno
import os
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path

LIMIT_BYTES = 256 << 20  # of a file that is read as a whole: a sweep.json of 100,000 experiments fits
LINE_BYTES = 64 << 20  # of one line of a file of lines; a longer line is passed over
CHUNK_BYTES = 1 << 20
MODE = 0o666  # the kernel takes the bits of the umask away
_CAREFULLY = os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
_KINDS = (
    (stat.S_ISLNK, "a symbolic link"),
    (stat.S_ISDIR, "a folder"),
    (stat.S_ISFIFO, "a pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)


class OddFile(OSError):
    """What lies at a path is no file that a sweep makes; `strerror` says what it is, as the end of a sentence."""


def open_file(path: Path, flags: int) -> int:
    """Open as `os.open` does, but for files alone, without waiting and without following a link at the name.

    Raises:
        OddFile: it is a folder, a pipe, a device, a socket or a symbolic link.
        OSError: it cannot be opened.
    """
    try:
        fd = os.open(path, flags | _CAREFULLY, MODE)
    except (FileNotFoundError, NotADirectoryError):
        raise
    except OSError as error:  # a link, a socket, a folder to be written: say what it is
        raise _odd(path) or error from error
    if not stat.S_ISREG(os.fstat(fd).st_mode):
        os.close(fd)
        raise _odd(path) or OddFile(errno.EINVAL, "it is not a file", str(path))
    return fd


def open_to_read(path: Path) -> int:
    """Return a descriptor of a file, opened without waiting and without following a link at its name.

    Raises:
        FileNotFoundError, NotADirectoryError: there is none.
        OddFile: it is a folder, a pipe, a device, a socket or a symbolic link.
        OSError: it cannot be read.
    """
    return open_file(path, os.O_RDONLY)


def open_to_append(path: Path) -> int:
    """Return a descriptor that reads anywhere and appends, of a file that has one name; the file is made if missing.

    Where the file has several names, a copy takes the place of this name first, and the others keep what they have.

    Raises:
        OddFile: it is a folder, a pipe, a device, a socket or a symbolic link.
        OSError: it cannot be made or written.
    """
    flags = os.O_RDWR | os.O_CREAT | os.O_APPEND
    fd = open_file(path, flags)
    if os.fstat(fd).st_nlink > 1:
        try:
            _copy_in_place(fd, path)
        finally:
            os.close(fd)
        fd = open_file(path, flags)
    return fd


def create_beside(path: Path) -> tuple[int, Path]:
    """Make a new file in the folder of another; return its descriptor and its name, which begins with a dot.

    Not by `tempfile`: its files are for their owner alone, and here the umask decides who may read.

    Raises:
        OSError: it cannot be made.
    """
    beside = path.with_name(f".{path.name}.{os.urandom(6).hex()}.tmp")
    return os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, MODE), beside


def read(path: Path, limit: int = LIMIT_BYTES) -> bytes:
    """Return the content of a file.

    Raises:
        OddFile: it is no file, or has more bytes than the limit.
        OSError: there is none, or it cannot be read.
    """
    fd = open_to_read(path)
    with os.fdopen(fd, "rb", buffering=0) as file:
        size = os.fstat(fd).st_size
        if size > limit:
            raise OddFile(errno.EFBIG, f"it has {size:,} bytes, and such a file has at most {limit:,}", str(path))
        pieces = []
        while limit > 0 and (piece := file.read(limit)):  # at most the limit, though the file grows meanwhile
            pieces.append(piece)
            limit -= len(piece)
    return b"".join(pieces)


def read_lines(path: Path, start: int = 0) -> Iterator[bytes]:
    """Yield the complete lines of a file from a byte on, without their ends; a missing file has none.

    Raises:
        OSError: it is no file, or cannot be read.
    """
    try:
        fd = open_to_read(path)
    except (FileNotFoundError, NotADirectoryError):
        return
    lines = LineSplitter()
    with os.fdopen(fd, "rb", buffering=0) as file:
        file.seek(start)
        while piece := file.read(CHUNK_BYTES):
            yield from lines.split(piece)


def truncate_torn_line(fd: int) -> None:
    """Cut off a torn last line, the trace of a writer killed inside a write."""
    end = start = os.fstat(fd).st_size
    tail = b""
    while start > 0 and b"\n" not in tail:
        step = min(CHUNK_BYTES, start)
        start -= step
        tail = os.pread(fd, step, start)
    whole = start + tail.rfind(b"\n") + 1
    if whole != end:
        os.ftruncate(fd, whole)


class LineSplitter:
    """Makes lines of the pieces of a file that grows; keeps a line that has no end yet, up to LINE_BYTES of it."""

    def __init__(self) -> None:
        self.num_too_long = 0  # lines passed over
        self._torn: list[bytes] = []
        self._size = 0
        self._is_too_long = False

    def split(self, piece: bytes) -> list[bytes]:
        """Return the lines that end within the next piece."""
        *lines, rest = piece.split(b"\n")
        if lines and (self._torn or self._is_too_long):
            lines[0] = b"".join([*self._torn, lines[0]])
            if self._is_too_long:
                del lines[0]
            self._torn, self._size, self._is_too_long = [], 0, False
        if rest and not self._is_too_long:
            self._torn.append(rest)
            self._size += len(rest)
            if self._size > LINE_BYTES:
                self._torn, self._is_too_long = [], True
                self.num_too_long += 1
        return lines


def _odd(path: Path) -> OddFile | None:
    """Return the error that says what lies at a path; None where that is a file, or cannot be told."""
    try:
        mode = os.lstat(path).st_mode
    except OSError:
        return None
    kind = next((kind for is_kind, kind in _KINDS if is_kind(mode)), None)
    return OddFile(errno.EINVAL, f"it is {kind}, not a file", str(path)) if kind else None


def _copy_in_place(fd: int, path: Path) -> None:
    """Put a copy of an open file in the place of its name."""
    copy, beside = create_beside(path)
    try:
        with os.fdopen(copy, "wb") as target, os.fdopen(os.dup(fd), "rb") as source:
            source.seek(0)
            shutil.copyfileobj(source, target, CHUNK_BYTES)
        os.replace(beside, path)
    except BaseException:
        os.unlink(beside)
        raise
