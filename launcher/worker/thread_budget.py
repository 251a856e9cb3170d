"""How many CPU threads a worker may use now: one number that the launcher writes and the workers read.

Only for jobs with `elastic_threads`. The number is in memory shared by its descriptor: no file, nothing to clean up.
"""

from __future__ import annotations

import mmap
import os
import sys

_BYTES = 4


class ThreadBudget:
    """The number, on either side."""

    def __init__(self, fd: int) -> None:
        self.fd = fd
        self._map = mmap.mmap(fd, _BYTES)
        self._applied = self.threads

    @classmethod
    def create(cls, threads: int) -> ThreadBudget:
        """Make the launcher's end."""
        fd = os.memfd_create("sweep-launcher-threads", os.MFD_CLOEXEC)
        os.ftruncate(fd, _BYTES)
        os.pwrite(fd, threads.to_bytes(_BYTES, sys.byteorder), 0)
        return cls(fd)

    @property
    def threads(self) -> int:
        """The number now."""
        return int.from_bytes(self._map[:_BYTES], sys.byteorder)

    def set(self, value: int) -> None:
        """Change the number, for the workers to see at their next step."""
        self._map[:_BYTES] = value.to_bytes(_BYTES, sys.byteorder)

    def apply(self) -> int | None:
        """Let torch, if this process has it, use as many threads as it may now; return how many if that is new."""
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
