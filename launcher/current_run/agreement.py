"""Gives all ranks the same answers, so that they stop and save at the same step.

A signal reaches the ranks one after another. If one rank left its loop a step before the others, they would wait for it
for ever. So the answers are shared. A rank that asks `should_stop` for the k-th time gets the answer of the rank that
was the first to ask for the k-th time. A rank that would have said yes later says so with the next answer that no rank
has been given yet.

This holds for ranks that ask equally often, as in a loop in which each rank asks once a step, and for a question that
one rank alone asks.
"""

from __future__ import annotations

import fcntl
import mmap
import os
import struct
import threading

_RING = 1024  # answers that are kept; a rank that is further behind, as in a loop that polls, gets its own
_COUNTS = struct.Struct("QQ")  # how many answers were given, and whether the next must be yes
_BYTES = _COUNTS.size + _RING


class Agreement:
    """The answers to one question."""

    def __init__(self, *, is_lasting: bool, fd: int | None = None) -> None:
        """Begin, before the ranks are forked; or in each rank, with an open file that all of them share.

        `is_lasting`: after a yes every answer is yes. `fd`: belongs to this object from now on.
        """
        self._is_lasting = is_lasting
        self._fd = os.memfd_create("sweep-launcher-agreement", os.MFD_CLOEXEC) if fd is None else fd
        os.ftruncate(self._fd, _BYTES)
        self._map = mmap.mmap(self._fd, _BYTES)
        self._lock = threading.Lock()  # of the threads of this process
        self._num_asked = 0  # by this rank

    def answer(self, own: bool) -> bool:
        """Return the answer that all ranks get. `own`: what this rank would say by itself."""
        with self._lock:
            fcntl.lockf(self._fd, fcntl.LOCK_EX)
            try:
                return self._decide(own)
            finally:
                fcntl.lockf(self._fd, fcntl.LOCK_UN)

    def close(self) -> None:
        """Release the memory."""
        self._map.close()
        os.close(self._fd)

    def _decide(self, own: bool) -> bool:
        index, self._num_asked = self._num_asked, self._num_asked + 1
        num_given, is_due = _COUNTS.unpack_from(self._map)
        if index >= num_given:
            answer = own or bool(is_due)
            self._map[_COUNTS.size + index % _RING] = answer
            _COUNTS.pack_into(self._map, 0, index + 1, answer and self._is_lasting)
            return answer
        if own and not is_due:
            _COUNTS.pack_into(self._map, 0, num_given, True)
        return bool(self._map[_COUNTS.size + index % _RING]) if num_given - index <= _RING else own
