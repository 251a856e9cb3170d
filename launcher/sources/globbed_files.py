"""The files that a glob finds while a script runs: event files, tables, JSON lines. Each is a source of its own."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import islice

from launcher.sources.file_search import MOST_ENTRIES, FileSearch
from launcher.sources.followed_file import FollowedFile
from launcher.sources.source import Found, SourceFile, SourceSpec
from launcher.store.files import open_to_read

SEARCH_INTERVAL_S = 1.0  # between two searches
MOST_FILES = 500
_MARK_BYTES = 256  # by which a file that was written anew is recognised, if it is longer than before by then
_CLOSING_BYTES = 8  # of a JSON file, at most: brackets, line breaks, blanks
_SHARE = 0.02  # of the time is spent on searches at most
_FEW = 50  # so many files are looked at in each poll; of more files, in between, those of which there was more to read


class GlobbedFiles:
    """The sources of a glob."""

    def __init__(
        self,
        spec: SourceSpec,
        number: int,
        numbers: Iterator[int],
        files: Mapping[int, SourceFile],
        ends: Mapping[str, int],
    ) -> None:
        """Begin.

        `number`: of the glob. `numbers`: the free numbers of sources. `files`: those that were found in this attempt
        already. `ends`: where files end for us.
        """
        self.notes: list[str] = []
        self.followed: dict[str, FollowedFile] = {}
        self._spec = spec
        self._number = number
        self._numbers = numbers
        self._num_found = len(files)
        self._ends = ends
        self._search = FileSearch(spec.path)
        self._marks = {path: _mark(path, begin) for path, begin in islice(spec.begins.items(), MOST_FILES)}
        self._search_at_s = 0.0
        self._told: set[str] = set()
        for known, file in sorted(files.items()):  # of a file that was replaced, only the last is there
            self._follow(known, file)

    def poll(self, *, is_final: bool = False) -> list[Found]:
        """Return what has come since the last poll, in the files that are known and in those that are there now."""
        found: list[Found] = []
        has_searched = is_final or time.monotonic() >= self._search_at_s
        if has_searched:
            found += self._find(is_final=is_final)
        is_round = has_searched or len(self.followed) <= _FEW
        for path in [path for path, followed in self.followed.items() if is_round or followed.is_behind]:
            found += self.followed[path].poll(is_final=is_final)
            if self.followed[path].is_over:
                self.notes += self.followed[path].format.notes
                found.append(self._announce(path, 0))
                found += self.followed[path].poll(is_final=is_final)
        return found

    def _find(self, *, is_final: bool) -> list[Found]:
        """Search for files that have something new, and return what is to be told of them."""
        began_s = time.monotonic()
        told = []
        for path in self._search.find():
            if path in self.followed:
                continue
            size, begin = _size(path), self._spec.begins.get(path, 0)
            if not size and begin and not is_final:
                continue  # it is just being written anew
            if size == begin and not (is_final and size and not self._is_same(path, begin)):
                continue
            if len(self.followed) >= MOST_FILES:
                self._note(f"{self._spec.path}: more than {MOST_FILES} files match. The others are not read")
                break
            is_same = size > begin and self._is_same(path, begin)
            is_cut = not is_same and self._is_cut(path, begin)
            told.append(self._announce(path, begin if is_same else 0, is_cut=is_cut))
        if self._search.was_cut:
            self._note(f"{self._spec.path}: a search ends after {MOST_ENTRIES:,} files and folders. Name the folder")
        ended_s = time.monotonic()
        self._search_at_s = ended_s + max(SEARCH_INTERVAL_S, (ended_s - began_s) / _SHARE)
        return told

    def _is_same(self, path: str, begin: int) -> bool:
        """Return whether a file that is longer than at the beginning of the attempt still begins as it did then."""
        return path not in self._marks or _mark(path, begin) == self._marks[path]

    def _is_cut(self, path: str, begin: int) -> bool:
        """Return whether a file that is read from its first byte still has the first row of earlier attempts."""
        if path.endswith(".json"):
            # A history that was written anew has another number, or a row, before its last brackets.
            first = self._marks.get(path, b"")[: max(0, min(begin - _CLOSING_BYTES, _MARK_BYTES))]
            return bool(first) and _mark(path, len(first)).startswith(first)
        rows = self._marks.get(path, b"")[: min(begin, _MARK_BYTES)].splitlines(keepends=True)
        first = b"".join(rows[: 2 if path.endswith(".csv") else 1])  # with the header
        return first.endswith(b"\n") and _mark(path, len(first)).startswith(first)

    def _announce(self, path: str, begin: int, *, is_cut: bool = False) -> Found:
        """Make a source of a file, and return what is to be told of it."""
        number = next(self._numbers)
        self._num_found += 1
        self._follow(number, SourceFile(self._number, path, begin, is_cut))
        src = (self._number, self._num_found)
        return Found({"kind": "source", "source": number, "path": path, "begin": begin, "is_cut": is_cut}, None, src)

    def _follow(self, number: int, file: SourceFile) -> None:
        spec = replace(self._spec, after_step=0) if file.is_cut else self._spec
        self.followed[file.path] = FollowedFile(spec, number, file.path, file.begin, self._ends)

    def _note(self, text: str) -> None:
        if text not in self._told:
            self._told.add(text)
            self.notes.append(text)


def _mark(path: str, end: int) -> bytes:
    """Return the first bytes of a file, and the last before an offset: another file of the name has others."""
    if not end:
        return b""
    try:
        fd = open_to_read(path)
    except OSError:
        return b""
    try:
        return os.pread(fd, min(end, _MARK_BYTES), 0) + os.pread(fd, min(end, _MARK_BYTES), max(0, end - _MARK_BYTES))
    except OSError:
        return b""
    finally:
        os.close(fd)


def _size(path: str) -> int:
    try:
        return os.stat(path).st_size
    except OSError:
        return 0
