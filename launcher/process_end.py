"""Ends a process as Python ends, except that no object is freed, which takes 10 ms after a command."""

from __future__ import annotations

import atexit
import os
import sys
import threading
from typing import NoReturn


def end(code: int) -> NoReturn:
    """Wait for threads, run the exit handlers, flush stdout and stderr, and end this process.

    `code`: the exit code; its last eight bits count. A file that nobody has closed is not flushed.
    What a handler or a flush raises passes through, and the process has not ended.
    """
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:
            stream.flush()
    os._exit(code & 0xFF)
