"""The limit of a whole test run: when it is over, every test process says where it is, and all of them are ended.

    pytest ─┬─ worker of xdist      a signal makes each print the stacks of all its threads
            ├─ worker of xdist
            └─ this program         asleep; ends by itself when the pipe from pytest closes

The limit of a single test is pytest-timeout's, which sees nothing once a test process waits outside a test. A process
and not a thread: a thread would make every fork of a test a fork of a process with threads.
"""

from __future__ import annotations

import contextlib
import faulthandler
import os
import select
import signal
import subprocess
import sys
from pathlib import Path

import psutil

LIMIT_S = 20 * 60  # of a run that takes under six minutes on two cores
TELL = signal.SIGRTMAX  # nothing else uses it
PATIENCE_S = 1.0  # between the stacks and the end


def listen() -> None:
    """Let this test process print the stacks of its threads to today's standard error when it is asked to."""
    faulthandler.register(TELL, file=os.dup(2), all_threads=True)


def watch(limit_s: float) -> subprocess.Popen[bytes]:
    """Start the watch over this process; it ends with it, or when its input is closed."""
    command = [sys.executable, str(Path(__file__)), str(os.getpid()), str(limit_s)]
    return subprocess.Popen(command, stdin=subprocess.PIPE)


def main(pid: int, limit_s: float) -> None:
    """Wait for the end of the tests; past the limit, name what hangs and kill it with all its children."""
    for number in (signal.SIGINT, signal.SIGHUP):  # of a terminal: the tests end by them, and so do we, in order
        signal.signal(number, signal.SIG_IGN)
    if select.select([0], [], [], limit_s)[0]:
        return
    tests = psutil.Process(pid)
    family = [tests, *tests.children(recursive=True)]
    family = [process for process in family if process.pid != os.getpid()]
    print(f"\nthe tests were not done after {limit_s:g} s, see tests/limit.py. Their processes:", file=sys.stderr)
    for process in family:
        with contextlib.suppress(psutil.Error):
            print(f"  {process.pid} {process.status()} {' '.join(process.cmdline())[:200]}", file=sys.stderr)
    print("Where each test process is, the innermost line first:", file=sys.stderr, flush=True)
    for process in family:
        if _listens(process.pid):
            process.send_signal(TELL)
            select.select([0], [], [], PATIENCE_S)  # one after another, so that their stacks are not mixed
    for process in family:
        with contextlib.suppress(psutil.Error):
            process.kill()


def _listens(pid: int) -> bool:
    """Return whether a process has a handler for the signal: others would die of it without a word."""
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("SigCgt:"):
                return bool(int(line.split()[1], 16) >> (TELL - 1) & 1)
    return False


if __name__ == "__main__":
    main(int(sys.argv[1]), float(sys.argv[2]))
