"""Follows the sources of an attempt: reads what has been appended to files, and returns what is found there.

    log ──────────┐
    run.jsonl ────┼─▶ Sources.poll ─▶ list[Found] ─▶ the worker writes each as a record
    event files ──┘   every 50 ms

The worker polls while the script runs, and once more with `is_final` when it has ended. What is found in a file depends
only on the bytes of the file, not on when they were read: whoever reads a source again from where the attempt began
gets the same `Found`, and can leave out those whose `src` is recorded already (`complete`).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from launcher.sources.formats import format_of
from launcher.sources.growing_file import GrowingFile
from launcher.sources.source import Format, Found, SourceSpec

PIECE_BYTES = 1 << 16  # of a file in a poll: a few milliseconds, and few objects at a time for the garbage collector


class Sources:
    """All sources of an attempt. The source that `specs[number]` describes has this number in `Found.src`."""

    def __init__(self, specs: Sequence[SourceSpec]) -> None:
        """Begin where the descriptions say that the attempt begins.

        Raises:
            ValueError: a template can match nothing of use.
        """
        self._files = [
            _Followed(GrowingFile(Path(spec.path), spec.begins.get(spec.path, 0)), format_of(spec, number, spec.path))
            for number, spec in enumerate(specs)
        ]

    def poll(self, *, is_final: bool = False) -> list[Found]:
        """Return what has come since the last poll.

        `is_final`: the script has ended, so all that is left is read, and a last line without an end counts as a line.
        """
        return [found for followed in self._files for found in followed.poll(is_final=is_final)]

    @property
    def is_behind(self) -> bool:
        """Whether files had more bytes than the last poll has read: poll again without waiting."""
        return any(followed.file.has_more for followed in self._files)

    def take_notes(self) -> list[str]:
        """Return what a person is to be told since the last call, a line each."""
        notes = [note for followed in self._files for note in followed.format.notes]
        for followed in self._files:
            followed.format.notes.clear()
        return notes


class _Followed:
    """A file that is followed, and its format."""

    def __init__(self, file: GrowingFile, form: Format) -> None:
        self.file = file
        self.format = form

    def poll(self, *, is_final: bool) -> list[Found]:
        """Return what has come since the last poll."""
        self.file.look()
        found: list[Found] = []
        while self.file.has_more and (piece := self.file.read(PIECE_BYTES)):
            found += self.format.feed(piece)
            if not is_final:
                break
        if is_final:
            found += self.format.finish()
        return found
