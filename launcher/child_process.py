"""Starts child processes that die with the launcher, however the launcher dies and whatever they are doing.

A child gets the read end of a pipe. The launcher holds the only write end and never writes to it. When the launcher
dies, the kernel closes the write end, and with that it kills the process group at the read end (`die_with_launcher`).

    `start_module`     runs a module of this package in a new Python, which calls `die_with_launcher` before it imports
                       anything else
    `start_program`    runs any other program, which begins only after its end of the pipe is set up from here
    `die_with_parent`  is for a process that one of our children has forked, as in a multiprocessing pool

Workers are forked by the fork server, each with a pipe of its own, and call `die_with_launcher` first.
This module imports the standard library alone, because the fork server must start at once.
"""

from __future__ import annotations

import contextlib
import fcntl
import gc
import importlib
import os
import select
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    import socket
    import subprocess

_ROOT = str(Path(__file__).parent.parent)
# The folder of this package comes first in the search path until the package is found. The working directory, which is
# first otherwise, may hold a launcher.py of its own.
_BEGIN = (
    "import sys; root, module, fd, *sys.argv[1:] = sys.argv[1:]; sys.path.insert(0, root); "
    "from launcher import child_process; sys.path.remove(root); child_process.run_module(module, int(fd))"
)
# The shell reads a line before it becomes the program. If the launcher dies before the set-up, no line comes.
_GATE = 'read -r _ && exec "$@"'
_PR_SET_PDEATHSIG = 1
_KILL_LIMIT_S = 2.0  # a killed process usually ends within milliseconds


def die_with_launcher(fd: int) -> None:
    """Have the kernel send SIGKILL to this process's group as soon as the launcher is dead.

    `fd` is the read end of a pipe whose write end the launcher alone holds, and on which nothing is ever sent. Closing
    the write end counts as input. On a descriptor with O_ASYNC, the kernel reports input by the signal and to the
    process group that were set (fcntl(2), F_SETSIG and F_SETOWN). No thread of this process takes part, so the signal
    also ends a process that is stopped or in a C call that never returns, and all children in its group.
    """
    _kill_on_close(fd, os.getpgrp())
    poll = select.poll()  # select.select() takes no descriptor from 1,024 on
    poll.register(fd, select.POLLIN)
    if poll.poll(0):  # the launcher died before the set-up
        os.killpg(0, signal.SIGKILL)


def die_with_parent(parent: int) -> None:
    """Have the kernel send SIGKILL to this process when its parent ends, or the thread of it that forked.

    `parent`: the parent's pid.
    """
    import ctypes

    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0)
    if os.getppid() != parent:  # the parent died before the set-up
        os.kill(os.getpid(), signal.SIGKILL)


def _kill_on_close(fd: int, group: int) -> None:
    fcntl.fcntl(fd, fcntl.F_SETOWN, -group)
    fcntl.fcntl(fd, fcntl.F_SETSIG, signal.SIGKILL)
    fcntl.fcntl(fd, fcntl.F_SETFL, fcntl.fcntl(fd, fcntl.F_GETFL) | os.O_ASYNC)


class ChildProcess:
    """A child process that leads its own session and dies with this process."""

    def __init__(self, process: subprocess.Popen[bytes], ours: int, theirs: int | None = None) -> None:
        self.process = process
        self._ends = [ours, *([] if theirs is None else [theirs])]  # of the pipe; `theirs` only where it is set up here
        self._theirs = theirs

    @property
    def stdin(self) -> IO[bytes]:
        """The pipe to the child's stdin. The child must have been started with one."""
        assert self.process.stdin is not None, "it was started with a pipe"
        return self.process.stdin

    @property
    def stdout(self) -> IO[bytes]:
        """The pipe from the child's stdout. The child must have been started with one."""
        assert self.process.stdout is not None, "it was started with a pipe"
        return self.process.stdout

    @property
    def stderr(self) -> IO[bytes]:
        """The pipe from the child's stderr. The child must have been started with one."""
        assert self.process.stderr is not None, "it was started with a pipe"
        return self.process.stderr

    def communicate(self, message: bytes = b"", limit_s: float | None = None) -> tuple[bytes, bytes]:
        """Send `message` to stdin, wait for the child to end, and return its stdout and stderr, where they are pipes.

        Raises:
            subprocess.TimeoutExpired: the child took longer than `limit_s`. It and all it has started are killed.
        """
        try:
            out, err = self.process.communicate(message, timeout=limit_s)
            return out or b"", err or b""
        finally:
            self.end()

    def end(self) -> int | None:
        """Kill the child's process group if the child still runs, and return the child's exit status.

        If the child has ended by itself, processes it left running are left alone. None: the child is not dead yet,
        for example because it waits for a network folder inside the kernel.
        """
        import subprocess

        if self.process.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
        elif self._theirs is not None and self._ends:
            fcntl.fcntl(self._theirs, fcntl.F_SETFL, fcntl.fcntl(self._theirs, fcntl.F_GETFL) & ~os.O_ASYNC)
        while self._ends:
            os.close(self._ends.pop())
        for pipe in (self.process.stdin, self.process.stdout, self.process.stderr):
            if pipe is not None:
                with contextlib.suppress(BrokenPipeError):  # closing flushes, and nobody reads any more
                    pipe.close()
        try:
            return self.process.wait(_KILL_LIMIT_S)
        except subprocess.TimeoutExpired:
            return None


def start_module(
    module: str,
    *arguments: str,
    inherited: Sequence[int] = (),
    stdin: int | None = None,
    stdout: int | None = None,
    stderr: int | None = None,
    environment: dict[str, str] | None = None,
    has_folder: bool = True,
) -> ChildProcess:
    """Start `main()` of a module of this package in a new Python, with `arguments` as its `sys.argv[1:]`.

    `inherited`: descriptors the child gets besides the standard ones. With `has_folder=False` the child imports nothing
    from the working directory, where a user's file may have the name of any module.

    Raises:
        OSError: the system has no room for another process.
    """
    import subprocess

    flags = subprocess._args_from_interpreter_flags()  # type: ignore[attr-defined]  # -W, -X, …, as multiprocessing does
    python = [sys.executable, *flags, *([] if has_folder else ["-P"]), "-c", _BEGIN]
    theirs, ours = os.pipe()
    try:
        process = subprocess.Popen(
            [*python, _ROOT, module, str(theirs), *arguments],
            stdin=subprocess.DEVNULL if stdin is None else stdin,
            stdout=stdout,
            stderr=stderr,
            env=environment,
            start_new_session=True,
            pass_fds=[theirs, *inherited],
        )
    except BaseException:
        os.close(ours)
        raise
    finally:
        os.close(theirs)
    return ChildProcess(process, ours)


def run_module(module: str, fd: int) -> None:
    """Run in a child of `start_module`: set up its death with the launcher, then call `main()` of the module."""
    os.set_inheritable(fd, False)  # this process's own, and no business of what it starts
    die_with_launcher(fd)
    gc.disable()  # imported modules stay: to look through them is in vain
    imported = importlib.import_module(module)
    gc.freeze()
    gc.enable()
    imported.main()


def receive_fds(connection: socket.socket, num_bytes: int, most: int) -> tuple[bytes, list[int]]:
    """Return a message with the descriptors that came with it. No program that this process starts inherits them.

    `socket.recv_fds` takes a flag for that, and Python 3.11 to 3.13 ignore it.
    """
    import socket

    message, fds, _, _ = socket.recv_fds(connection, num_bytes, most)
    for fd in fds:
        os.set_inheritable(fd, False)
    return message, fds


def start_program(
    words: Sequence[str],
    *,
    stdout: int | None = None,
    stderr: int | None = None,
    inherited: Sequence[int] = (),
    environment: dict[str, str] | None = None,
    folder: Path | None = None,
) -> ChildProcess:
    """Start any program, with a pipe to its stdin.

    `inherited`: descriptors the child gets besides the standard ones. `folder`: its working directory.

    Raises:
        OSError: the system has no room for another process, or no shell.
    """
    import subprocess

    theirs, ours = os.pipe()
    try:
        process = subprocess.Popen(
            ["/bin/sh", "-c", _GATE, "sh", *words],
            stdin=subprocess.PIPE,
            stdout=stdout,
            stderr=stderr,
            env=environment,
            cwd=folder,
            start_new_session=True,
            pass_fds=[theirs, *inherited],
        )
    except BaseException:
        os.close(ours)
        os.close(theirs)
        raise
    child = ChildProcess(process, ours, theirs)
    _kill_on_close(theirs, process.pid)  # both processes share the open file, and with it these settings
    with contextlib.suppress(BrokenPipeError):  # the program was killed already
        child.stdin.write(b"\n")
        child.stdin.flush()
    return child
