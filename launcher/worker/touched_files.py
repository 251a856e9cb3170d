"""Which files of a folder have changed while a script ran. So two experiments that write the same file can be told."""

from __future__ import annotations

import os
from collections.abc import Collection
from itertools import islice

DEPTH = 2  # levels of folders that are looked at
LIMIT = 2_000  # entries
MOST = 20  # files that are told
_SOURCES = (".py", ".pyc", ".toml", ".md", ".ipynb", ".sh")  # a person edits these while a sweep runs

Versions = dict[str, tuple[int, int, int]]  # path → what changes when the file is written


class TouchedFiles:
    """The files of a folder, as they were at the beginning."""

    def __init__(self, folder: str, apart: Collection[str]) -> None:
        """Look at the folder. `apart`: folders in it that are not looked at."""
        self._folder = folder
        self._apart = apart
        self._places: set[tuple[int, int] | None] | None = None  # of the folders `apart`, where paths do not tell
        self._before = self._versions()

    def changed(self) -> list[str]:
        """Return the paths of the files that were written since."""
        return [path for path, version in self._versions().items() if self._before.get(path) != version][:MOST]

    def _versions(self) -> Versions:
        found: Versions = {}
        waiting, num = [(self._folder, 1)], 0
        while waiting:
            folder, depth = waiting.pop()
            try:
                with os.scandir(folder) as listed:
                    entries = list(islice(listed, LIMIT - num))
            except OSError:
                continue
            num += len(entries)
            for entry in entries:
                name = entry.name
                if name.startswith((".", "__pycache__")) or entry.is_symlink():
                    continue
                if entry.is_dir(follow_symlinks=False):
                    if depth < DEPTH and not self._is_apart(entry.path):
                        waiting.append((entry.path, depth + 1))
                elif not name.endswith(_SOURCES):
                    try:
                        status = entry.stat(follow_symlinks=False)
                    except OSError:
                        continue
                    found[entry.path] = (status.st_ino, status.st_mtime_ns, status.st_size)
        return found

    def _is_apart(self, path: str) -> bool:
        """Return whether a folder is not looked at, whatever it is called."""
        if path in self._apart:
            return True
        if self._places is None:
            self._places = {_place(apart) for apart in self._apart}
        return _place(path) in self._places


def _place(path: str) -> tuple[int, int] | None:
    """Return what tells a folder from every other, whatever it is called; None if there is none."""
    try:
        status = os.stat(path)
    except OSError:
        return None
    return status.st_dev, status.st_ino
