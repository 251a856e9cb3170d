"""A source that is followed: a file that grows, and the format of its bytes."""

from __future__ import annotations

from collections.abc import Mapping

from launcher.sources.formats import format_of
from launcher.sources.growing_file import GrowingFile
from launcher.sources.source import Found, SourceSpec

PIECE_BYTES = 1 << 16  # in a poll: a few milliseconds, and few objects at a time for the garbage collector


class FollowedFile:
    """A file, how far it was read, and what is found in it."""

    def __init__(self, spec: SourceSpec, number: int, path: str, begin: int, ends: Mapping[str, int]) -> None:
        """Begin.

        `number`: of the source. `begin`: the size of the file when the attempt began. `ends`: where files end for us.

        Raises:
            ValueError: a template of the description can match nothing of use.
        """
        self.format = format_of(spec, number, path, begin)
        self.file = GrowingFile(path, self.format.first_byte, ends.get(path))
        self.is_over = False  # the file has become another source

    def poll(self, *, is_final: bool = False) -> list[Found]:
        """Return what has come since the last poll; with `is_final` up to the end of the file."""
        found: list[Found] = []
        if self.is_over:
            return found
        self.file.look()
        while not self._is_another() and self.file.has_more:
            if piece := self.file.read(PIECE_BYTES):
                found += self.format.feed(piece)
                if not is_final:
                    return found
        if is_final or self.is_over:
            found += self.format.finish()
        return found

    @property
    def is_behind(self) -> bool:
        """Whether the file had more bytes than the last poll has read."""
        return self.file.has_more and not self.is_over

    def _is_another(self) -> bool:
        """Begin again with a file that was written anew; return whether it is another source now."""
        if self.file.was_replaced:
            self.is_over = not self.format.begin_again()
            self.file.begin_again()
            self.file.look()
        return self.is_over
