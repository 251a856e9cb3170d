"""The log of each experiment, `logs/<experiment>.log`, which a person may follow with `tail -f`.

The launcher appends a header, a line for each step, the trace of an error, and the ending. The output of the worker,
whose stdout and stderr are redirected, goes to the same file. Both open the file to append and write each piece at
once, so lines never mix. Where a progress bar has left no line end, the launcher begins a new line.
"""

from __future__ import annotations

import errno
import os
import re
import socket
from collections.abc import Iterable, Sequence
from pathlib import Path

from launcher.config import redact
from launcher.store.files import open_to_append, open_to_read
from launcher.store.paths import Paths
from launcher.store.provenance import package_versions
from launcher.store.records import ENVELOPE, SOURCE, Record
from launcher.text import inline, number
from launcher.worker.spec import Spec

_TAIL_BYTES = 1 << 20
_LONGEST_LINE = 1_000_000  # characters; a longer line is cut, and the records have it whole
_HEADER = re.compile(r"=== .*, attempt \d+ ===")
_OURS = re.compile(
    r"step -?\d+|info |goes on from the checkpoint |goes on with step \d+$"
)  # how the lines of the launcher begin
_SHORT = {"perplexity": "ppl", "tokens_per_s": "tok/s"}


class TextLog:
    """Appends to the log of one attempt."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._fd = -1
        self._total: int | None = None
        self._is_script = False  # whose checkpoint nobody knows, only the first step after it
        self.error: OSError | None = None  # after an error nothing more is written, and missing lines are counted
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
        """Write what is trained, where and how. This comes before the worker starts, so it is above all output."""
        visible = spec.environment.get("CUDA_VISIBLE_DEVICES", "")
        lines = [
            f"=== {spec.experiment}, attempt {spec.attempt} ===",
            f"command  {spec.script.shown}" if spec.script else f"target   {spec.target}",
            *([f"folder   {spec.script.folder}"] if spec.script else []),
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
        """Write a line for each record of use to a person: steps, facts, the checkpoint it goes on from, a trace."""
        self._write(self._lines(records))

    def catch_up(self, records: Sequence[Record]) -> None:
        """Write the lines that are missing of an attempt whose launcher was killed."""
        records = list(records)
        lines = self._lines(record for record in records if record.get("kind") != "end")
        trace = self._lines(record for record in records if record.get("kind") == "end")
        written = self._tail()
        last = max((number for number, line in enumerate(lines) if line in written), default=None)
        if last is not None:  # None: it is another log, or ends in more output than `_tail` reads
            self._write(lines[last + 1 :] + ([] if written.issuperset(trace) else trace))

    def _tail(self) -> set[str]:
        """Return the lines of the newest attempt. Of a line that begins with a progress bar, also the rest of it."""
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
            if SOURCE in record:
                continue  # it comes of a line of the script, which is in the log or in a file of its own
            if kind is None:
                lines.append(step_line(record, self._total))
            elif kind == "total":
                self._total = record.get("steps")
            elif kind == "info":
                facts = ", ".join(f"{key} {value}" for key, value in record.items() if key not in ENVELOPE)
                lines.append(f"info {facts}")
            elif kind == "end" and isinstance(trace := record.get("trace"), str):
                lines += trace.rstrip("\n").split("\n") if trace else []
            elif kind == "follows":
                self._is_script = True
            elif kind == "resume" and self._is_script and isinstance(step := record.get("step"), int):
                lines.append(f"goes on with step {step + 1}")
            elif kind == "resume":
                lines.append(f"goes on from the checkpoint of step {record.get('step')}")
        return list(map(_inert, lines))

    def notice(self, text: str) -> None:
        """Write a message about the experiment that the user has seen."""
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
        """Return whether the file ends with a line end. The worker may have left a progress bar there."""
        size = os.fstat(self._fd).st_size
        return size == 0 or os.pread(self._fd, 1, size - 1) == b"\n"


def text_log(paths: Paths, experiment: str) -> TextLog:
    """Return the log of an experiment, open for the next attempt."""
    return TextLog(paths.log(experiment))


def _inert(line: str) -> str:
    """Return a line without control characters, which metrics, facts and configurations may hold."""
    return line if line.isprintable() else inline(line, _LONGEST_LINE)


def step_line(record: Record, total: int | None) -> str:
    """Return a step as a line, such as `step 12/218 loss 9.1230 ppl 9163.2`."""
    step = f"step {record['step']}/{total}" if total else f"step {record['step']}"
    metrics = (f"{_SHORT.get(key, key)} {number(value)}" for key, value in record.items() if key not in ENVELOPE)
    return " ".join([step, *metrics])
