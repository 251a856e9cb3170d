"""Whether the folders that a launch writes into are still where they were. The loop asks at every tick: a stat each.

A folder that is renamed or removed under a launch takes the lock with it: a second launch would find the place free,
and train the same experiments into the same files. Nothing prevents that but to notice, and to end.
"""

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass, field
from pathlib import Path

from launcher.store.locks import Lock
from launcher.store.paths import Paths


@dataclass
class _Anchor:
    """A folder that is held open, so that its inode is no other's while it is held."""

    path: Path
    fd: int = field(init=False)

    def __post_init__(self) -> None:
        self.fd = os.open(self.path, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)

    @property
    def is_there(self) -> bool:
        """Its path still leads to it."""
        return _is_at(self.path, self.fd)

    def now(self) -> Path | None:
        """Return where the folder is now; None if it was removed."""
        with contextlib.suppress(OSError):
            path = Path(os.readlink(f"/proc/self/fd/{self.fd}"))
            return path if _is_at(path, self.fd) else None
        return None


class Footing:
    """The folders of one launch.

    Raises:
        OSError: one of them is not there.
    """

    def __init__(self, paths: Paths, lock: Lock) -> None:
        self._paths = paths
        self._lock = lock
        self._outcome = _Anchor(paths.outcome)
        self._records = _Anchor(paths.records_folder)
        self._logs = _Anchor(paths.logs)
        self._has_told_of_logs = False

    def lost(self) -> str:
        """Return what has become of the outcome folder, its records or its lock; empty while they are in place."""
        if not self._outcome.is_there:
            return _fate(self._outcome)
        if not _is_at(self._paths.lock, self._lock.fd):
            return f"{self._paths.lock} was removed or replaced, so that another launch may be at work there"
        return "" if self._records.is_there else _fate(self._records)

    def lost_logs(self) -> str:
        """Return, once, what has become of the folder of logs; empty while it is in place."""
        if self._has_told_of_logs or self._logs.is_there:
            return ""
        self._has_told_of_logs = True
        return _fate(self._logs)

    def outcome(self) -> Path | None:
        """Return where the outcome folder is now; None if it was removed."""
        return self._outcome.now()

    def close(self) -> None:
        """Let go of the folders."""
        for anchor in (self._outcome, self._records, self._logs):
            os.close(anchor.fd)


def _is_at(path: Path, fd: int) -> bool:
    with contextlib.suppress(OSError):
        return os.path.samestat(os.stat(path), os.fstat(fd))
    return False


def _fate(anchor: _Anchor) -> str:
    now = anchor.now()
    return f"{anchor.path} was {f'renamed to {now}' if now is not None else 'removed'} while this launch runs"
