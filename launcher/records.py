"""The record queue: durable, one file a worker, one writer, one reader. Also how records fold into a history.

    worker process                          ┊            launcher process
    run.log(step, loss=…) ─▶ RecordWriter ──┊─▶ outcome/records/<experiment>.jsonl ─▶ RecordReader ─▶ History
                             one os.write   ┊   append only, the truth

When `write` returns, the record survives the death of any process: it is in the kernel, and no lock, thread or buffer
of either side is on its way. A write cut short by a kill leaves a torn last line, which readers do not see and the next
writer cuts off. A byte on a pipe, the bell, wakes the reader; it carries nothing and may be lost.

A record is one line of strict JSON. All have `n` (its number in the file, from 1), `attempt`, `at_s` (seconds since the
attempt began). What else it has tells its kind:

    step, <metric>…     a step's metrics: floats (NaN and infinities as the strings "nan", "inf", "-inf"), ints, strings
    kind = "start"      a new attempt: digest, device, threads, pid, versions
    kind = "total"      steps: how many are expected
    kind = "info"       facts about the experiment, such as parameters
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
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson

ENVELOPE = frozenset({"n", "attempt", "at_s", "kind", "step"})
_SPECIAL = {"nan": math.nan, "inf": math.inf, "-inf": -math.inf}
ENDINGS = ("done", "failed", "out_of_memory", "killed", "hung", "diverged", "interrupted")
_CHUNK_BYTES = 1 << 20
BELL_INTERVAL_S = 0.01  # a worker rings at most this often; the reader also looks by itself a few times a second

Record = dict[str, Any]
_NOTHING: Record = {}
_OPTIONS = orjson.OPT_APPEND_NEWLINE | orjson.OPT_PASSTHROUGH_SUBCLASS | orjson.OPT_PASSTHROUGH_DATETIME
_LONG_INTEGER = re.compile(rb"\d{19}")


class RecordWriter:
    """The writing end, owned by one worker process."""

    def __init__(self, path: Path, attempt: int, bell_fd: int | None = None) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)
        mend(self._fd)
        self._n = max((record["n"] for record in RecordReader(path).read()), default=0)
        self._attempt = attempt
        self._began_s = time.monotonic()
        self._bell_fd = bell_fd  # a non-blocking pipe
        self._rung_s = 0.0

    def write(self, fields: Mapping[str, Any]) -> None:
        """Append one record; when this returns, no process death can lose it.

        Raises:
            OSError: it could not be written (disk full); the file is as it was before.
            TypeError: a value is not a number or string.
        """
        now_s = time.monotonic()
        at_s = round(now_s - self._began_s, 6)
        data = _encode({"n": self._n + 1, "attempt": self._attempt, "at_s": at_s, **fields})
        written = os.write(self._fd, data)
        if written != len(data):
            self._complete(data, written)
        self._n += 1
        if self._bell_fd is not None and now_s - self._rung_s > BELL_INTERVAL_S:
            self._rung_s = now_s
            self.ring()

    def ring(self) -> None:
        """Wake the reader. A bell nobody answers (full pipe, launcher gone) is no reason to stop training."""
        if self._bell_fd is not None:
            with contextlib.suppress(BlockingIOError, BrokenPipeError):
                os.write(self._bell_fd, b"!")

    def close(self) -> None:
        """Release the file."""
        os.close(self._fd)

    def _complete(self, data: bytes, written: int) -> None:
        """Write the rest of a record the kernel took only part of, or take the part back."""
        start = os.lseek(self._fd, 0, os.SEEK_END) - written
        try:
            while written < len(data):
                written += os.write(self._fd, data[written:])
        except OSError:
            os.ftruncate(self._fd, start)
            raise


def _encode(record: Record) -> bytes:
    """Return a record as a line: by orjson, ten times as fast, but for what that writes as null or bare Unicode."""
    try:
        line = orjson.dumps(record, option=_OPTIONS)
        if b"null" not in line and line.isascii():
            return line
    except TypeError:  # an integer beyond 64 bits, text that is no Unicode, an array
        pass
    return json.dumps({key: _encodable(key, value) for key, value in record.items()}, allow_nan=False).encode() + b"\n"


def _decode(line: bytes) -> Any:
    """Return what is on a line; json for what orjson refuses, or would round to a float.

    Raises:
        ValueError: it is not JSON.
        RecursionError: it is nested too deeply.
    """
    if not _LONG_INTEGER.search(line):
        with contextlib.suppress(orjson.JSONDecodeError):
            return orjson.loads(line)
    return json.loads(line)


def _encodable(key: str, value: Any) -> Any:
    """Return the JSON form of a metric: non-finite floats as strings, zero-dimensional arrays as their number."""
    if not isinstance(value, str | int | float) and hasattr(value, "item"):
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return "nan" if math.isnan(value) else "inf" if value > 0 else "-inf"
    if isinstance(value, str | int | float):
        return value
    raise TypeError(f"{key} is a {type(value).__name__}; a record holds floats, ints and strings")


def mend(fd: int) -> None:
    """Cut off a torn last line, the trace of a writer killed inside a write."""
    end = start = os.fstat(fd).st_size
    tail = b""
    while start > 0 and b"\n" not in tail:
        step = min(_CHUNK_BYTES, start)
        start -= step
        tail = os.pread(fd, step, start)
    whole = start + tail.rfind(b"\n") + 1
    if whole != end:
        os.ftruncate(fd, whole)


def _parse(line: bytes) -> Record | None:
    """Return the record on a line, or None for anything that is not one."""
    try:
        record = _decode(line)
    except (ValueError, RecursionError):
        return None
    if not (isinstance(record, dict) and isinstance(record.get("n"), int) and isinstance(record.get("attempt"), int)):
        return None
    if not isinstance(record.get("at_s"), float | int):
        return None
    if record.get("kind") == "end" and record.get("ending") not in ENDINGS:
        return None
    if "step" in record and "kind" not in record:
        if not isinstance(record["step"], int):
            return None
        for key, value in record.items():
            if isinstance(value, str) and value in _SPECIAL:
                record[key] = _SPECIAL[value]
    return record


class RecordReader:
    """The reading end: returns what has come since the last call, in large pieces; a writer never waits for it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._offset = 0
        self._torn = b""
        self.num_bad_lines = 0

    def read(self) -> Iterator[Record]:
        """Yield the complete records appended since the last call. A missing file has none."""
        try:
            file = self._path.open("rb", buffering=0)
        except (FileNotFoundError, NotADirectoryError):
            return
        with file:
            file.seek(self._offset)
            while piece := file.read(_CHUNK_BYTES):
                self._offset += len(piece)
                *lines, self._torn = (self._torn + piece).split(b"\n")
                for line in lines:
                    if (record := _parse(line)) is not None:
                        yield record
                    elif line:
                        self.num_bad_lines += 1


@dataclass
class History:
    """What the records of one experiment add up to. A reader sees each step exactly once.

    Within an attempt, metrics logged for one step are merged. A later attempt replaces what earlier ones recorded, from
    its own first step on.
    """

    steps: dict[int, Record] = field(default_factory=dict)  # step → metrics alone, in order of step
    info: Record = field(default_factory=dict)
    total: int | None = None
    start: Record | None = None
    end: Record | None = None  # of the newest attempt, if it had a last word
    resumed_from: int = 0
    phase: str = "in set-up"  # where the newest attempt is, or was when it ended
    attempt: int = 0
    last_s: float = 0.0  # when the newest attempt wrote its last record, since it began
    at_s: dict[int, float] = field(default_factory=dict)  # step → time spent until then, attempts summed; not if light
    before_s: float = 0.0  # time spent by the attempts before the newest
    is_light: bool = False  # remember which steps there are, not their metrics
    _fresh: bool = False  # the newest attempt has not logged a step yet

    def add(self, record: Record) -> None:
        """Take in the next record of the file."""
        if record["attempt"] > self.attempt:
            self.attempt, self._fresh, self.end, self.resumed_from = record["attempt"], True, None, 0
            self.phase = "in set-up"
            self.before_s += self.last_s
        self.last_s = record["at_s"]
        match record.get("kind"):
            case None if "step" in record:
                self._add_step(record)
            case "start":
                self.start = record
            case "total":
                self.total = steps if isinstance(steps := record.get("steps"), int) else None
            case "info":
                self.info |= {key: value for key, value in record.items() if key not in ENVELOPE}
            case "phase":
                self.phase = str(record.get("phase"))
            case "resume":
                self.resumed_from = record.get("step", 0)
            case "end":
                self.end = record

    def _add_step(self, record: Record) -> None:
        step = record["step"]
        self.phase = f"after step {step}"
        if self._fresh:
            self._fresh = False
            for later in [known for known in self.steps if known >= step and known > self.resumed_from]:
                del self.steps[later]
        if self.is_light:
            self.steps[step] = _NOTHING
        else:
            metrics = {key: value for key, value in record.items() if key not in ENVELOPE}
            self.steps[step] = self.steps.get(step, {}) | metrics
            self.at_s[step] = self.before_s + record["at_s"]

    @property
    def last_step(self) -> int:
        """The newest step recorded, 0 before the first."""
        return next(reversed(self.steps), 0)


def read_history(path: Path) -> History:
    """Return the history in a record file; an empty one if there is no file."""
    history = History()
    for record in RecordReader(path).read():
        history.add(record)
    return history


def comparable(metrics: Record) -> Record:
    """Return the metrics that must be the same in every run: all but times, whose names end in `_s`."""
    return {key: value for key, value in metrics.items() if not key.endswith("_s")}


def first_difference(steps: Mapping[int, Record], others: Mapping[int, Record]) -> int | None:
    """Return the first step of `steps` that `others` do not have bit for bit, times left out; None if they have all."""
    for step, metrics in steps.items():
        # By their text: NaN is the same as NaN, and -0.0 is not 0.0.
        if step not in others or repr(comparable(metrics)) != repr(comparable(others[step])):
            return step
    return None


def series(history: History, metric: str) -> list[float]:
    """Return the values of a metric in order of step, as floats; what is no number is left out."""
    return list(numbers(history, metric).values())


def numbers(history: History, metric: str) -> dict[int, float]:
    """Return the values of a metric by step, as floats; what is no number is left out."""
    found = {}
    for step, values in history.steps.items():
        if isinstance(value := values.get(metric), int | float):
            with contextlib.suppress(OverflowError):  # an int beyond any float
                found[step] = float(value)
    return found
