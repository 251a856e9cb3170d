"""Reads the records of an experiment into a `RecordSummary`, and keeps the summary of a long record file beside it.

    outcome/records/wide.jsonl      every record, 300 MB
    outcome/summaries/wide.json     the summary of its first 290 MB

The next reader takes the summary from its file and reads only the records after it, so that a plan, a status or a
report of a finished experiment reads no record twice. A summary file is a cache: it may be deleted at any time. It
counts only for a record file that begins, and has before that place, the same bytes.
"""

from __future__ import annotations

import base64
import contextlib
import json
import math
import os
import sys
import zlib
from array import array
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from launcher.store import values
from launcher.store.files import AnyPath, open_to_read, read
from launcher.store.last_records import LastRecords
from launcher.store.paths import write_atomic
from launcher.store.record_summary import Cuts, RecordSummary, Straddles
from launcher.store.records import Record, RecordReader, has_envelope, tidy, unreadable
from launcher.store.series import Cell, Series, packed

FORMAT = 3
WORTH_KEEPING_BYTES = 2 << 20  # a shorter record file is read in a few hundredths of a second
WORTH_RENEWING = 1.1  # a summary is written again when the record file has become larger by this factor
_PROBE_BYTES = 512  # of the record file that are compared, at its beginning and before the summary's end
_MOST_BYTES = 256 << 20
WRONG = (ValueError, TypeError, KeyError, AttributeError, OverflowError)  # what content of another form raises
_WHOLE = ("first", "last", "num", "low_step", "high_step", "num_bad", "first_bad", "bad_since", "bad_kinds")  # of cells
_NOT_NEGATIVE = ("num", "num_bad", "m2")
_FACTS = ("info", "total", "start", "end", "resumed_from", "phase", "attempt", "last_s", "before_s", "last_step")


class SummaryReader:
    """Keeps the summary of a record file that may grow. Each call of `read` adds the records that are new.

    `metrics`: those that have a series; None: all. `kept`: the file that keeps the summary; None: there is none. With
    `decodes_all`, the records that `read_new` returns have all their metrics as they were logged.
    """

    def __init__(
        self,
        path: AnyPath,
        metrics: Collection[str] | None = None,
        kept: Path | None = None,
        *,
        decodes_all: bool = False,
    ) -> None:
        self.path = path if isinstance(path, Path) else Path(path)
        self._decodes_all = decodes_all
        self._metrics = None if metrics is None else tuple(dict.fromkeys(metrics))
        self._kept = kept
        self._kept_bytes = 0  # of the record file, that the kept summary has
        self._inode: int | None = None  # None: the file was not read yet
        self._begin({})

    def read(self, known: LastRecords | None = None) -> RecordSummary:
        """Add the records that are new, and return the summary. It is empty if the file is missing or unreadable.

        `RecordSummary.obstacle` says why a file cannot be read. `known`: all its records; it is not opened then.
        """
        if known is not None:
            self.read_new(known)
            return self.summary
        try:
            with self._opened() as fd:
                if self._is_of_another_file(fd):
                    self._begin({})
                if fd is not None:
                    self._add_all(fd, None)
        except OSError as error:
            self.summary.obstacle = unreadable(self.path, error)
        return self.summary

    def read_new(self, last: LastRecords | None = None) -> list[Record]:
        """Add the records that are new to the summary, and return them; none if the file is missing or unreadable.

        `last`: the last of the file, if it is complete; it is opened if others before are new.
        """
        found = self._reader.read_last(last) if last is not None else None
        try:
            if found is None:
                with self._opened() as fd:
                    found = list(self._reader.read_open(fd)) if fd is not None else []
            self._add_found(found)
        except OSError as error:
            self.summary.obstacle = unreadable(self.path, error)
        return found or []

    @contextlib.contextmanager
    def _opened(self) -> Iterator[int | None]:
        """Open the record file, once for each reading. Give its descriptor; None if there is no file."""
        try:
            fd = open_to_read(self.path)
        except (FileNotFoundError, NotADirectoryError):
            yield None
            return
        try:
            if self._inode is None and self._kept is not None:
                self._take_kept(self._kept, fd)
            yield fd
            self._inode = os.fstat(fd).st_ino
        finally:
            os.close(fd)

    def follow(self, path: Path) -> None:
        """Continue to read the same file under its new path, after it was moved."""
        self.path = path
        self._reader.follow(path)

    @property
    def is_long(self) -> bool:
        """The record file is long enough for its summary to be kept."""
        return self._kept is not None and self._reader.offset >= WORTH_KEEPING_BYTES

    def keep(self) -> None:
        """Write the summary into its file, if that saves the next reader much. A disk that is full is no error."""
        offset = self._reader.offset
        if self._kept is None or self.summary.obstacle or not self.is_long:
            return
        has_grown = offset >= self._kept_bytes * WORTH_RENEWING
        if not has_grown and (self.summary.end is None or offset == self._kept_bytes):
            return
        with contextlib.suppress(OSError, ValueError):
            content = _to_json(self.summary, offset, _probe_at(self.path, offset))
            self._kept.parent.mkdir(exist_ok=True)
            write_atomic(self._kept, json.dumps(content))
            self._kept_bytes = offset

    def _is_of_another_file(self, fd: int | None) -> bool:
        """Return whether a new file has come in the place of the file that was read, as when all is begun anew."""
        if fd is None:
            return bool(self._reader.offset)
        found = os.fstat(fd)
        return self._inode not in (None, found.st_ino) or found.st_size < self._reader.offset

    def _begin(self, cuts: Cuts) -> None:
        self.summary = RecordSummary(metrics=self._metrics, cuts=cuts)
        self._reader = self._new_reader()

    def _new_reader(self, start: int = 0) -> RecordReader:
        return RecordReader(self.path, None if self._decodes_all else self._metrics, start)

    def _add_found(self, records: list[Record]) -> None:
        """Add records that were read; make the summary anew where an attempt replaces a part of a cell."""
        try:
            self.summary.add_all(records)
        except Straddles as straddles:
            offset = self._reader.offset
            self._begin(straddles.cuts)
            with self._opened() as fd:
                if fd is not None:
                    self._add_all(fd, offset)

    def _add_all(self, fd: int, until: int | None) -> None:
        """Add the records that are new; begin again where an attempt replaces a part of a cell."""
        while True:
            try:
                self.summary.add_all(self._reader.read_open(fd, until))
                return
            except Straddles as straddles:
                self._begin(straddles.cuts)

    def _take_kept(self, kept: Path, fd: int) -> None:
        """Begin with the summary that is kept, if there is one. Of a short record file none is kept, nor looked for."""
        if os.fstat(fd).st_size < WORTH_KEEPING_BYTES:
            return
        with contextlib.suppress(OSError, *WRONG):
            content = values.load(read(kept, _MOST_BYTES))
            offset = content["offset"]
            if (
                content["format"] != FORMAT
                or content["byteorder"] != sys.byteorder
                or content["probe"] != _probe(fd, offset)
            ):
                return
            summary = _from_json(content, self._metrics)
            if summary is None:
                return
            self.summary, self._kept_bytes = summary, offset
            self._reader = self._new_reader(offset)


def read_summary(path: AnyPath, metrics: Collection[str] | None = None, kept: Path | None = None) -> RecordSummary:
    """Return the summary of a record file. See `SummaryReader`."""
    return SummaryReader(path, metrics, kept).read()


def _probe_at(path: Path, offset: int) -> list[int]:
    """Return what `_probe` returns, of the file at a path."""
    fd = open_to_read(path)
    try:
        return _probe(fd, offset)
    finally:
        os.close(fd)


def _probe(fd: int, offset: int) -> list[int]:
    """Return checksums of the beginning of a file, and of its bytes before a place; ValueError if it is shorter."""
    if type(offset) is not int or not 0 < offset <= os.fstat(fd).st_size:
        raise ValueError("the file is shorter")
    head = os.pread(fd, min(_PROBE_BYTES, offset), 0)
    tail = os.pread(fd, min(_PROBE_BYTES, offset), max(0, offset - _PROBE_BYTES))
    return [zlib.crc32(head), zlib.crc32(tail)]


def _to_json(summary: RecordSummary, offset: int, probe: list[int]) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "offset": offset,
        "probe": probe,
        "byteorder": sys.byteorder,
        "metrics": None if summary.metrics is None else list(summary.metrics),
        "facts": {name: getattr(summary, name) for name in (*_FACTS, "first_step")},
        "logged": list(summary.logged),
        "times": _series_to_json(summary.times),
        "series": {name: _series_to_json(series) for name, series in summary.series.items()},
    }


def _series_to_json(series: Series) -> dict[str, Any]:
    return {
        "first": series.first,
        "width": series.width,
        "steps": _column_to_json(series.steps),
        "values": _column_to_json(series.values),
        "cells": [_column_to_json(column) for column in zip(*series.cells, strict=True)],
    }


def _column_to_json(column: Sequence[float]) -> dict[str, str] | list[float]:
    """Return numbers as JSON: floats and ints of 64 bits by their bytes, which are read much faster than text."""
    numbers = packed(column)
    if isinstance(numbers, array):
        return {numbers.typecode: base64.b64encode(numbers.tobytes()).decode()}
    return list(column)


def _from_json(content: Mapping[str, Any], metrics: Collection[str] | None) -> RecordSummary | None:
    """Return the summary in a file's content; None if it lacks a metric.

    Raises:
        WRONG: the content is not that of a summary.
    """
    kept = content["metrics"]
    has_all = kept is None or (metrics is not None and set(metrics) <= set(values.texts(kept)))
    if not has_all:
        return None
    summary = RecordSummary(metrics=None if metrics is None else tuple(metrics))
    facts = content["facts"]
    for name in ("resumed_from", "attempt", "last_step"):
        setattr(summary, name, _right(values.whole(facts[name], least=-values.MOST)))
    for name in ("last_s", "before_s"):
        setattr(summary, name, _right(values.finite(facts[name], least=0)))
    summary.phase = str(facts["phase"])
    summary.total = None if facts["total"] is None else _right(values.whole(facts["total"]))
    first = facts["first_step"]
    summary.first_step = None if first is None else _right(values.whole(first, least=-values.MOST))
    for name in ("start", "end"):
        record = facts[name]
        setattr(summary, name, None if record is None else _right(tidy(record) if has_envelope(record) else None))
    summary.info = {key: value for key, value in facts["info"].items() if isinstance(value, str | int | float)}
    summary.note(values.texts(content["logged"]))
    summary.times = _series_from_json(content["times"])
    wanted = content["series"] if metrics is None else [name for name in content["series"] if name in metrics]
    summary.series = {name: _series_from_json(content["series"][name]) for name in wanted}
    return summary


def _series_from_json(content: Mapping[str, Any]) -> Series:
    series = Series()
    columns = [_column(column) for column in content["cells"]]
    series.steps, series.values = _column(content["steps"]), _column(content["values"])
    series.first, series.width = _column([content["first"], content["width"]])
    series.cells = [*map(Cell._make, zip(*columns, strict=True))]
    _check(series)
    return series


def _check(series: Series) -> None:
    """Raise one of WRONG if no values could have made this series."""
    columns = dict(zip(Cell._fields, zip(*series.cells, strict=True), strict=bool(series.cells)))
    for whole in (series.steps, [series.width], *(columns[name] for name in _WHOLE if columns)):
        array("q", whole)  # raises if one is no int of 64 bits
    if any(min(columns[name]) < 0 for name in _NOT_NEGATIVE if columns) or series.width < 1:
        raise ValueError("a count or a sum of squares is negative")
    steps = [*columns.get("last", ()), *series.steps]
    if len(series.steps) != len(series.values) or steps != sorted(set(steps)):
        raise ValueError("a series is not in order")


def _column(column: Any) -> list[Any]:
    """Return the numbers of a column.

    Raises:
        ValueError: these are no numbers.
    """
    if isinstance(column, dict):
        ((code, data),) = column.items()
        if code not in ("d", "q"):
            raise ValueError("neither floats nor ints")
        numbers = array(code)
        numbers.frombytes(base64.b64decode(data, validate=True))
        return numbers.tolist()
    if not isinstance(column, list) or any(values.real(number) is None for number in column):
        raise ValueError("not a list of numbers")
    return column


def _right(value: Any) -> Any:
    if value is None or (isinstance(value, float) and math.isnan(value)):
        raise ValueError("a fact is wrong")
    return value
