"""A file with the name of a JSON file: an object of many lines, a history, or JSON objects, one a line."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

from launcher.sources.json_lines import JsonParser, has_step, load_object_or_list
from launcher.sources.json_rows import rows
from launcher.sources.lines import BYTE_ORDER_MARK, Lines
from launcher.sources.source import Found
from launcher.sources.text_file import TextFile
from launcher.store.files import open_to_read

_MOST_BYTES = 1 << 20  # of a file; a longer one is no result of a training


class JsonFile(TextFile):
    """The format of a file that `json.dump` writes, such as `results.json`: a single record.

    It is read when the attempt is over, as only then it is complete: most scripts write it anew again and again, which
    nobody sees who reads only what is appended. If a line of it is an object with a number, the file is one of JSON
    lines. An object of many lines is a record only if it has a metric of the job, or a step: `config.json` has none.
    A list of objects, or an object of lists, is a record a row, if it has such a metric or step.
    """

    def __init__(
        self, number: int, parser: JsonParser, path: str, offset: int = 0, metrics: Sequence[str] | None = None
    ) -> None:
        """Begin at an offset. `number`: of the source. `metrics`: of the job; None if they are not known."""
        super().__init__(number, parser, offset)
        self._json = parser
        self._path = path
        self._metrics = metrics
        self._has_lines = False  # of JSON objects with numbers
        self._has_break = False  # so it is no object of a single line
        self._is_list: bool | None = None  # no line of it is an object by itself; None: nothing was read
        self._is_over = False

    def feed(self, piece: bytes) -> list[Found]:
        """Return what stands on the lines that end within the next bytes."""
        if self._is_list is None and (begin := piece.removeprefix(BYTE_ORDER_MARK).lstrip()):
            self._is_list = begin.startswith(b"[")
        found = super().feed(piece) if not self._is_list else []
        self._has_lines |= bool(found)
        self._has_break |= b"\n" in piece
        return found

    def begin_again(self) -> bool:
        """Go on with an object of many lines that was written anew; False if it is another file of lines."""
        if self._has_lines or not self._has_break:
            self._is_over = True
            return False
        self._lines = Lines()
        self._has_break, self._is_list = False, None
        return True

    def finish(self) -> list[Found]:
        """Return what stands in the whole file as it is now, or on a last line without an end."""
        is_whole, self._is_over = not (self._has_lines or self._is_over), True
        if is_whole and (content := _read(self._path)) is not None:
            whole = load_object_or_list(content)
            if history := rows(whole, self._metrics):
                return self._of_rows(history, len(content))
            if isinstance(whole, dict):
                taken = self._json.take(whole)
                is_taken = taken is not None and (b"\n" not in content.strip() or self._is_result(whole, taken[0]))
                return [Found(*taken, (self._number, len(content)))] if taken is not None and is_taken else []
        return super().finish() if not self._is_list else []

    def _of_rows(self, history: Sequence[Mapping[str, Any]], size: int) -> list[Found]:
        """Return the rows, of which the last ends with the file: who reads it again knows how far it was recorded."""
        taken = [self._json.take(row) for row in history]
        last = len(history) - 1
        return [
            Found(*row, (self._number, size if place == last else place + 1))
            for place, row in enumerate(taken)
            if row is not None
        ]

    def _is_result(self, whole: dict[str, Any], fields: dict[str, Any]) -> bool:
        return (
            self._metrics is None or has_step(whole) or "epoch" in fields or not fields.keys().isdisjoint(self._metrics)
        )


def _read(path: str) -> bytes | None:
    """Return the content of a file; None if it cannot be read, or is too long."""
    try:
        fd = open_to_read(path)
    except OSError:
        return None
    try:
        content = os.pread(fd, _MOST_BYTES + 1, 0)
    except OSError:
        return None
    finally:
        os.close(fd)
    return content if len(content) <= _MOST_BYTES else None
