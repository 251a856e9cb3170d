"""A table of comma-separated values with a header: a row a record.

A header without a comma may have semicolons or tabs between its names; with semicolons, `0,5` is a half.

A program may write such a file anew, as Lightning's CSVLogger does when a metric is new: with another header, and the
same rows as before. So rows are counted, and a row that was taken once is passed over. `src` has the number of the row
in place of an offset.
"""

from __future__ import annotations

import csv
from typing import Any

from launcher.sources.json_lines import STEP_KEYS, JsonParser
from launcher.sources.lines import BYTE_ORDER_MARK, Line, Lines
from launcher.sources.source import Found

_MOST_COLUMNS = 10_000


class CsvFile:
    """The format of a table. The step stands in the column `step`, or another column of `json_lines.STEP_KEYS`."""

    def __init__(self, number: int, begin: int = 0, after_step: int = 0) -> None:
        """Begin. `number`: of the source. `begin`: the rows that end at this offset or before are passed over."""
        self.first_byte = 0  # the header is needed
        self._number = number
        self._parser = JsonParser(after_step)
        self._begin = begin
        self._num_taken = 0  # rows that were taken or passed over
        self._has_taken = False
        self._begin_anew()

    def _begin_anew(self) -> None:
        self._lines = Lines()
        self._columns: list[str] = []
        self._separator = ","
        self._row = 0

    @property
    def notes(self) -> list[str]:
        """What a person is to be told."""
        return self._parser.notes

    def feed(self, piece: bytes) -> list[Found]:
        """Return the rows that end within the next bytes."""
        return self._take(self._lines.split(piece))

    def finish(self) -> list[Found]:
        """Return a last row without an end."""
        return self._take(self._lines.finish())

    def begin_again(self) -> bool:
        """Go on at the start of a file that was written anew; False if this is another table.

        If rows were there before the attempt began, and none has come since, the script has begun another table.
        """
        if self._begin and not self._has_taken:
            return False
        self._begin = 0
        self._begin_anew()
        return True

    def _take(self, lines: list[Line]) -> list[Found]:
        found = []
        for line, end in lines:
            if not self._columns:
                line = line.removeprefix(BYTE_ORDER_MARK)
                self._separator = next((sign for sign in ",;\t" if sign.encode() in line), ",")
            cells = _cells(line, self._separator)
            if not self._columns:
                if any(cell.strip()[:1].isalpha() for cell in cells):
                    self._columns = [name.strip() for name in cells[:_MOST_COLUMNS]]
                continue
            self._row += 1
            if self._row <= self._num_taken:
                continue
            self._num_taken = self._row
            if end <= self._begin:
                continue
            self._has_taken = True
            if len(cells) != len(self._columns):
                continue
            if self._separator == ";":
                cells = [cell.replace(",", ".") for cell in cells]
            values = {name: _plain(name, cell.strip()) for name, cell in zip(self._columns, cells, strict=True)}
            if (taken := self._parser.take(values)) is not None:
                found.append(Found(*taken, (self._number, self._row)))
        return found


def _plain(name: str, cell: str) -> Any:
    """Return a cell; of a step that pandas has written as `12.0`, the text `12`."""
    return cell.removesuffix(".0") if name in STEP_KEYS else cell


def _cells(line: bytes, separator: str) -> list[str]:
    try:
        return next(csv.reader([line.decode(errors="replace")], delimiter=separator), [])
    except csv.Error:  # a cell of more than 128 kB
        return []
