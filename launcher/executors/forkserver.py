"""The launcher's end of the fork server that workers come from; the server itself is `launcher.worker.preloaded`.

The server imports torch once, which takes a second. So `cli.early_start` starts the server before everything else, and
the server imports while the launcher does. For the same reason this module imports little, and only of the standard
library.
"""

from __future__ import annotations

import contextlib
import errno
import os
import time
from collections.abc import Sequence

from launcher import child_process

_MESSAGE_BYTES = 8192
_PIPE_BYTES = 4096  # what any pipe holds on Linux, even where the user has used up the memory for pipes
_STDERR = 2
_DEATH_LIMIT_S = 1.0


class ServerDied(Exception):
    """The fork server is gone. The text says how it died."""


class ServerSilent(Exception):
    """The fork server has not answered in time. What was asked of it will not be done."""


class ForkServer:
    """One fork server, from the launcher's side. It dies with the launcher, whatever it is doing."""

    def __init__(self, modules: Sequence[str]) -> None:
        """Start it.

        Raises:
            OSError: the system has no room for another process.
        """
        import socket

        self.modules = tuple(modules)
        self.importing = "Python"  # the module it imports now, or has imported last
        self.is_ready = False  # it has imported all modules
        self.failure = ""  # of an import: why the server ended by itself
        self._num_asked = 0  # requests so far, which is also the number of the last request
        self._warmed: object = None  # what was sent last by `warm`
        self._is_awaited = False  # `fork` waits for the answer to the last request
        self._num_owed = 0  # answers that have not come yet
        self._answer: tuple[int, int] | None = None  # to the last request: pid and pidfd, or an error and -1
        self._exit_codes: dict[int, int] = {}  # of workers that have ended, by pid
        # Datagrams: each message arrives whole or not at all.
        self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._control.setblocking(False)
        with theirs:
            fd = theirs.fileno()
            # What a module prints while it is imported goes to stderr: stdout has the results of the command.
            self._child = child_process.start_module(
                "launcher.worker.preloaded", str(fd), *modules, inherited=[fd], stdout=_STDERR
            )

    @property
    def is_silent(self) -> bool:
        """The server still owes an answer to a request that was given up."""
        return self._num_owed > 0

    def advance(self, limit_s: float = 0.0) -> None:
        """Read the messages of the server, and wait for the first at most `limit_s`. Signals are handled meanwhile.

        Raises:
            ServerDied: it is gone.
        """
        import select

        if self._control.fileno() < 0:
            raise ServerDied("was ended")
        poll = select.poll()
        poll.register(self._control, select.POLLIN)
        while poll.poll(limit_s * 1000):
            limit_s = 0.0
            self._receive()

    def warm(self, function: str, argument: object) -> None:
        """Let the server compute what workers that call a function of `launcher.worker` need, by `warm` beside it.

        What the server has been sent already is not sent again. No answer comes, and no error: the workers manage.
        """
        import pickle
        import socket

        if argument == self._warmed:
            return
        self._warmed = argument
        file = _readable(pickle.dumps((function, argument)))
        try:
            with contextlib.suppress(OSError):
                socket.send_fds(self._control, [b"warm"], [file])
        finally:
            os.close(file)

    def fork(self, request: bytes, lifeline: int, inherited: Sequence[int], limit_s: float) -> tuple[int, int]:
        """Have a worker forked for a request (see `worker.preloaded`). Return its pid and a pidfd.

        `lifeline` and `inherited` are descriptors for the worker. The worker does nothing before a byte comes through
        its lifeline, and ends if the lifeline is closed first.

        Raises:
            OSError: the system has no room for another process.
            ServerDied: the server is gone.
            ServerSilent: it has not answered in time.
        """
        import socket

        self._num_asked += 1
        file = _readable(request)
        try:
            socket.send_fds(self._control, [str(self._num_asked).encode()], [file, lifeline, *inherited])
        except BlockingIOError:
            raise ServerSilent from None
        except ConnectionError:
            raise self._died() from None
        finally:
            os.close(file)
        self._num_owed += 1
        self._is_awaited = True
        try:
            deadline_s = time.monotonic() + limit_s
            while self._answer is None:
                if (left_s := deadline_s - time.monotonic()) <= 0:
                    raise ServerSilent
                self.advance(left_s)
            (pid, pidfd), self._answer = self._answer, None
        finally:
            self._is_awaited = False
        if pidfd < 0:
            raise OSError(pid, os.strerror(pid))
        return pid, pidfd

    def exit_code(self, pid: int, limit_s: float) -> int | None:
        """Return the exit code of a worker that has ended, negative for a signal; None if the server does not tell."""
        deadline_s = time.monotonic() + limit_s
        with contextlib.suppress(ServerDied):
            while pid not in self._exit_codes and (left_s := deadline_s - time.monotonic()) > 0:
                self.advance(left_s)
        return self._exit_codes.pop(pid, None)

    def end(self) -> None:
        """Kill the server. Its workers live on."""
        self._child.end()
        self._control.close()

    def _receive(self) -> None:
        """Read one message."""
        import json

        message, fds = b"", list[int]()
        for _ in range(2):  # a reset connection raises an error first; what was sent before is read next
            with contextlib.suppress(ConnectionError):
                message, fds = child_process.receive_fds(self._control, _MESSAGE_BYTES, 1)
                break
        if not message:
            raise self._died()
        match json.loads(message):
            case ["imports", name]:
                self.importing = name
            case ["fails", name, why]:
                self.importing, self.failure = name, why
            case ["ready"]:
                self.is_ready = True
            case ["ended", pid, code]:
                self._exit_codes[pid] = code
            case ["forked" | "refused" as kind, number, value]:
                self._num_owed -= 1
                if number == self._num_asked and self._is_awaited:
                    is_full = kind == "forked" and not fds  # this process may open no more descriptors
                    self._answer = errno.EMFILE if is_full else value, fds.pop() if fds else -1
        for fd in fds:  # of a worker that nobody waits for: it ends because its lifeline is closed
            os.close(fd)

    def _died(self) -> ServerDied:
        import subprocess

        with contextlib.suppress(
            subprocess.TimeoutExpired
        ):  # it has closed its end of the connection, so it is gone in a moment
            self._child.process.wait(_DEATH_LIMIT_S)
        status = self._child.end()
        if status is not None and status < 0:
            from launcher.text import signal_name  # not at the top: this module is to be imported at once

            return ServerDied(f"was killed by {signal_name(-status)}")
        return ServerDied(f"ended with exit code {status}")


def _readable(data: bytes) -> int:
    """Return a descriptor from which the data can be read.

    It is a pipe if the data fit into a pipe, because a limit on the size of files (`ulimit -f`) holds for a memfd too.
    """
    if len(data) <= _PIPE_BYTES:
        theirs, ours = os.pipe()
        os.write(ours, data)
        os.close(ours)
        return theirs
    file = os.memfd_create("sweep-launcher-request", os.MFD_CLOEXEC)
    with open(file, "wb", closefd=False) as writer:
        writer.write(data)
    os.lseek(file, 0, os.SEEK_SET)
    return file


_idle: list[ForkServer] = []  # started, and not taken yet; at most one


def start(modules: Sequence[str]) -> None:
    """Start a server with these modules; `take` returns it."""
    _idle.append(ForkServer(modules))


def take(modules: Sequence[str]) -> ForkServer:
    """Return the idle server if it has these modules, otherwise a new server.

    Raises:
        OSError: the system has no room for another process.
    """
    while _idle:
        server = _idle.pop()
        if server.modules == tuple(modules):
            return server
        server.end()
    return ForkServer(modules)


def give_back(server: ForkServer) -> None:
    """Keep a server for the next launch of this process; `take` returns it."""
    end()
    _idle.append(server)


def end() -> None:
    """Kill the idle server. To let it exit by itself would cost a third of a second, which torch takes."""
    while _idle:
        _idle.pop().end()
