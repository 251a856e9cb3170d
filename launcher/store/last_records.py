"""The last records of a file that is complete: a reader that has read all before need not open the file again.

The supervisor of an attempt on a cluster writes them into the end of the attempt, which the launcher reads anyway.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any, Self

from launcher.store import values

MOST_BYTES = 8 << 10


@dataclass(frozen=True)
class LastRecords:
    """The last whole lines of a record file. `start`: the place of their first byte in the file."""

    start: int
    lines: bytes

    @classmethod
    def of(cls, fd: int) -> Self | None:
        """Return those of an open file, MOST_BYTES at most; None if its last line is longer, or has no end.

        Raises:
            OSError: the file cannot be read.
        """
        start = max(0, os.fstat(fd).st_size - MOST_BYTES)
        data = os.pread(fd, MOST_BYTES, start)
        skipped = data.find(b"\n") + 1 if start else 0
        lines = data[skipped:]
        return cls(start + skipped, lines) if lines.endswith(b"\n") else None

    @property
    def is_all(self) -> bool:
        """These are all records of the file."""
        return self.start == 0

    def to_json(self) -> dict[str, Any]:
        """Return a value for a file of JSON. A byte that is no UTF-8 does not come back."""
        return {"start": self.start, "lines": self.lines.decode(errors="replace")}

    @classmethod
    def from_json(cls, value: Any) -> Self | None:
        """Return what `to_json` has made a value of; None if that was not so."""
        if not isinstance(value, dict):
            return None
        start, lines = values.whole(value.get("start"), least=0), values.text(value.get("lines")).encode()
        return cls(start, lines) if start is not None and lines.endswith(b"\n") else None
