"""A file of text: each line by itself."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from launcher.sources.lines import Line, Lines
from launcher.sources.source import Found, Parser

_found: Callable[[tuple[Any, ...]], Found] = functools.partial(tuple.__new__, Found)  # half the time of Found(…)


class TextFile:
    """The format of a file of lines, of which a parser takes each."""

    def __init__(self, number: int, parser: Parser, offset: int = 0) -> None:
        """Begin at an offset. `number`: of the source."""
        self.first_byte = offset
        self._number = number
        self._parser = parser
        self._lines = Lines(offset)

    @property
    def notes(self) -> list[str]:
        """What a person is to be told."""
        return self._parser.notes

    def feed(self, piece: bytes) -> list[Found]:
        """Return what stands on the lines that end within the next bytes."""
        return self._parse(self._lines.split(piece))

    def finish(self) -> list[Found]:
        """Return what stands on a last line without an end."""
        return self._parse(self._lines.finish())

    def begin_again(self) -> bool:
        """Return False: such files are only appended to, so another content is another source."""
        return False

    def _parse(self, lines: list[Line]) -> list[Found]:
        parse, number = self._parser.parse, self._number
        return [_found((*found, (number, end))) for line, end in lines if (found := parse(line)) is not None]
