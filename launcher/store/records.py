"""The record queue: durable, one file a worker, one writer, one reader.

    worker process                          ┊            launcher process
    run.log(step, loss=…) ─▶ RecordWriter ──┊─▶ outcome/records/<experiment>.jsonl ─▶ RecordReader ─▶ history
                             one os.write   ┊   append only, the truth

When `write` returns, the record survives the death of any process: it is in the kernel, and no lock, thread or buffer
of either side is on its way. A write cut short by a kill leaves a torn last line, which readers do not see and the next
writer cuts off. A byte on a pipe, the bell, wakes the reader; it carries nothing and may be lost. The worker's threads
may all write. Its forked children may not: a file has one writer.

A record is one line of strict JSON. All have `n` (its number in the file, from 1), `attempt`, `at_s` (seconds since the
attempt began). What else it has tells its kind:

    step, <metric>…     a step's metrics: floats (NaN and infinities as the strings "nan", "inf", "-inf"), ints, strings
    kind = "start"      a new attempt: digest, device, threads, pid
    kind = "total"      steps: how many are expected
    kind = "info"       facts about the experiment, such as parameters
    kind = "passed_over" checkpoint, why, num: checkpoints that cannot be used; step: of the one before them, if any can
    kind = "resume"     step: the checkpoint the attempt goes on from
    kind = "phase"      phase: what it does now, where that is no step: a checkpoint, its teardown
    kind = "end"        ending and what is known about it: the worker's last word
"""

from __future__ import annotations

import contextlib
import json
import math
import os
import re
import threading
import weakref
from collections.abc import Collection, Iterator, Mapping
from math import isfinite
from os import write as write_to
from pathlib import Path
from time import monotonic
from typing import Any, TypeGuard

import orjson
from orjson import dumps as to_json

from launcher.store import values
from launcher.store.ending import EndingKind
from launcher.store.files import CHUNK_BYTES, LINE_BYTES, LineSplitter, open_to_append, open_to_read, truncate_torn_line

ENVELOPE = frozenset({"n", "attempt", "at_s", "kind", "step"})
_SPECIAL = {"nan": math.nan, "inf": math.inf, "-inf": -math.inf}
INTEGER_LIMIT_BITS = 1 << 12  # beyond that Python itself refuses to turn text into a number, depending on its settings
BELL_INTERVAL_S = 0.01  # a worker rings at most this often; the reader also looks by itself a few times a second

_NOT_OURS = -1  # in the place of a descriptor; nothing need be tested at each record, as a write to it fails
_FOREIGN = (
    "process {} was started by the training function, and only the process that was given run records with it. "
    "Send what is to be logged to that process (multiprocessing.Queue)"
)

Record = dict[str, Any]
_OPTIONS = orjson.OPT_APPEND_NEWLINE | orjson.OPT_PASSTHROUGH_SUBCLASS | orjson.OPT_PASSTHROUGH_DATETIME
_LONG_INTEGER = re.compile(rb"\d{19}")
_INEXACT = 2.0**63  # a float beyond it may be an integer that orjson has rounded


class RecordWriter:
    """The writing end, owned by one worker process; its threads may share it."""

    def __init__(self, path: Path, attempt: int, bell_fd: int | None = None) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._fd = open_to_append(path)
        truncate_torn_line(self._fd)
        self._next_n = 1 + max((record["n"] for record in RecordReader(path).read()), default=0)
        self._attempt = attempt
        self._began_s = monotonic()
        self._bell_fd = bell_fd  # a non-blocking pipe
        self._ring_at_s = math.inf if bell_fd is None else 0.0
        self._lock = threading.RLock()  # a signal handler may write while its own thread does
        self.num_unwritten = 0  # records
        self.error: OSError | None = None  # why the newest of those was not
        ours = weakref.WeakMethod(self._disown)
        os.register_at_fork(after_in_child=lambda: (disown := ours()) and disown())

    def write(self, fields: Mapping[str, Any], step: int | None = None) -> None:
        """Append one record, of a step if one is given; when this returns, no process death can lose it.

        Training waits for this, so the usual record of finite numbers passes through no other function of ours.

        Raises:
            OSError: it could not be written (disk full); the file is as it was before.
            TypeError: a value is not a number or string.
            ValueError: a metric has a reserved name, or a number or the whole record is too large.
            RuntimeError: this process was forked by the one that writes.
        """
        self._lock.acquire()  # `with` takes twice as long
        try:
            while True:
                now_s, n = monotonic(), self._next_n
                at_s = (now_s - self._began_s) * 1e6 // 1.0 / 1e6  # whole microseconds
                if step is None:
                    record = {"n": n, "attempt": self._attempt, "at_s": at_s, **fields}
                else:
                    record = {"n": n, "attempt": self._attempt, "at_s": at_s, "step": step, **fields}
                    if len(record) != len(fields) + 4 or "kind" in fields:  # a metric replaced one of the four
                        raise reserved_names("run.log", fields)
                try:
                    line = to_json(record, None, _OPTIONS)
                    # orjson writes NaN as null, and takes lists. The sum shows in one call that all are finite numbers:
                    # it raises TypeError for anything else, and is not finite if one of them is not.
                    if not (isfinite(sum(fields.values())) and line.isascii()):
                        line = _encode(record)
                except (TypeError, OverflowError):  # text, an array, a tensor, an integer beyond 64 bits
                    line = _encode(record)
                if n == self._next_n:  # else a signal handler of this thread has written a record meanwhile
                    break
            self._next_n = n + 1  # no call stands before the write: in a call, a signal handler might write a record
            if (written := write_to(self._fd, line)) != len(line):
                self._complete(line, written)
            if now_s >= self._ring_at_s:
                self._ring_at_s = now_s + BELL_INTERVAL_S
                self.ring()
        except OSError as error:
            self._count_unwritten(error)
            raise
        finally:
            self._lock.release()

    def _count_unwritten(self, error: OSError) -> None:
        self._next_n -= 1
        if self._fd == _NOT_OURS:
            raise RuntimeError(_FOREIGN.format(os.getpid())) from None
        self.num_unwritten += 1
        self.error = error

    def ring(self) -> None:
        """Wake the reader. A bell nobody answers (full pipe, launcher gone) is no reason to stop training."""
        if self._bell_fd is not None:
            with contextlib.suppress(OSError):
                os.write(self._bell_fd, b"!")

    def close(self) -> None:
        """Release the file."""
        os.close(self._fd)

    def __reduce__(self) -> tuple[Any, ...]:
        """Become, in the process this is sent to, a writer that refuses to write: a file has one."""
        return _foreign, ()

    def _disown(self) -> None:
        """In a forked child: write no more. Another thread of the parent may have held its lock."""
        self._fd = _NOT_OURS
        self._lock = threading.RLock()

    def _complete(self, data: bytes, written: int) -> None:
        """Write the rest of a record the kernel took only part of, or take the part back."""
        start = os.lseek(self._fd, 0, os.SEEK_END) - written
        try:
            while written < len(data):
                written += os.write(self._fd, data[written:])
        except OSError:
            os.ftruncate(self._fd, start)
            raise


def _foreign() -> RecordWriter:
    """Return a writer that refuses to write."""
    writer = RecordWriter.__new__(RecordWriter)
    writer._next_n = writer._attempt = 1
    writer._began_s = 0.0
    writer._disown()
    return writer


def _encode(record: Record) -> bytes:
    """Return a record of any allowed values as a line, by json, which takes ten times as long as orjson.

    Raises:
        TypeError, ValueError: as `RecordWriter.write`.
    """
    data = json.dumps({key: _encodable(key, value) for key, value in record.items()}, allow_nan=False).encode() + b"\n"
    if len(data) > LINE_BYTES:  # numbers alone never are: only here there is text
        raise ValueError(f"a record of {len(data):,} bytes; one has at most {LINE_BYTES:,}. Write a file instead.")
    return data


def _decode_exactly(line: bytes, decoded: Record) -> Record:
    """Return a decoded record with every integer as it was written: orjson makes a float of one beyond 64 bits."""
    return dict(values.load(line)) if _LONG_INTEGER.search(line) else decoded


def _encodable(key: str, value: Any) -> Any:
    """Return the JSON form of a metric: non-finite floats as strings, zero-dimensional arrays as their number."""
    if not isinstance(value, str | int | float) and hasattr(value, "item"):
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return "nan" if math.isnan(value) else "inf" if value > 0 else "-inf"
    if isinstance(value, int) and value.bit_length() > INTEGER_LIMIT_BITS:
        raise ValueError(f"{key} is a number of {value.bit_length()} bits; a record holds {INTEGER_LIMIT_BITS} at most")
    if isinstance(value, str | int | float):
        return value
    raise TypeError(f"{key} is a {type(value).__name__}; a record holds floats, ints and strings")


def reserved_names(call: str, values: Mapping[str, Any]) -> ValueError:
    """Return the error for values that have names which a record uses itself."""
    return ValueError(f"{call}: {', '.join(sorted(ENVELOPE & values.keys()))} is a reserved name")


def _parse(line: bytes, metrics: Collection[str] | None = None) -> Record | None:
    """Return the record on a line, or None for anything that is not one.

    `metrics`: of a step, only the values of these are made ready for use; the others are not looked at.
    """
    try:
        record = orjson.loads(line)
    except orjson.JSONDecodeError:
        record = values.load_object(line)  # it may have a number beyond what orjson reads
    if not has_envelope(record):
        return None
    if "kind" in record or "step" not in record:
        return tidy(_decode_exactly(line, record))
    if type(step := record["step"]) is not int or not -values.MOST <= step <= values.MOST:
        return None
    for key in record if metrics is None else metrics:
        value = record.get(key)
        if type(value) is float:
            if value > _INEXACT or value < -_INEXACT:
                record[key] = _decode_exactly(line, record)[key]
        elif isinstance(value, str):
            if value in _SPECIAL:
                record[key] = _SPECIAL[value]
        elif isinstance(value, dict | list):
            record[key] = None
    return record


def has_envelope(record: Any) -> TypeGuard[Record]:
    """Say whether a value has what all records have: its number, its attempt, and when it was written."""
    if type(record) is not dict:
        return False
    n, attempt, at_s = record.get("n"), record.get("attempt"), record.get("at_s")
    if type(n) is not int or type(attempt) is not int or (type(at_s) is not float and type(at_s) is not int):
        return False
    return 0 < n <= values.MOST and 0 < attempt <= values.MOST and 0 <= at_s <= values.LONGEST_S


def tidy(record: Record) -> Record | None:
    """Return a record that is no step with every field as it must be; None if it is no record.

    What a reader can do without is left out where it is wrong. Kinds that are not known here stay as they are.
    """
    match record.get("kind"):
        case "start":
            texts, counts = ("digest", "device"), ("threads", "pid")
            is_right = all(isinstance(record.get(key, ""), str) for key in texts)
            is_right &= all(values.whole(record.get(key, 0)) is not None for key in counts)
        case "total":
            is_right = values.whole(record.get("steps")) is not None
        case "resume":
            is_right = values.whole(record.get("step")) is not None
        case "phase":
            is_right = isinstance(record.get("phase"), str)
        case "info":
            return {key: value for key, value in record.items() if isinstance(value, str | int | float)}
        case "end":
            is_right = EndingKind.from_text(record.get("ending")) is not None
            peaks = [key for key in record if key.startswith("peak_") and values.finite(record[key], least=0) is None]
            wrong = {*peaks, *(["error"] if not isinstance(record.get("error", ""), str) else [])}
            record = {key: value for key, value in record.items() if key not in wrong}
        case None:
            is_right = "step" not in record  # a step that is no whole number
        case _:
            is_right = True
    return record if is_right else None


class RecordReader:
    """The reading end: returns what has come since the last call, in large pieces; a writer never waits for it.

    `metrics`: of steps, only the values of these metrics will be used; None: all. Reading a few takes half the time.
    """

    def __init__(self, path: Path, metrics: Collection[str] | None = None) -> None:
        self._path = path
        self._metrics = metrics
        self._offset = 0
        self._lines = LineSplitter()
        self.num_bad_lines = 0

    def follow(self, path: Path) -> None:
        """Go on reading the same file, which has another path now."""
        self._path = path

    def read(self) -> Iterator[Record]:
        """Yield the complete records appended since the last call. A missing file has none.

        Raises:
            OSError: what is there is no file, or cannot be read.
        """
        try:
            fd = open_to_read(self._path)
        except (FileNotFoundError, NotADirectoryError):
            return
        metrics = self._metrics
        try:
            while piece := os.pread(fd, CHUNK_BYTES, self._offset):
                self._offset += len(piece)
                for line in self._lines.split(piece):
                    if (record := _parse(line, metrics)) is not None:
                        yield record
                    elif line:
                        self.num_bad_lines += 1
        finally:
            os.close(fd)
