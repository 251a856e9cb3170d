"""Has a fork of this process answer a question. A new Python would first import for a tenth of a second.

The fork behaves like a Python that was just started. It has its own session, signals, streams, exit handlers and search
path, and none of this process's open files. It dies with the launcher.

A process forks here only if it runs the launcher and nothing else (`allow`) and has a single thread. In a notebook, the
fork would have modules of the user's as they were long ago, and locks that no thread of it will give back.
"""

from __future__ import annotations

import atexit
import contextlib
import gc
import os
import select
import signal
import sys
import time
from collections.abc import Callable, Collection, Sequence
from typing import NamedTuple, NoReturn

from launcher import process_end
from launcher.child_process import die_with_launcher

_PIECE_BYTES = 1 << 16
_THRESHOLD = gc.get_threshold()  # as Python sets it: `__main__` raises it after it has imported this
_is_allowed = False


class Answer(NamedTuple):
    """What a fork has answered and written to stderr, and its exit code; a negative number is a signal's."""

    text: bytes
    errors: bytes
    exit_code: int


class TookTooLong(Exception):
    """A fork has not answered in time. It was killed, with all that it has started."""


def allow() -> None:
    """From now on this process may be forked: it runs the launcher and nothing else."""
    global _is_allowed
    _is_allowed = True


def is_possible() -> bool:
    """Return whether this process may be forked now."""
    return _is_allowed and len(os.listdir("/proc/self/task")) == 1


def ask(answer: Callable[[], bytes], limit_s: float) -> Answer:
    """Return what `answer` returns in a fork of this process. What the fork prints on stdout goes nowhere.

    Raises:
        OSError: the system has no room for another process.
        TookTooLong: the fork took longer than `limit_s`.
    """
    pid, deadline_s, fds = 0, time.monotonic() + limit_s, list[int]()
    try:
        for _ in range(3):
            fds += os.pipe()
        lifeline, _ours, replies, reply, errors, error = fds
        mask = signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
        try:  # a signal must not raise in the fork before it has its own handlers
            pid = os.fork()
            if pid == 0:
                _be_fork(answer, lifeline, reply, error, mask)
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        for fd in (lifeline, reply, error):
            fds.remove(fd)
            os.close(fd)
        fds.append(os.pidfd_open(pid))
        text, told = _read_all([replies, errors], fds[-1], deadline_s)
        return Answer(text, told, os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
    except BaseException:
        if pid:
            for kill in (os.killpg, os.kill):  # its group has its number once it has its own session
                with contextlib.suppress(ProcessLookupError):
                    kill(pid, signal.SIGKILL)
            with contextlib.suppress(ChildProcessError):
                os.waitpid(pid, 0)
        raise
    finally:
        for fd in fds:
            os.close(fd)


def _read_all(pipes: Sequence[int], pidfd: int, deadline_s: float) -> list[bytes]:
    """Return what comes through the pipes until their ends are closed and the process has ended.

    Raises:
        TookTooLong: it is past the deadline.
    """
    found: dict[int, list[bytes]] = {pipe: [] for pipe in pipes}
    poll, left = select.poll(), {*pipes, pidfd}
    for fd in left:
        poll.register(fd, select.POLLIN)
    while left:
        if (left_s := deadline_s - time.monotonic()) <= 0:
            raise TookTooLong
        for fd, _ in poll.poll(left_s * 1000):
            if piece := b"" if fd == pidfd else os.read(fd, _PIECE_BYTES):
                found[fd].append(piece)
            else:
                poll.unregister(fd)
                left.remove(fd)
    return [b"".join(found[pipe]) for pipe in pipes]


def _be_fork(answer: Callable[[], bytes], lifeline: int, reply: int, error: int, mask: Collection[int]) -> NoReturn:
    """Answer in the process that was forked for it, and end the process as Python ends."""
    code = 1
    try:
        gc.freeze()  # to visit the objects of before would copy their memory
        gc.set_threshold(*_THRESHOLD)
        gc.enable()
        os.setsid()
        _use_streams(error, {lifeline, reply})
        die_with_launcher(lifeline)
        _use_signals(mask)
        atexit._clear()
        if not sys.flags.safe_path:
            sys.path[0] = ""
        with open(reply, "wb") as pipe:
            pipe.write(answer())
        code = 0
    except SystemExit as error_of_user:
        code = _exit_code(error_of_user)
    except BaseException:  # noqa: BLE001  the outermost frame
        sys.excepthook(*sys.exc_info())
    try:
        process_end.end(code)
    finally:
        os._exit(code)


def _exit_code(error: SystemExit) -> int:
    """Return the exit code of a SystemExit, as Python defines it. A text in place of a code is printed and means 1."""
    if error.code is None or isinstance(error.code, int):
        return error.code or 0
    print(error.code, file=sys.stderr)
    return 1


def _use_streams(error: int, kept: set[int]) -> None:
    """Let stdin be empty, stdout go nowhere and stderr go to `error`; close all other descriptors but those kept."""
    nowhere = os.open(os.devnull, os.O_RDWR)
    for fd, source in enumerate((nowhere, nowhere, error)):
        os.dup2(source, fd)
    for fd in map(int, os.listdir("/proc/self/fd")):
        if fd > 2 and fd not in kept:
            with contextlib.suppress(OSError):  # the listing has its own descriptor
                os.close(fd)
    sys.stdin = sys.__stdin__ = os.fdopen(0, encoding="utf-8", closefd=False)  # type: ignore[misc]
    sys.stdout = sys.__stdout__ = os.fdopen(1, "w", encoding="utf-8", closefd=False)  # type: ignore[misc]
    told = os.fdopen(2, "w", buffering=1, encoding="utf-8", errors="backslashreplace", closefd=False)
    sys.stderr = sys.__stderr__ = told  # type: ignore[misc]


def _use_signals(mask: Collection[int]) -> None:
    """Give up this process's handlers of signals, and take signals again. A signal that is ignored stays ignored."""
    handled = [number for number in signal.valid_signals() if callable(signal.getsignal(number))]
    signal.set_wakeup_fd(-1)
    for number in handled:
        signal.signal(number, signal.SIG_IGN if number == signal.SIGINT else signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, mask)  # drops a Ctrl-C that came before the new session
    if signal.SIGINT in handled:
        signal.signal(signal.SIGINT, signal.default_int_handler)
