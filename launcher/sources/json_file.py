"""A file with the name of a JSON file: an object of many lines, or JSON objects, one a line."""

from __future__ import annotations

from launcher.sources.json_lines import JsonParser, load_object
from launcher.sources.source import Found
from launcher.sources.text_file import TextFile

_MOST_BYTES = 1 << 20  # of an object; a longer one is no result of a training


class JsonFile(TextFile):
    """The format of a file that `json.dump` writes, such as `results.json`: a single record.

    It is found when the file is over or was written anew, as only then it is complete. If a line of it is an object
    with a number, the file is one of JSON lines.
    """

    def __init__(self, number: int, parser: JsonParser, offset: int = 0) -> None:
        """Begin at an offset. `number`: of the source."""
        super().__init__(number, parser, offset)
        self._json = parser
        self._content: bytes | None = b""  # None: it is no single object, or too long
        self._end = offset

    def feed(self, piece: bytes) -> list[Found]:
        """Return what stands on the lines that end within the next bytes."""
        self._end += len(piece)
        found = super().feed(piece)
        if self._content is not None:
            self._content = None if found or len(self._content) + len(piece) > _MOST_BYTES else self._content + piece
        return found

    def finish(self) -> list[Found]:
        """Return what stands on a last line without an end, or in the whole file."""
        content, self._content = self._content, None
        if (found := super().finish()) or content is None or (whole := load_object(content)) is None:
            return found
        taken = self._json.take(whole)
        return [Found(*taken, (self._number, self._end))] if taken is not None else []
