"""How the attempt of a script ended: from its exit code, and from what it has written last."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

from launcher.store.ending import EndingKind
from launcher.store.files import open_to_read
from launcher.text import signal_name

_TAIL_BYTES = 1 << 16
_MESSAGE_LIMIT = 500
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
    r"(?:\[rank\d+\]:?\s*)?((?:[A-Za-z_][\w]*\.)*[A-Z]\w*(?:Error|Exception|Interrupt|Exit|Failure)\b(?::.*)?)$"
)
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")


def script_ending(code: int, output: str) -> dict[str, Any]:
    """Return the ending of a script that was not asked to stop, as fields of the last record.

    `code`: its exit code, or minus the number of the signal that ended it. `output`: the end of what it has written.
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
    is_short = any(text in output[-4096:] or text in said for text in _OUT_OF_MEMORY)
    return {"ending": EndingKind.OUT_OF_MEMORY if is_short else EndingKind.FAILED, "error": error}


def read_output(log: Path, start: int) -> str:
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


def last_error(output: str) -> str:
    """Return the last line that looks like an error; empty if there is none."""
    for line in reversed(_COLOUR.sub("", output).splitlines()):
        if match := _ERROR.match(line.strip()):
            return match[1][:_MESSAGE_LIMIT]
    return ""
