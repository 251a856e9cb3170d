"""Finds the files that match a glob, in bounded time: `/a/runs/**/*tfevents*`.

`*`, `?` and `[…]` stand for a part of a name, `**` for any number of folders. Names that begin with a dot match only a
pattern that begins with a dot. A symbolic link is not followed, except where the pattern names it without a wildcard.
"""

from __future__ import annotations

import fnmatch
import os
from collections.abc import Iterator

MOST_ENTRIES = 50_000  # of folders, looked at in a search
_WILD = frozenset("*?[")


class FileSearch:
    """Searches for files that match a pattern, again and again."""

    def __init__(self, pattern: str) -> None:
        self._parts = [part for part in pattern.split("/") if part]
        self._root = "/" if pattern.startswith("/") else "."
        self._left = 0  # entries that may be looked at
        self.was_cut = False  # whether a search has ended before it had looked at everything

    def find(self) -> list[str]:
        """Return the paths of the files that match, in order of their names."""
        self._left = MOST_ENTRIES
        found = list(dict.fromkeys(self._walk(self._root, 0)))
        self.was_cut |= self._left <= 0
        return found

    def _walk(self, folder: str, place: int) -> Iterator[str]:
        """Yield what matches the parts from a place on, below a folder."""
        part, is_last = self._parts[place], place + 1 == len(self._parts)
        if part == "**":
            if is_last:
                return
            yield from self._walk(folder, place + 1)
            for entry in self._entries(folder):
                if not entry.name.startswith(".") and _is_folder(entry):
                    yield from self._walk(entry.path, place)
        elif not _WILD & set(part):
            path = os.path.join(folder, part)
            if not is_last:
                yield from self._walk(path, place + 1)
            elif os.path.isfile(path) and not os.path.islink(path):
                yield path
        else:
            for entry in self._entries(folder):
                if entry.name.startswith(".") and not part.startswith("."):
                    continue
                if not fnmatch.fnmatchcase(entry.name, part):
                    continue
                if is_last and _is_file(entry):
                    yield entry.path
                elif not is_last and _is_folder(entry):
                    yield from self._walk(entry.path, place + 1)

    def _entries(self, folder: str) -> list[os.DirEntry[str]]:
        """Return the entries of a folder in order; none if it cannot be read, or too many were looked at already."""
        if self._left <= 0:
            return []
        try:
            with os.scandir(folder) as entries:
                found = sorted(entries, key=lambda entry: entry.name)
        except OSError:
            return []
        self._left -= len(found) + 1
        return found


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir(follow_symlinks=False)
    except OSError:  # it is gone
        return False


def _is_file(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_file(follow_symlinks=False)
    except OSError:
        return False
