"""Follows the sources of an attempt: reads what has been appended to files, and returns what is found there.

    log ──────────┐
    run.jsonl ────┼─▶ Sources.poll ─▶ list[Found] ─▶ the worker writes each as a record
    event files ──┘   every 50 ms

The worker polls while the script runs, and once more with `is_final` when it has ended. What is found in a file depends
only on the bytes of the file, not on when they were read: whoever reads a source again from where the attempt began
gets the same `Found`, and can leave out those whose `src` is recorded already (`launcher.sources.complete`).

The source that `specs[number]` describes has this number in `src`. Each file that a glob finds is a source of its own,
with the next free number, as soon as it has something that is new. This is told before anything else of it:

    Found({"kind": "source", "source": 3, "path": "/a/runs/events.out.tfevents.17", "begin": 0, "is_cut": False},
          None, (2, 1))

so that whoever reads again gives it the same number. The `src` of this says: the first file that glob 2 has found.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence

from launcher.sources.followed_file import FollowedFile
from launcher.sources.globbed_files import GlobbedFiles
from launcher.sources.source import Found, SourceFile, SourceSpec


class Sources:
    """All sources of an attempt."""

    def __init__(
        self,
        specs: Sequence[SourceSpec],
        *,
        files: Mapping[int, SourceFile] | None = None,
        ends: Mapping[str, int] | None = None,
    ) -> None:
        """Begin where the descriptions say that the attempt begins.

        `files`: the files that globs have found in this attempt already, by their numbers.
        `ends`: the offset at which the attempt has ended in a file, by path; other files are read to their ends.

        Raises:
            ValueError: a template can match nothing of use.
        """
        self._notes: list[str] = []
        self._gone: set[str] = set()
        known, ends = dict(files or {}), dict(ends or {})
        numbers = itertools.count(max([len(specs) - 1, *known]) + 1)
        self._named: list[FollowedFile] = []
        self._globs: list[GlobbedFiles] = []
        for number, spec in enumerate(specs):
            if spec.kind == "events":
                own = {other: file for other, file in known.items() if file.glob == number}
                self._globs.append(GlobbedFiles(spec, number, numbers, own, ends))
            else:
                self._named.append(FollowedFile(spec, number, spec.path, spec.begins.get(spec.path, 0), ends))

    def poll(self, *, is_final: bool = False) -> list[Found]:
        """Return what has come since the last poll.

        `is_final`: the script has ended, so all that is left is read, and a last line without an end counts as a line.
        """
        found = []
        for followed in self._named:
            was_over = followed.is_over
            found += followed.poll(is_final=is_final)
            if followed.is_over and not was_over:
                self._notes.append(f"{followed.file.path} was written anew: it is not read any more")
            if followed.file.is_gone and followed.file.path not in self._gone:
                self._gone.add(followed.file.path)
                self._notes.append(f"{followed.file.path} was removed: what is written there now is lost")
        for glob in self._globs:
            found += glob.poll(is_final=is_final)
        return found

    @property
    def is_behind(self) -> bool:
        """Whether files had more bytes than the last poll has read: poll again without waiting."""
        return any(followed.is_behind for followed in self._all())

    def take_notes(self) -> list[str]:
        """Return what a person is to be told since the last call, a line each."""
        notes, self._notes = self._notes, []
        for told in (*(followed.format.notes for followed in self._all()), *(glob.notes for glob in self._globs)):
            notes += told
            told.clear()
        return notes

    def _all(self) -> Iterator[FollowedFile]:
        yield from self._named
        for glob in self._globs:
            yield from glob.followed.values()
