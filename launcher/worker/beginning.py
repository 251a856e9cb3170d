"""How each worker begins: its process is set up, its record file is open, and the first record is written."""

from __future__ import annotations

import os
from multiprocessing.connection import Connection
from typing import NoReturn

from launcher.store.ending import EndingKind
from launcher.store.records import RecordWriter
from launcher.worker.bell import UNWRITTEN_EXIT_CODE, send_last_word
from launcher.worker.process_setup import set_up_process
from launcher.worker.shutdown import leave, remember_modules, shut_down
from launcher.worker.spec import Spec


def begin(spec: Spec, bell: Connection, lifeline: int) -> RecordWriter:
    """Return the writer of records, which has written the first. End the process if there can be no records.

    `lifeline`: the pipe end by which this process dies with the launcher.
    """
    set_up_process(spec.paths.log(spec.experiment), spec.environment, lifeline, has_streams=spec.script is None)
    if spec.script is None:  # a script's worker runs no code of a user's, whose modules would be emptied at the end
        remember_modules()
    os.set_blocking(bell.fileno(), False)
    try:
        writer = RecordWriter(spec.paths.records(spec.experiment), spec.attempt, bell.fileno())
        where = {"device": spec.device_type, "threads": spec.threads}
        code = {"code": spec.script.code} if spec.script is not None and spec.script.code else {}
        writer.write({"kind": "start", "digest": spec.digest, "pid": os.getpid()} | where | code)
        return writer
    except OSError as error:
        _end(spec, bell, error)


def hold_outcome(spec: Spec, bell: Connection) -> int:
    """Return a descriptor of the outcome folder, which leads to it where it is renamed. Without it, end the process."""
    try:
        return os.open(spec.paths.outcome, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        _end(spec, bell, error)


def _end(spec: Spec, bell: Connection, error: OSError) -> NoReturn:
    problem = f"its records cannot be written: {error}"
    send_last_word(bell.fileno(), {"ending": EndingKind.FAILED, "error": problem})
    if spec.script is not None:
        leave(UNWRITTEN_EXIT_CODE, bell.fileno())
    shut_down(UNWRITTEN_EXIT_CODE)
