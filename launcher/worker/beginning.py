"""How each worker begins: its process is set up, its record file is open, and the first record is written."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any, NoReturn

from launcher.store.ending import EndingKind
from launcher.store.files import AnyPath
from launcher.store.records import RecordWriter
from launcher.worker.bell import UNWRITTEN_EXIT_CODE, send_last_word
from launcher.worker.group_end import leave


def begin(records: AnyPath, attempt: int, start: Mapping[str, Any], bell_fd: int) -> RecordWriter:
    """Return the writer of records, which has written the first. End the process if there can be no records.

    `start`: the fields of the first record.
    """
    os.set_blocking(bell_fd, False)
    try:
        writer = RecordWriter(records, attempt, bell_fd)
        writer.write({"kind": "start", "pid": os.getpid(), **start})
        return writer
    except OSError as error:
        _end(bell_fd, error)


def hold_outcome(outcome: AnyPath, bell_fd: int) -> int:
    """Return a descriptor of the outcome folder, which leads to it where it is renamed. Without it, end the process."""
    try:
        return os.open(outcome, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        _end(bell_fd, error)


def _end(bell_fd: int, error: OSError) -> NoReturn:
    problem = f"its records cannot be written: {error}"
    send_last_word(bell_fd, {"ending": EndingKind.FAILED, "error": problem})
    leave(UNWRITTEN_EXIT_CODE, bell_fd)
