"""How the attempt of a script ended: from its exit code, and from what it has written last."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from typing import Any

from launcher.store.ending import EndingKind
from launcher.store.files import open_to_read
from launcher.text import printable, signal_name

_TAIL_BYTES = 1 << 16
_MESSAGE_LIMIT = 500
_NO_ROOM_BYTES = 1 << 14  # as much as a script's last words may take
_OUT_OF_MEMORY = (
    "CUDA out of memory",
    "OutOfMemoryError",
    "CUDNN_STATUS_ALLOC_FAILED",
    "CUDA error: out of memory",
    "can't allocate memory",
    "Cannot allocate memory",
    "RESOURCE_EXHAUSTED: Out of memory",
    "std::bad_alloc",
    "MemoryError",
)
# The last line of a traceback, or of an error that a program tells: `ValueError: …`, `torch.OutOfMemoryError: …`.
_ERROR = re.compile(
    r"(?:\[rank\d+\]:?\s*)?(?:\| (?=\S*ExceptionGroup))?"
    r"((?:[A-Za-z_][\w]*\.)*(?=[A-Z])\w*(?:Error|Exception|ExceptionGroup|Interrupt|Exit|Failure)\b(?::.*)?)$"
)
# What argparse, click and programs in C say: `train.py: error: …`, `Error: …`, `fatal: …`. `error: 0.35` is a metric.
_TOLD = re.compile(r"((?:\S+: )?(?:fatal error|fatal|error): (?![-+.\d]|nan\b|inf\b).*)$", re.IGNORECASE)
_PYTHONS_CODE = 1
_TRACEBACK = "Traceback (most recent call last):"
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")


def script_ending(code: int, output: str, *, is_log_full: bool = False) -> dict[str, Any]:
    """Return the ending of a script that was not asked to stop, as fields of the last record.

    `code`: its exit code, or minus the number of the signal that ended it. `output`: the end of what it has written.
    `is_log_full`: there was no room for more. What it has said of its error is then lost, and may be that.
    """
    if code == 0:
        return {"ending": EndingKind.DONE}
    said = last_error(output)
    if code < 0:
        return {"ending": EndingKind.KILLED, "error": signal_name(-code)}
    status = f"exit code {code}"
    if code > 128 and signal_name(code - 128).startswith("SIG"):
        status += f" (a shell's for {signal_name(code - 128)})"
    error = f"{said} ({status})" if said else status
    if is_log_full and not said:
        error += ", and no space is left on the disk of its log"
    if code == _PYTHONS_CODE and not said and (line := _last_line(output)):  # of `sys.exit("no data in …")` it is that
        error += f', last line "{line}"'
    is_short = any(text in output[-4096:] or text in said for text in _OUT_OF_MEMORY)
    return {"ending": EndingKind.OUT_OF_MEMORY if is_short else EndingKind.FAILED, "error": error}


def read_output(log: str, start: int) -> str:
    """Return the end of a log, from the offset `start` on at the earliest; empty if it cannot be read."""
    try:
        fd = open_to_read(log)
    except OSError:
        return ""
    try:
        size = os.fstat(fd).st_size
        begin = max(start, size - _TAIL_BYTES)
        return os.pread(fd, _TAIL_BYTES, begin).decode("utf-8", "replace")
    except OSError:
        return ""
    finally:
        os.close(fd)


def is_full(log: str) -> bool:
    """Return whether the disk of a log has no room for more output."""
    try:
        disk = os.statvfs(log)
    except OSError:
        return False
    return disk.f_blocks > 0 and disk.f_bavail * disk.f_frsize < _NO_ROOM_BYTES  # some file systems count no blocks


def last_error(output: str) -> str:
    """Return the last line that tells an error; empty if there is none.

    It ends a traceback, or looks like the end of a traceback. Without such a line, it looks like the message of a
    program: what started the script, as srun, says after its traceback only that it has failed.
    """
    lines = _COLOUR.sub("", output).splitlines()
    return _of_traceback(lines) or next(
        (match[1][:_MESSAGE_LIMIT] for line in reversed(lines) if (match := _TOLD.match(line.strip()))), ""
    )


def _last_line(output: str) -> str:
    lines = [line.strip() for line in _COLOUR.sub("", output).splitlines()]
    return printable(next((line for line in reversed(lines) if line), ""), _MESSAGE_LIMIT)


def _of_traceback(lines: Sequence[str]) -> str:
    for number in reversed(range(len(lines))):
        if match := _ERROR.match(lines[number].strip()):
            return match[1][:_MESSAGE_LIMIT]
        prefix, traceback, rest = lines[number].partition(_TRACEBACK)
        if traceback and not rest and (error := _raised(lines[number + 1 :], prefix)):
            return error[:_MESSAGE_LIMIT]
    return ""


def _raised(lines: Sequence[str], prefix: str) -> str:
    """Return the first line behind the frames of a traceback; `prefix` stands before each, as `[rank0]: `."""
    own = (line.removeprefix(prefix) for line in lines)
    return next((line for line in own if line.strip() and line[0] not in " |+"), "")
