r"""Lines of a text that a program prints, from the bytes of a file that grows, each with the offset after it.

`\n` and `\r` end a line, and a line without a character does not count: so `\r\n` ends a single line, and each update
of a progress bar is a line. Colours, other escape sequences of a terminal, and `\b` are taken out. All other bytes
stay, NUL and invalid UTF-8 too. Of a line of more than 64 kB the first 64 kB count.

The lines and their offsets are the same, wherever the bytes are cut into pieces.
"""

from __future__ import annotations

import re

LONGEST_BYTES = 64 * 1024  # of a line
BYTE_ORDER_MARK = b"\xef\xbb\xbf"  # with which some programs begin a file
_ESCAPES = re.compile(rb"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\^_])|\x08")

Line = tuple[bytes, int]  # the line without its end; the offset after its end


class Lines:
    """Makes lines of the pieces of a file. The start of a line that has no end yet is kept until the end comes."""

    def __init__(self, offset: int = 0) -> None:
        """Begin at an offset of the file, at the start of a line."""
        self._offset = offset  # of the byte that comes next
        self._torn = b""  # at most LONGEST_BYTES

    def split(self, piece: bytes) -> list[Line]:
        """Return the lines that end within the next piece."""
        if b"\r" in piece:
            piece = piece.replace(b"\r", b"\n")
        *parts, rest = piece.split(b"\n")
        if not parts:
            self._offset += len(rest)
            self._torn = (self._torn + rest)[:LONGEST_BYTES]
            return []
        end = self._offset
        self._offset += len(piece)
        has_escapes = b"\x1b" in piece or b"\x08" in piece or b"\x1b" in self._torn or b"\x08" in self._torn
        lines = []
        for part in parts:
            end += len(part) + 1
            if self._torn:
                part, self._torn = self._torn + part, b""
            if part:
                lines.append((_plain(part) if has_escapes or len(part) > LONGEST_BYTES else part, end))
        self._torn = rest[:LONGEST_BYTES]
        return lines

    def finish(self) -> list[Line]:
        """Return what stands after the last line's end, as a line: nothing more will come."""
        torn, self._torn = self._torn, b""
        return [(_plain(torn), self._offset)] if torn else []


def _plain(line: bytes) -> bytes:
    return _ESCAPES.sub(b"", line[:LONGEST_BYTES])
