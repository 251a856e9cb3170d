"""How a child process dies with the launcher, whatever happens to either. Every child of the launcher starts here.

A child gets the read end of a pipe; the launcher holds the only write end and never writes. When the launcher dies, in
whatever way, the kernel closes that end and kills the process group that waits at the other (`die_with_holder`).

    `start_module`   a module of this package in a Python of its own: it arms itself before it imports anything else
    `start_program`  somebody else's program: it is armed from here, and begins only when that is done
    workers          are forked by the fork server, each with a pipe of its own: `worker.isolate`
    `die_with_parent`  a child that was forked by whom it works for, as those of a Pool
"""

from __future__ import annotations

import contextlib
import fcntl
import importlib
import os
import select
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    import subprocess

_ROOT = str(Path(__file__).parent.parent)
# The folder of this package is searched first, and only until the package is found: the working directory, which comes
# first otherwise, may have a launcher.py of its own.
_BEGIN = (
    "import sys; root, module, fd, *sys.argv[1:] = sys.argv[1:]; sys.path.insert(0, root); "
    "from launcher import lifeline; sys.path.remove(root); lifeline.run(module, int(fd))"
)
# A program begins when it has read a line; without one, its launcher died before the program was armed.
_GATE = 'read -r _ && exec "$@"'
_PR_SET_PDEATHSIG = 1
_KILL_LIMIT_S = 2.0  # between a kill and the death: milliseconds


def die_with_holder(fd: int) -> None:
    """Have the kernel send SIGKILL to this process's group the moment the other end of a pipe is closed.

    `fd` is the read end of a pipe on which nothing is ever sent and whose write end the launcher alone holds. Its last
    close counts as input, and the kernel answers input on an O_ASYNC descriptor with the signal, and to the group, we
    name (fcntl(2), F_SETSIG and F_SETOWN). No thread watches, so it also ends a process that is stopped, or in a C call
    that never gives the interpreter back; and it takes the children in the group along.
    """
    _arm(fd, os.getpgrp())
    poll = select.poll()  # select() knows no number from 1,024 on
    poll.register(fd, select.POLLIN)
    if poll.poll(0):  # it died before we asked
        os.killpg(0, signal.SIGKILL)


def die_with_parent(parent: int) -> None:
    """Have the kernel send SIGKILL to this process, whose parent has this pid, when the parent's main thread ends."""
    import ctypes

    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0)
    if os.getppid() != parent:  # it died before we asked
        os.kill(os.getpid(), signal.SIGKILL)


def _arm(fd: int, group: int) -> None:
    fcntl.fcntl(fd, fcntl.F_SETOWN, -group)
    fcntl.fcntl(fd, fcntl.F_SETSIG, signal.SIGKILL)
    fcntl.fcntl(fd, fcntl.F_SETFL, fcntl.fcntl(fd, fcntl.F_GETFL) | os.O_ASYNC)


class Child:
    """A child process that leads a session of its own and dies with this process."""

    def __init__(self, process: subprocess.Popen[bytes], ours: int, theirs: int | None = None) -> None:
        self.process = process
        self._ends = [ours, *([] if theirs is None else [theirs])]  # of the pipe
        self._theirs = theirs

    @property
    def stdin(self) -> IO[bytes]:
        """The pipe to its stdin; only of a child that was started with one."""
        assert self.process.stdin is not None, "it was started with a pipe"
        return self.process.stdin

    @property
    def stdout(self) -> IO[bytes]:
        """The pipe from its stdout; only of a child that was started with one."""
        assert self.process.stdout is not None, "it was started with a pipe"
        return self.process.stdout

    def communicate(self, message: bytes = b"", limit_s: float | None = None) -> tuple[bytes, bytes]:
        """Send a message, wait for the child to end and return what it printed on stdout and stderr, where piped.

        Raises:
            subprocess.TimeoutExpired: it took longer; it is killed, with all that it has started.
        """
        try:
            out, err = self.process.communicate(message, timeout=limit_s)
            return out or b"", err or b""
        finally:
            self.end()

    def end(self) -> int | None:
        """Kill the child, if it still runs, with all that it has started in its group; return its exit status.

        What a program has left running when it ended by itself is left alone. None: the kernel does not let go of it
        yet, as of a process that waits for a network folder.
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
                with contextlib.suppress(BrokenPipeError):  # what was not sent is lost
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
) -> Child:
    """Start `main()` of a module of this package in a Python of its own, with these arguments as its `sys.argv[1:]`.

    Without `has_folder` it cannot import from the working directory, where a user's files may have any name.

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
    return Child(process, ours)


def run(module: str, fd: int) -> None:
    """Be a child of `start_module`."""
    die_with_holder(fd)
    importlib.import_module(module).main()


def start_program(words: Sequence[str], *, stdout: int | None = None, stderr: int | None = None) -> Child:
    """Start a program that knows nothing of us, with a pipe to its stdin.

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
            start_new_session=True,
            pass_fds=[theirs],
        )
    except BaseException:
        os.close(ours)
        os.close(theirs)
        raise
    child = Child(process, ours, theirs)
    _arm(theirs, process.pid)  # an open file is the same for both processes, and so is whom it signals
    with contextlib.suppress(BrokenPipeError):  # it was killed already
        child.stdin.write(b"\n")
        child.stdin.flush()
    return child
