"""Whether the folders that a launch writes into are still where they were. The loop asks at every tick: a stat each.

A folder that is renamed or removed during a launch takes the lock with it. A second launch would find the place free,
and would train the same experiments into the same files. The launcher cannot prevent the rename. It can notice it, and
end.

A path is looked at as workers have it: absolute, as it was at the start. If a folder above the working directory is
renamed, a relative path still leads to the folder, but what workers write by its absolute path gets lost.
"""

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass, field
from pathlib import Path

from launcher.store.locks import Lock
from launcher.store.paths import Paths


@dataclass
class _HeldFolder:
    """A folder that is held open, so that no other folder can get its inode number."""

    path: Path
    place: Path = field(init=False)  # the absolute path
    fd: int = field(init=False)

    def __post_init__(self) -> None:
        self.place = self.path.absolute()
        self.fd = os.open(self.path, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)

    @property
    def is_in_place(self) -> bool:
        """The path still leads to the folder."""
        return _leads_to(self.place, self.fd)

    def now(self) -> Path | None:
        """Return where the folder is now; None if it was removed."""
        with contextlib.suppress(OSError):
            path = Path(os.readlink(f"/proc/self/fd/{self.fd}"))
            return path if _leads_to(path, self.fd) else None
        return None

    def describe_loss(self) -> str:
        """Return the beginning of a sentence that says what has become of the folder."""
        now = self.now()
        return f"{self.path} was {f'renamed to {now}' if now is not None else 'removed'} while this launch runs"


class HeldFolders:
    """The folders of one launch, held open until `close`.

    Raises:
        OSError: one of them is not there.
    """

    def __init__(self, paths: Paths, lock: Lock) -> None:
        self._paths = paths
        self._lock, self._lock_file = lock, paths.lock.absolute()
        self._outcome = _HeldFolder(paths.outcome)
        self._records = _HeldFolder(paths.records_folder)
        self._logs = _HeldFolder(paths.logs)

    def describe_loss(self) -> str:
        """Return what has become of the outcome folder, its records or its lock; empty while they are in place."""
        if not self._outcome.is_in_place:
            return self._outcome.describe_loss()
        if not _leads_to(self._lock_file, self._lock.fd):
            return f"{self._paths.lock} was removed or replaced, so that another launch may be at work there"
        return "" if self._records.is_in_place else self._records.describe_loss()

    def describe_loss_of_logs(self) -> str:
        """Return what has become of the folder of logs; empty while it is in place."""
        return "" if self._logs.is_in_place else self._logs.describe_loss()

    def outcome_now(self) -> Path | None:
        """Return where the outcome folder is now; None if it was removed."""
        return self._outcome.now()

    def close(self) -> None:
        """Let go of the folders."""
        for folder in (self._outcome, self._records, self._logs):
            os.close(folder.fd)


def _leads_to(path: Path, fd: int) -> bool:
    with contextlib.suppress(OSError):
        return os.path.samestat(os.stat(path), os.fstat(fd))
    return False
