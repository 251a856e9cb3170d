"""Line numbers of the keys of a job file, for messages like `jobs/lr.toml:9: …`."""

from __future__ import annotations

import re
from pathlib import Path


class SourceLines:
    """Finds the line of a key in TOML text. tomllib does not tell it.

    Used in messages only: a key that is not found costs a line number, nothing else.
    """

    _TABLE = re.compile(r"\s*\[([^\[\]]+)\]\s*(#.*)?$")
    _KEY = re.compile(r"""\s*("[^"]*"|'[^']*'|[A-Za-z0-9_-]+(?:\s*\.\s*[A-Za-z0-9_-]+)*)\s*=""")

    def __init__(self, file: Path | None, text: str) -> None:
        """Read where the keys are. `file`: None if a person has never seen the text; then no place is ever told."""
        self._file = file
        self._lines: dict[tuple[str, ...], int] = {}
        table: tuple[str, ...] = ()
        for number, line in enumerate(text.splitlines(), start=1):
            if found := self._TABLE.match(line):
                table = self._parts(found[1])
                for length in range(len(table), 0, -1):  # a table around it may have no line of its own
                    self._lines.setdefault(table[:length], number)
            elif found := self._KEY.match(line):
                self._lines.setdefault((*table, *self._parts(found[1])), number)

    @staticmethod
    def _parts(key: str) -> tuple[str, ...]:
        if key[:1] in "\"'":
            return (key[1:-1],)
        return tuple(part.strip().strip("\"'") for part in key.split("."))

    def has(self, *path: str) -> bool:
        """Return whether the text has a key."""
        return path in self._lines

    def where(self, *path: str) -> str:
        """Return `file:line: ` of a key, or of the nearest table around it; empty if there is no file."""
        if self._file is None:
            return ""
        for length in range(len(path), 0, -1):
            if path[:length] in self._lines:
                return f"{self._file}:{self._lines[path[:length]]}: "
        return f"{self._file}: "
