"""Locks of GPUs: one launch a GPU at any time, whoever started it.

The workers on a GPU inherit its lock. So the lock lives until the launcher and its workers are gone: after a SIGKILL
of the launcher, the GPU is free as soon as the worker on it has ended too.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from launcher.errors import WriteError
from launcher.store.locks import Lock, Waiting, leave_note, take_lock

_SHARED = Path("/tmp")


def lock_device(uuid: str, wait: Waiting = None) -> Lock:
    """Take the lock of a device, the same for all users of this machine.

    `wait`: called once with a message if the lock is not free, and then the lock is waited for. None: do not wait.

    Raises:
        InUseError: another launch holds the device; the message says whose.
        WriteError: the lock file cannot be made.
    """
    _make_folder()
    remedy = "Wait for it with --wait, or leave the device out of --devices."
    lock = take_lock(lock_file(uuid), f"the device {uuid}", remedy, wait, is_for_all=True)
    if os.fstat(lock.fd).st_nlink == 1:  # a file with a second name may be anybody's: nothing is written into it
        leave_note(lock.fd)
    return lock


def lock_file(uuid: str) -> Path:
    """Return the path of a device's lock file, which need not exist."""
    return _folder() / f"{''.join(c if c.isalnum() or c == '-' else '_' for c in uuid)}.lock"


def _folder() -> Path:
    """Return the folder of the lock files. TMPDIR is not asked: many users have set it to a folder of their own."""
    shared = _SHARED if os.access(_SHARED, os.W_OK | os.X_OK) else Path(tempfile.gettempdir())
    return Path(os.environ.get("LAUNCHER_LOCKS") or shared / "sweep-launcher-locks")


def _make_folder() -> None:
    """Make the folder of the lock files. All users share it and may make files in it, as in /tmp."""
    folder = _folder()
    try:
        folder.mkdir(mode=0o1777, exist_ok=True)
        if folder.stat().st_uid == os.getuid():
            folder.chmod(0o1777)
    except OSError as error:
        raise WriteError(f"cannot make the folder of device locks {folder}: {error.strerror}.") from error
