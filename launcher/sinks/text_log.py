"""The log of each experiment, `logs/<experiment>.log`: what a person tails.

The launcher appends the header, a line a step, the trace of an error and the ending; the worker's own output arrives in
the same file by its redirected descriptors. All append (O_APPEND), each piece in one write, so lines never mix. Where a
progress bar has left no line end, the launcher begins a line of its own.
"""

from __future__ import annotations

import errno
import os
import re
import socket
from collections.abc import Iterable
from pathlib import Path

from launcher.config import redact
from launcher.store.files import open_to_append, open_to_read
from launcher.store.paths import Paths
from launcher.store.provenance import package_versions
from launcher.store.records import ENVELOPE, Record
from launcher.text import inline, number
from launcher.worker.spec import Spec

_TAIL_BYTES = 1 << 20
_LONGEST_LINE = 1_000_000  # characters; what is longer is cut, and whole in the records
_HEADER = re.compile(r"=== .*, attempt \d+ ===")
_OURS = re.compile(r"step -?\d+|info |goes on from the checkpoint ")  # how our lines begin
_SHORT = {"perplexity": "ppl", "tokens_per_s": "tok/s"}


class TextLog:
    """Appends to the log of one attempt."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._fd = -1
        self._total: int | None = None
        self.error: OSError | None = None  # after which nothing more is written, only counted
        self.num_unwritten = 0  # lines
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._fd = open_to_append(path)
        except OSError as error:
            self.error = error

    @property
    def place(self) -> str:
        """The path of the log."""
        return str(self._path)

    def header(self, spec: Spec, device: str) -> None:
        """Write what is trained, where and with what; before the worker starts, so that nothing precedes it."""
        visible = spec.environment.get("CUDA_VISIBLE_DEVICES", "")
        lines = [
            f"=== {spec.experiment}, attempt {spec.attempt} ===",
            f"target   {spec.target}",
            *(f"config   {key} = {value!r}" for key, value in redact.table(spec.config).items()),
            *([f"uncounted {', '.join(spec.left_out)}: may be other values in the worker"] if spec.left_out else []),
            f"digest   {spec.digest}",
            f"seed     {spec.seed}",
            f"device   {device} (CUDA_VISIBLE_DEVICES={visible!r})",
            f"threads  {spec.threads}",
            f"host     {socket.gethostname()}",
            f"versions {', '.join(f'{name} {version}' for name, version in package_versions().items())}",
        ]
        self._write(list(map(_inert, lines)))

    def records(self, records: Iterable[Record]) -> None:
        """Write a line for each record that says something to a person."""
        self._write(self._lines(records))

    def catch_up(self, records: Iterable[Record]) -> None:
        """Write what is missing of an attempt whose launcher was killed before it had written it all."""
        records = list(records)
        lines = self._lines(record for record in records if record.get("kind") != "end")
        trace = self._lines(record for record in records if record.get("kind") == "end")
        written = self._tail()
        last = max((number for number, line in enumerate(lines) if line in written), default=None)
        if last is not None:  # otherwise the log is another, or ends in more output than is looked at
            self._write(lines[last + 1 :] + ([] if written.issuperset(trace) else trace))

    def _tail(self) -> set[str]:
        """Return the lines of the newest attempt, and what may be ours of lines that begin with a progress bar."""
        try:
            with os.fdopen(open_to_read(self._path), "rb") as file:
                file.seek(max(0, os.fstat(file.fileno()).st_size - _TAIL_BYTES))
                lines = file.read().decode(errors="replace").split("\n")
        except OSError:
            return set()
        headers = [number for number, line in enumerate(lines) if _HEADER.fullmatch(line)]
        lines = lines[headers[-1] + 1 if headers else 0 :]
        return {*lines, *(line[match.start() :] for line in lines for match in _OURS.finditer(line))}

    def _lines(self, records: Iterable[Record]) -> list[str]:
        lines = []
        for record in records:
            kind = record.get("kind")
            if kind is None:
                lines.append(step_line(record, self._total))
            elif kind == "total":
                self._total = record.get("steps")
            elif kind == "info":
                facts = ", ".join(f"{key} {value}" for key, value in record.items() if key not in ENVELOPE)
                lines.append(f"info {facts}")
            elif kind == "end" and isinstance(trace := record.get("trace"), str):
                lines += trace.rstrip("\n").split("\n") if trace else []
            elif kind == "resume":
                lines.append(f"goes on from the checkpoint of step {record.get('step')}")
        return list(map(_inert, lines))

    def notice(self, text: str) -> None:
        """Write down what the screen was told of the experiment."""
        self._write([f"*** {text} ***"])

    def ending(self, line: str) -> None:
        """Write how the attempt ended."""
        self._write([_inert(f"=== {line} ===")])

    def close(self) -> None:
        """Release the file."""
        if self._fd >= 0:
            os.close(self._fd)

    def _write(self, lines: list[str]) -> None:
        if not lines:
            return
        data = ("\n".join(lines) + "\n").encode("utf-8", "backslashreplace")
        written = 0
        if self.error is None:
            try:
                if not self._is_at_line_start():
                    os.write(self._fd, b"\n")
                written = os.write(self._fd, data)
                if written != len(data):
                    self.error = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            except OSError as error:
                self.error = error
        self.num_unwritten += data[written:].count(b"\n")

    def _is_at_line_start(self) -> bool:
        """Say whether the file ends with a line end: the worker writes to it too, and may have left a bar there."""
        size = os.fstat(self._fd).st_size
        return size == 0 or os.pread(self._fd, 1, size - 1) == b"\n"


def text_log(paths: Paths, experiment: str) -> TextLog:
    """Return the log of an experiment, open for its next attempt."""
    return TextLog(paths.log(experiment))


def _inert(line: str) -> str:
    """Return a line that does nothing to a terminal: metrics, facts and configurations may hold any characters."""
    return line if line.isprintable() else inline(line, _LONGEST_LINE)


def step_line(record: Record, total: int | None) -> str:
    """Return a step as a line: `step 12/218 loss 9.1230 ppl 9163.2 …`."""
    step = f"step {record['step']}/{total}" if total else f"step {record['step']}"
    metrics = (f"{_SHORT.get(key, key)} {number(value)}" for key, value in record.items() if key not in ENVELOPE)
    return " ".join([step, *metrics])
