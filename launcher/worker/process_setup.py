"""Turns a forked child into a worker process: its own session, log, environment and signal settings.

A child of the fork server starts with the server's environment, terminal and signal settings. `set_up_process` replaces
them. Then `main_process` makes the child look like a script's process to the code that runs in it.
"""

from __future__ import annotations

import contextlib
import faulthandler
import fcntl
import io
import os
import signal
import sys
import time
from collections.abc import Callable, Mapping
from types import FrameType
from typing import Any

from launcher.child_process import die_with_launcher
from launcher.store.files import AnyPath, open_in_folder
from launcher.worker import plain_signal

STACKS_SIGNAL = signal.SIGUSR2  # makes a worker write the stacks of all its threads into its log, and end
_STACKS_S = 0.2  # that ranks have for writing their stacks
OOM_SCORE = b"500"  # when memory runs out, the kernel ends a worker rather than the launcher


def set_up_process(log: AnyPath, environment: Mapping[str, str], lifeline: int, *, runs_code: bool = True) -> None:
    """Give this process its own session, its death with the launcher, `log` as its output, and its environment.

    `lifeline`: the end of a pipe that the launcher closes by its death.
    `runs_code`: code of a user's will run in this process, which needs streams, an environment, and the stacks at
    STACKS_SIGNAL. The worker of a script needs none of these.

    1. With its own session, its process group can be ended as a whole, and the terminal's Ctrl-C does not reach it.
    2. When the launcher dies, the kernel kills this group.
    3. stdout and stderr go to the log, in all programs that this process starts too. faulthandler writes there.
    4. The environment is set before anything touches CUDA.
    """
    os.setsid()
    # The pipe this process was started through may be descriptor 2, which the log takes below: move it to 3 or higher.
    die_with_launcher(lifeline if lifeline > 2 else fcntl.fcntl(lifeline, fcntl.F_DUPFD_CLOEXEC, 3))
    plain_signal.signal(signal.SIGINT, plain_signal.SIG_IGN)  # drops a Ctrl-C that came before the new session
    plain_signal.pthread_sigmask(plain_signal.SIG_UNBLOCK, (signal.SIGINT, signal.SIGHUP))
    plain_signal.signal(signal.SIGINT, plain_signal.default_int_handler)
    send_output_to(log)
    faulthandler.enable(file=2)
    with contextlib.suppress(OSError):
        score = os.open("/proc/self/oom_score_adj", os.O_WRONLY | os.O_CLOEXEC)
        os.write(score, OOM_SCORE)
        os.close(score)
    if runs_code:
        _make_streams()
        # faulthandler's handler is written in C and needs no interpreter lock. `chain`: death, the default, follows.
        faulthandler.register(STACKS_SIGNAL, file=2, all_threads=True, chain=True)
        os.environ.update(environment)


def give_back_stacks_signal() -> None:
    """In a forked child, undo what a worker does with STACKS_SIGNAL, unless the target has its own handler for it."""
    if signal.getsignal(STACKS_SIGNAL) == signal.SIG_DFL:
        faulthandler.unregister(STACKS_SIGNAL)


def pass_stacks_signal_on(send: Callable[[int], None]) -> None:
    """Have STACKS_SIGNAL make the ranks write their stacks and end, and then end this process by the same signal.

    `send`: sends a signal to all ranks.
    """

    def _pass_on(number: int, _frame: FrameType | None) -> None:
        send(number)
        time.sleep(_STACKS_S)
        signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)

    faulthandler.unregister(STACKS_SIGNAL)
    signal.signal(STACKS_SIGNAL, _pass_on)


def use_log(log: AnyPath) -> None:
    """Send stdout and stderr to the log, and let stdin be empty, here and in the programs that the target starts."""
    send_output_to(log)
    _make_streams()


def send_output_to(log: AnyPath) -> None:
    """Send what this process and its children write to the log, where that can be opened."""
    try:
        fd = open_in_folder(log)
    except OSError:  # training does not depend on its log
        fd = os.open(os.devnull, os.O_WRONLY)
    os.dup2(fd, 1)
    os.dup2(fd, 2)
    os.close(fd)
    with contextlib.suppress(OSError):  # multiprocessing opens stdin so that no program inherits it
        os.set_inheritable(0, True)


def _make_streams() -> None:
    sys.stdout, sys.stderr = _text_to(1), _text_to(2)
    for name in ("stdin", "stdout", "stderr"):
        setattr(sys, f"__{name}__", getattr(sys, name))


class _Lossy(io.FileIO):
    """A file that accepts every write: a full disk must not end training because of a print."""

    def write(self, data: Any) -> int:
        """Write as much as possible and report all of it as written."""
        try:
            return super().write(data) or 0
        except OSError:
            return len(data)


def _text_to(fd: int) -> io.TextIOWrapper:
    buffered = io.BufferedWriter(_Lossy(fd, "w", closefd=False))
    return io.TextIOWrapper(buffered, encoding="utf-8", errors="backslashreplace", line_buffering=True)
