"""Opens the files of a sweep safely: to read, to append, and to write a new file beside an existing file.

A sweep's folder may come from another person, and a user's mistake may leave anything in it. Opening a pipe could block
for ever, and writing through a symbolic link could change a file elsewhere. So only ordinary files are opened. A pipe,
a device, a folder or a symbolic link is refused without waiting. A file is read up to a size limit. The folders above a
file may be symbolic links: a user may have moved an outcome folder to a larger disk.

A file that has a second name (a hard link) is never appended to, because the second name may belong to a backup made by
`cp -al`, or to another user. `open_to_append` first replaces the sweep's name by a copy of the file.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from pathlib import Path

LIMIT_BYTES = 256 << 20  # the largest file that is read as a whole: a sweep.json of 100,000 experiments fits
LINE_BYTES = 64 << 20  # the longest line of a file that is read by lines; a longer line is skipped
CHUNK_BYTES = 1 << 20
MODE = 0o666  # the kernel removes the bits of the umask
_CAREFULLY = os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
_KINDS = (
    (stat.S_ISLNK, "a symbolic link"),
    (stat.S_ISDIR, "a folder"),
    (stat.S_ISFIFO, "a pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)


AnyPath = Path | str


class OddFile(OSError):
    """A path leads to something that a sweep never makes. `strerror` names it: `it is a pipe, not a file`."""


def open_file(path: AnyPath, flags: int) -> int:
    """Return a descriptor as `os.open` does, but of an ordinary file only, without waiting or following a link.

    Raises:
        OddFile: the path leads to a folder, a pipe, a device, a socket or a symbolic link.
        OSError: the file cannot be opened.
    """
    try:
        fd = os.open(path, flags | _CAREFULLY, MODE)
    except (FileNotFoundError, NotADirectoryError):
        raise
    except OSError as error:  # a link, a socket, a folder to be written: the message names it
        raise _odd(path) or error from error
    if not stat.S_ISREG(os.fstat(fd).st_mode):
        os.close(fd)
        raise _odd(path) or OddFile(errno.EINVAL, "it is not a file", str(path))
    return fd


def open_to_read(path: AnyPath) -> int:
    """Return a descriptor that reads a file. It is opened without waiting and without following a link at its name.

    Raises:
        FileNotFoundError, NotADirectoryError: there is no file.
        OddFile: the path leads to a folder, a pipe, a device, a socket or a symbolic link.
        OSError: the file cannot be read.
    """
    return open_file(path, os.O_RDONLY)


def open_to_append(path: AnyPath) -> int:
    """Return a descriptor that reads anywhere in a file and appends to it. A missing file is created.

    If the file has several names, this name first gets a copy of the file. The other names keep the old file unchanged.

    Raises:
        OddFile: the path leads to a folder, a pipe, a device, a socket or a symbolic link.
        OSError: the file cannot be created or written.
    """
    flags = os.O_RDWR | os.O_CREAT | os.O_APPEND
    fd = open_file(path, flags)
    if os.fstat(fd).st_nlink > 1:
        try:
            _copy_in_place(fd, Path(path))
        finally:
            os.close(fd)
        fd = open_file(path, flags)
    return fd


def open_in_folder(path: AnyPath) -> int:
    """Return a descriptor as `open_to_append` does. A missing folder is created too.

    Raises:
        OSError: as `open_to_append`; or the folder cannot be created.
    """
    try:
        return open_to_append(path)
    except FileNotFoundError:
        os.makedirs(os.path.dirname(path), exist_ok=True)
        return open_to_append(path)


def create_beside(path: Path, mode: int = MODE) -> tuple[int, Path]:
    """Create a temporary file in the folder of `path`; return its descriptor and its path: `.sweep.json.5f….tmp`.

    `tempfile` is not used: only their owner may read its files. Here the umask decides who may read, and the mode.

    Raises:
        OSError: the file cannot be created.
    """
    beside = path.with_name(f".{path.name}.{os.urandom(6).hex()}.tmp")
    return os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode), beside


def read(path: Path, limit: int = LIMIT_BYTES) -> bytes:
    """Return the content of a file.

    Raises:
        OddFile: the path does not lead to an ordinary file, or the file has more bytes than the limit.
        OSError: there is no file, or it cannot be read.
    """
    fd = open_to_read(path)
    with os.fdopen(fd, "rb", buffering=0) as file:
        size = os.fstat(fd).st_size
        if size > limit:
            raise OddFile(errno.EFBIG, f"it has {size:,} bytes, and such a file has at most {limit:,}", str(path))
        pieces = []
        while limit > 0 and (piece := file.read(limit)):  # the file may grow during the reading
            pieces.append(piece)
            limit -= len(piece)
    return b"".join(pieces)


def read_lines(path: Path, start: int = 0) -> Iterator[bytes]:
    r"""Yield the complete lines of a file from a byte on, without their `\n`; nothing if the file is missing.

    Raises:
        OSError: the path does not lead to an ordinary file, or the file cannot be read.
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
    """Cut off a last line that has no end: its writer was killed during the write."""
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
    """Makes lines of the pieces of a growing file. It keeps the start of a line that is not complete yet.

    A line longer than LINE_BYTES is skipped, so the kept start is never longer.
    """

    def __init__(self) -> None:
        self.num_too_long = 0  # lines skipped
        self._torn: list[bytes] = []
        self._size = 0
        self._is_too_long = False

    @property
    def num_torn_bytes(self) -> int:
        """The length of the line that is not complete yet, as far as it has come."""
        return self._size

    def split(self, piece: bytes) -> list[bytes]:
        """Return the lines that end within the next piece."""
        *lines, rest = piece.split(b"\n")
        if lines and (self._torn or self._is_too_long):
            lines[0] = b"".join([*self._torn, lines[0]])
            if self._is_too_long:
                del lines[0]
            self._torn, self._size, self._is_too_long = [], 0, False
        self._size += len(rest)
        if rest and not self._is_too_long:
            self._torn.append(rest)
            if self._size > LINE_BYTES:
                self._torn, self._is_too_long = [], True
                self.num_too_long += 1
        return lines

    def forget_torn(self) -> int:
        """Forget the start of the line that is not complete yet. Return how many bytes that were."""
        self.num_too_long -= self._is_too_long
        size, self._torn, self._size, self._is_too_long = self._size, [], 0, False
        return size


def _odd(path: AnyPath) -> OddFile | None:
    """Return an error that names the kind of thing at a path; None for a file, or if the kind cannot be found."""
    try:
        mode = os.lstat(path).st_mode
    except OSError:
        return None
    kind = next((kind for is_kind, kind in _KINDS if is_kind(mode)), None)
    return OddFile(errno.EINVAL, f"it is {kind}, not a file", str(path)) if kind else None


def _copy_in_place(fd: int, path: Path) -> None:
    """Make `path` lead to a copy of the open file."""
    import shutil  # rarely needed, and a fork server is the larger for it

    copy, beside = create_beside(path)
    try:
        with os.fdopen(copy, "wb") as target, os.fdopen(os.dup(fd), "rb") as source:
            source.seek(0)
            shutil.copyfileobj(source, target, CHUNK_BYTES)
        os.replace(beside, path)
    except BaseException:
        os.unlink(beside)
        raise
