"""How many CPU threads each worker may use now: one number, which the launcher writes and the workers read.

Only jobs with `elastic_threads` have it. The number is in shared memory, so there is no file to clean up.
"""

from __future__ import annotations

import mmap
import os
import sys

_BYTES = 4


class ThreadBudget:
    """The number of threads, as the launcher and the workers see it."""

    def __init__(self, fd: int) -> None:
        self.fd = fd
        self._map = mmap.mmap(fd, _BYTES)
        self._applied = self.threads

    @classmethod
    def create(cls, threads: int) -> ThreadBudget:
        """Make the launcher's end, with this number."""
        fd = os.memfd_create("sweep-launcher-threads", os.MFD_CLOEXEC)
        os.ftruncate(fd, _BYTES)
        os.pwrite(fd, threads.to_bytes(_BYTES, sys.byteorder), 0)
        return cls(fd)

    @property
    def threads(self) -> int:
        """The number of threads now."""
        return int.from_bytes(self._map[:_BYTES], sys.byteorder)

    def set(self, value: int) -> None:
        """Change the number. Workers see it at their next step."""
        self._map[:_BYTES] = value.to_bytes(_BYTES, sys.byteorder)

    def apply(self) -> int | None:
        """Apply the number to torch, if it is imported. Return the number if it is new, else None."""
        threads = self.threads
        if threads == self._applied:
            return None
        self._applied = threads
        if (torch := sys.modules.get("torch")) is not None:
            torch.set_num_threads(threads)
        return threads

    def close(self) -> None:
        """Release this process's end."""
        self._map.close()
        os.close(self.fd)
