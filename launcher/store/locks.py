"""Kernel locks, and with them: one launcher an outcome folder. The locks of GPUs are in `devices.locks`.

A lock is `flock` on an open file. The kernel releases it when the last process that has the file open is gone, so no
lock outlives its holders.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from launcher.errors import InUseError, WriteError
from launcher.store import values
from launcher.store.files import MODE, open_file, open_to_read
from launcher.text import printable


class Lock:
    """An exclusive lock held by this process and by those that inherit its descriptor."""

    def __init__(self, fd: int) -> None:
        self.fd = fd

    def release(self) -> None:
        """Close this process's descriptor. Processes that inherited the lock keep it."""
        os.close(self.fd)


@dataclass(frozen=True)
class Holder:
    """Who holds a lock, from the note that the holder left in the file. The text is not trusted."""

    pid: int | None = None
    host: str = ""
    since: str = ""
    folder: str = ""


def find_holder(path: Path) -> Holder | None:
    """Return who holds the lock of a file now, according to the kernel; None if nobody does.

    The question takes a shared lock for some microseconds. So `take_lock` tries again before it refuses.
    """
    try:
        fd = open_to_read(path)
    except OSError:
        return None
    try:
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
        return None
    except BlockingIOError:
        return _read_note(fd) or Holder()
    finally:
        os.close(fd)


Waiting = Callable[[str], None] | None  # called once, with a message that names the holder; None: do not wait


def lock_folder(path: Path, wait: Waiting = None) -> Lock:
    """Take the lock of an outcome folder.

    Raises:
        InUseError: another launcher is at work there; the message names it.
        WriteError: the lock file cannot be made.
    """
    remedy = "Wait for it with --wait, or give this sweep another folder: --outcome DIR."
    while True:
        lock = take_lock(path, f"the folder {path.parent}", remedy, wait)
        if _is_alone(lock.fd, path):
            leave_note(lock.fd)
            return lock
        lock.release()


def _is_alone(fd: int, path: Path) -> bool:
    """Return whether the locked file is still at the path and has no second name; if not, make way for a new file.

    A backup made by `cp -al` shares the lock file. A launcher in either folder would lock the other folder too.
    """
    about = os.fstat(fd)
    try:
        if not os.path.samestat(about, os.lstat(path)):
            return False  # another launcher has replaced the file, or somebody has moved the folder
        if about.st_nlink == 1:
            return True
        path.unlink()
    except FileNotFoundError:
        pass
    except OSError as error:
        raise WriteError(f"cannot lock the folder {path.parent}: {path}: {error.strerror}.") from error
    return False


def take_lock(path: Path, what: str, remedy: str, wait: Waiting, *, is_for_all: bool = False) -> Lock:
    """Take the lock of a file, which is made if need be.

    `what`: what the lock stands for, and `remedy`: what a user can do, both for messages. `wait`: as for `lock_folder`.
    `is_for_all`: any user of the machine may take the lock.

    Raises:
        InUseError: another process holds it, and `wait` is None.
        WriteError: the file cannot be made.
    """
    try:
        fd = _open(path, is_for_all=is_for_all)
    except OSError as error:
        raise WriteError(f"cannot lock {what}: {path}: {error.strerror}.") from error
    if not _try(fd):
        message = f"{what} is in use{_holder(fd)}."
        if wait is None:
            os.close(fd)
            raise InUseError(f"{message}\n  {remedy}")
        wait(f"{message} Waiting for it; Ctrl-C gives up.")
        fcntl.flock(fd, fcntl.LOCK_EX)
    return Lock(fd)


def leave_note(fd: int) -> None:
    """Write into a lock file, given its descriptor, who holds the lock now: this process."""
    note: dict[str, Any] = {
        "pid": os.getpid(),
        "host": socket.gethostname(),
        "since": time.strftime("%Y-%m-%d %H:%M:%S"),
        "folder": os.getcwd(),
    }
    with contextlib.suppress(OSError):  # a full disk: the lock holds all the same
        os.ftruncate(fd, 0)
        os.pwrite(fd, json.dumps(note).encode(), 0)


def _try(fd: int) -> bool:
    """Take a lock if it is free within 0.06 s, because `find_holder` of another process holds it for a moment."""
    for delay_s in (0.01, 0.02, 0.03, 0.0):
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        except BlockingIOError:
            time.sleep(delay_s)
    return False


def _open(path: Path, *, is_for_all: bool) -> int:
    """Open or make a lock file. (In a shared folder Linux refuses O_CREAT on a file of another user.)

    Every user of the machine may lock a device, so its file ignores the umask. A folder's lock file follows the umask.
    """
    with contextlib.suppress(FileNotFoundError):
        return open_file(path, os.O_RDWR)
    try:
        fd = open_file(path, os.O_RDWR | os.O_CREAT | os.O_EXCL)
    except FileExistsError:  # another launcher was quicker
        return open_file(path, os.O_RDWR)
    if is_for_all:
        os.fchmod(fd, MODE)
    return fd


def _holder(fd: int) -> str:
    """Return who holds a lock as the end of a sentence, from the note that the holder left in the file."""
    note = _read_note(fd)
    if note is None:
        return " by another launcher"
    return printable(f" by pid {note.pid} on {note.host} since {note.since}, started in {note.folder}", 500)


def _read_note(fd: int) -> Holder | None:
    """Return the note in a lock file; None if the file has none, or something else."""
    note = values.load_object(os.pread(fd, 4096, 0)) or {}
    host, since, folder = (note.get(key) for key in ("host", "since", "folder"))
    pid = values.whole(note.get("pid"), least=1)
    if pid is None or not (isinstance(host, str) and isinstance(since, str) and isinstance(folder, str)):
        return None
    return Holder(pid, host, since, folder)
