"""The record files: each worker appends its records to a file, and the launcher reads the file while it grows.

    worker process                          ┊            launcher process
    run.log(step, loss=…) ─▶ RecordWriter ──┊─▶ outcome/records/<experiment>.jsonl ─▶ RecordReader ─▶ history
                             one os.write   ┊   append only, the truth

When `RecordWriter.write` returns, the record survives the death of any process: the kernel has it. No buffer, thread or
lock of another process is involved. If a worker is killed during a write, the last line of the file is torn: it has no
end. Readers ignore a torn line, and the next writer cuts it off. The worker wakes the launcher by a byte on a pipe,
called the bell. The byte carries no data, so a lost byte does no harm. A file has a single writing process: all threads
of the worker may write, but processes that it forks may not.

A record is a line of strict JSON. Every record has `n` (its number in the file, from 1), `attempt` and `at_s` (seconds
since the attempt began). A record that was found in a file of a script has `@src` too: the number of the source, and
the offset in its file behind what the record says. The other fields depend on the kind of the record:

    step, <metric>…     a step's metrics: floats (NaN and infinities as the strings "nan", "inf", "-inf"), ints, strings
    kind = "start"      a new attempt: digest, device, threads, pid
    kind = "total"      steps: how many are expected
    kind = "info"       facts about the experiment, such as its number of parameters
    kind = "passed_over" num: how many checkpoints cannot be used; checkpoint, why: the newest of them and the reason;
                        step: of the older checkpoint that is used instead, if there is such a checkpoint
    kind = "resume"     step: of the checkpoint from which the attempt continues
    kind = "phase"      phase: the work that is not a step, such as writing a checkpoint, or the teardown at the end
    kind = "follows"    sources: where a script's metrics are looked for, as JSON (`launcher.sources`)
    kind = "source"     source, path, begin, is_cut: a source that was found meanwhile
    kind = "note"       text: what a person is to be told
    kind = "touched"    file: the path of a file that changed while a script ran
    kind = "end"        ending, and facts about it: the last record of an attempt, unless the worker was killed
"""

from __future__ import annotations

import contextlib
import json
import math
import os
import re
import weakref
from _thread import RLock  # `threading` would run code of its own in each process that is forked
from collections.abc import Collection, Iterator, Mapping
from math import isfinite
from os import write as write_to
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Any, TypeGuard

import orjson
from orjson import dumps as to_json

from launcher.store import values
from launcher.store.ending import EndingKind
from launcher.store.files import (
    CHUNK_BYTES,
    LINE_BYTES,
    AnyPath,
    LineSplitter,
    open_in_folder,
    open_to_read,
    truncate_torn_line,
)

if TYPE_CHECKING:
    from launcher.store.last_records import LastRecords

SOURCE = "@src"
ENVELOPE = frozenset({"n", "attempt", "at_s", "kind", "step", SOURCE})
_SPECIAL = {"nan": math.nan, "inf": math.inf, "-inf": -math.inf}
INTEGER_LIMIT_BITS = 1 << 12  # Python may refuse to read a longer number from text: sys.set_int_max_str_digits
BELL_INTERVAL_S = 0.01  # the least time between two rings; the reader also looks by itself a few times a second

_ABSENT = object()
_NOT_OURS = -1  # no descriptor: a write to it fails, so `write` need not test at each record whether it may write
_FOREIGN = (
    "process {} was started by the training function, and only the process that was given run records with it. "
    "Send what is to be logged to that process (multiprocessing.Queue)"
)

Record = dict[str, Any]
_OPTIONS = orjson.OPT_APPEND_NEWLINE | orjson.OPT_PASSTHROUGH_SUBCLASS | orjson.OPT_PASSTHROUGH_DATETIME
_LONG_INTEGER = re.compile(rb"\d{19}")
_PLAIN = frozenset({str, int, bool})
_INEXACT = 2.0**63  # a larger float may be an integer that orjson has rounded


class RecordWriter:
    """Appends records to the file of an experiment. It belongs to a single process, whose threads may share it."""

    def __init__(self, path: AnyPath, attempt: int, bell_fd: int | None = None, elapsed_s: float = 0.0) -> None:
        """Open the file of an experiment for an attempt, which began `elapsed_s` ago."""
        self._fd = open_in_folder(path)
        truncate_torn_line(self._fd)
        is_new = os.fstat(self._fd).st_size == 0
        self._next_n = 1 if is_new else 1 + max((record["n"] for record in RecordReader(path).read()), default=0)
        self._attempt = attempt
        self._began_s = monotonic() - elapsed_s
        self._bell_fd = bell_fd  # a non-blocking pipe
        # Nobody waits for the first record, which says only that the attempt has begun.
        self._ring_at_s = math.inf if bell_fd is None else monotonic() + BELL_INTERVAL_S
        self._lock = RLock()  # a signal handler may write while its own thread does
        self.num_unwritten = 0  # records
        self.error: OSError | None = None  # why the newest of the unwritten records was not written
        _writers.append(weakref.ref(self, _writers.remove))

    def write(self, fields: Mapping[str, Any], step: int | None = None, source: tuple[int, int] | None = None) -> None:
        """Append a record. When this returns, the death of a process can no longer lose the record.

        `fields`: the metrics of a step, or a `kind` and its values.
        `step`: the step of the metrics; None if `fields` has a `kind`.
        `source`: the number of the file that says so, and the offset behind it; None: nobody but the caller says so.
        The training waits for this call, so a usual record, of finite numbers, is written without any helper function.

        Raises:
            OSError: the record could not be written, as on a full disk. The file is unchanged.
            TypeError: a value is not a number or string.
            ValueError: a metric has a reserved name, or a number or the whole record is too large.
            RuntimeError: this process was forked from the process that writes.
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
                    if len(record) != len(fields) + 4 or "kind" in fields:  # a metric has the name of a field above
                        raise reserved_names("run.log", fields)
                if source is not None:
                    record[SOURCE] = source
                try:
                    line = to_json(record, None, _OPTIONS)
                    # orjson writes NaN as null, and accepts lists. `sum` is a fast test for finite numbers: it raises
                    # TypeError for text and lists, and its result is not finite if any value is not.
                    is_right = isfinite(sum(fields.values())) if step is not None else _is_plain(fields, line)
                    if not (is_right and line.isascii()):
                        line = _encode(record)
                except (TypeError, OverflowError):  # text, an array, a tensor, an integer beyond 64 bits
                    line = _encode(record)
                if n == self._next_n:  # if not, a signal handler has written record n in this thread: take the next n
                    break
            self._next_n = n + 1  # no call between this and the write: a signal handler might write during a call
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
        """Wake the reader. Errors are ignored: training goes on if the pipe is full or the launcher has ended."""
        if self._bell_fd is not None:
            with contextlib.suppress(OSError):
                os.write(self._bell_fd, b"!")

    def hush(self) -> None:
        """Ring no more: the reader will see soon that this process has ended, and reads what is left then."""
        self._bell_fd, self._ring_at_s = None, math.inf

    def close(self) -> None:
        """Release the file."""
        os.close(self._fd)

    def __reduce__(self) -> tuple[Any, ...]:
        """Make the pickled copy a writer that refuses to write, because a file has a single writing process."""
        return _foreign, ()

    def _disown(self) -> None:
        """Stop writing, in a forked process. The lock is replaced: a thread of the parent may have held it."""
        self._fd = _NOT_OURS
        self._lock = RLock()

    def _complete(self, data: bytes, written: int) -> None:
        """Write the rest of a record of which the kernel took only a part. If this fails, remove the part."""
        start = os.lseek(self._fd, 0, os.SEEK_END) - written
        try:
            while written < len(data):
                written += os.write(self._fd, data[written:])
        except OSError:
            os.ftruncate(self._fd, start)
            raise


_writers: list[weakref.ref[RecordWriter]] = []  # of this process


def _disown_all() -> None:
    for writer in _writers:
        if (found := writer()) is not None:
            found._disown()


os.register_at_fork(after_in_child=_disown_all)


def _foreign() -> RecordWriter:
    """Return a writer that refuses to write."""
    writer = RecordWriter.__new__(RecordWriter)
    writer._next_n = writer._attempt = 1
    writer._began_s = 0.0
    writer._disown()
    return writer


def _is_plain(fields: Mapping[str, Any], line: bytes) -> bool:
    """Return whether orjson has written the fields of a record that has a `kind` as `json` would: not so for NaN."""
    return _PLAIN.issuperset(map(type, fields.values())) and len(line) <= LINE_BYTES


def _encode(record: Record) -> bytes:
    """Return the line of a record with any allowed values, made by `json`: this takes ten times as long as orjson.

    Raises:
        TypeError, ValueError: for the reasons that `RecordWriter.write` lists.
    """
    encodable = {key: value if key == SOURCE else _encodable(key, value) for key, value in record.items()}
    data = json.dumps(encodable, allow_nan=False).encode() + b"\n"
    if len(data) > LINE_BYTES:  # only text makes a record so long, and text always comes here
        raise ValueError(f"a record of {len(data):,} bytes; one has at most {LINE_BYTES:,}. Write a file instead.")
    return data


def _decode_exactly(line: bytes, decoded: Record) -> Record:
    """Return a decoded record in which every integer is exact: orjson makes a float of an integer beyond 64 bits."""
    return dict(values.load(line)) if _LONG_INTEGER.search(line) else decoded


def _encodable(key: str, value: Any) -> Any:
    """Return the JSON form of a metric: NaN as "nan", infinity as "inf", an array of a single number as the number."""
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
    """Return the error for values whose names are fields of every record. `call`: the function to name in it."""
    return ValueError(f"{call}: {', '.join(sorted(ENVELOPE & values.keys()))} is a reserved name")


def _parse(line: bytes, metrics: Collection[str] | None = None) -> Record | None:
    """Return the record on a line; None if the line holds anything else.

    `metrics`: in a step's record, only the values of these metrics are checked and decoded; None: of all metrics.
    """
    try:
        record = orjson.loads(line)
    except orjson.JSONDecodeError:
        record = values.load_object(line)  # the line may have a number that orjson does not read
    if not has_envelope(record):
        return None
    if "kind" in record or (step := record.get("step", _ABSENT)) is _ABSENT:
        return tidy(_decode_exactly(line, record))
    if type(step) is not int or not -values.MOST <= step <= values.MOST:
        return None
    for key in record if metrics is None else metrics:
        value = record.get(key)
        if type(value) is float:
            if value > _INEXACT or value < -_INEXACT:
                record[key] = _decode_exactly(line, record)[key]
        elif isinstance(value, str):
            if value in _SPECIAL:
                record[key] = _SPECIAL[value]
        elif isinstance(value, dict | list) and key != SOURCE:
            record[key] = None
    return record


def has_envelope(record: Any) -> TypeGuard[Record]:
    """Return whether a value has the fields of every record, with right values: `n`, `attempt` and `at_s`."""
    if type(record) is not dict:
        return False
    try:
        n, attempt, at_s = record["n"], record["attempt"], record["at_s"]
    except KeyError:
        return False
    if type(n) is not int or type(attempt) is not int or (type(at_s) is not float and type(at_s) is not int):
        return False
    return 0 < n <= values.MOST and 0 < attempt <= values.MOST and 0 <= at_s <= values.LONGEST_S


def tidy(record: Record) -> Record | None:
    """Return a record that is not of a step, with checked fields; None if a field that readers need is wrong.

    Other wrong fields are left out. A record of an unknown kind is returned unchanged: a newer version may have written
    it. Example: an "end" without a known ending gives None, but a wrong peak in it is only left out.
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
            return {
                key: value for key, value in record.items() if isinstance(value, str | int | float) or key == SOURCE
            }
        case "end":
            is_right = EndingKind.from_text(record.get("ending")) is not None
            peaks = [key for key in record if key.startswith("peak_") and values.finite(record[key], least=0) is None]
            wrong = {*peaks, *(["error"] if not isinstance(record.get("error", ""), str) else [])}
            record = {key: value for key, value in record.items() if key not in wrong}
        case None:
            is_right = "step" not in record  # `kind: null` in a step's record is wrong
        case _:
            is_right = True
    return record if is_right else None


def unreadable(path: AnyPath, error: OSError) -> str:
    """Return why a record file cannot be read, without a full stop."""
    return f"{path} cannot be read: {error.strerror}"


class RecordReader:
    """Reads a record file while it grows. Each call of `read` yields the records that are new. No writer ever waits.

    `metrics`: the metrics of steps that the caller will use; None: all. With few metrics, reading takes half the time.
    `start`: where to begin in the file, in bytes: at the beginning of a line.
    """

    def __init__(self, path: AnyPath, metrics: Collection[str] | None = None, start: int = 0) -> None:
        self._path = path
        self._metrics = metrics
        self._offset = start
        self._lines = LineSplitter()
        self.num_bad_lines = 0

    @property
    def offset(self) -> int:
        """The end of the last whole line that was read, in bytes from the beginning of the file."""
        return self._offset - self._lines.num_torn_bytes

    def follow(self, path: Path) -> None:
        """Continue to read the same file under its new path, after it was moved."""
        self._path = path

    def read(self, until: int | None = None) -> Iterator[Record]:
        """Yield the complete records appended since the last call; nothing if the file is missing.

        `until`: read no byte of the file from there on.

        Raises:
            OSError: the path does not lead to an ordinary file, or the file cannot be read.
        """
        try:
            fd = open_to_read(self._path)
        except (FileNotFoundError, NotADirectoryError):
            return
        try:
            yield from self.read_open(fd, until)
        finally:
            os.close(fd)

    def read_open(self, fd: int, until: int | None = None) -> Iterator[Record]:
        """Yield what `read` yields, from the file when it is open already."""
        if self._lines.num_torn_bytes and os.fstat(fd).st_size != self._offset:
            self._offset -= self._lines.forget_torn()  # the writer of a new attempt cuts it off
        most = 1 << 62 if until is None else until
        while piece := os.pread(fd, max(0, min(CHUNK_BYTES, most - self._offset)), self._offset):
            yield from self._records(piece)

    def read_last(self, last: LastRecords) -> list[Record] | None:
        """Return what `read` would yield of a file that is complete; None if records before these were not read."""
        self._offset -= self._lines.forget_torn()
        if not last.start <= self._offset <= last.start + len(last.lines):
            return None
        return list(self._records(last.lines[self._offset - last.start :]))

    def _records(self, piece: bytes) -> Iterator[Record]:
        """Yield the records that are complete with the next piece of the file."""
        self._offset += len(piece)
        metrics = self._metrics
        for line in self._lines.split(piece):
            if (record := _parse(line, metrics)) is not None:
                yield record
            elif line:
                self.num_bad_lines += 1
