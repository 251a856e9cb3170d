"""Finds the lines of a log that tell most about how an attempt ended."""

from __future__ import annotations

import itertools
import os
from pathlib import Path

from launcher.store.files import open_to_read
from launcher.text import printable
from launcher.worker.failure import is_installed

HEADER_END = "versions "  # the last line of an attempt's header begins so
_TAIL_BYTES = 1 << 16  # a crash of many threads has long stacks
_CALL = '  File "'
_OURS = str(Path(__file__).parent.parent)
_TAIL_LINES = 5


def last_lines(log: Path) -> list[str]:
    """Return the lines of a log that tell most about the end, safe to print; none if the log cannot be read.

    They are the last lines; after a crash in C, the lines that name the crash and the user's code.
    """
    try:
        with os.fdopen(open_to_read(log), "rb") as file:
            file.seek(max(0, os.fstat(file.fileno()).st_size - _TAIL_BYTES))
            text = file.read().decode("utf-8", "replace")
    except OSError:
        return []
    lines = text.splitlines()
    headers = [number for number, line in enumerate(lines) if line.startswith(HEADER_END)]
    lines = lines[headers[-1] + 1 if headers else 0 :]
    lines = [line for line in lines if line.strip() and not line.startswith("===") and "resource_tracker" not in line]
    crashes = [number for number, line in enumerate(lines) if line.startswith("Fatal Python error")]
    shown = _crash(lines[crashes[-1] :]) if crashes else lines[-_TAIL_LINES:]
    return [printable(line, 200) for line in shown]


def _crash(lines: list[str]) -> list[str]:
    """Return the error of a crash and the newest calls of its thread, the user's among them, from faulthandler's lines.

    A stack of faulthandler's begins with the newest call, and ends with the launcher's.
    """
    start = next((number for number, line in enumerate(lines) if line.startswith("Current thread")), 0)
    calls = list(itertools.takewhile(lambda line: line.startswith(_CALL), lines[start + 1 :]))
    files = [line.removeprefix(_CALL).partition('"')[0] for line in calls]
    calls = calls[: next((number for number, file in enumerate(files) if file.startswith(_OURS)), None)]
    own = next((number for number, file in enumerate(files[: len(calls)]) if not is_installed(file)), 0)
    if own >= _TAIL_LINES - 1:
        calls[_TAIL_LINES - 3 :] = ["  …", calls[own]]
    return (lines[:1] + calls)[:_TAIL_LINES] if calls else lines[:_TAIL_LINES]
