"""A script that is run for a check: without a GPU, without input, and with a time limit. Nothing of it stays behind.

It leads a session of its own. When the check is over, its process group is killed, and so is every process with the
check's mark in its environment: a script may have started others that left the group.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import socket
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from launcher.child_process import start_program
from launcher.marked_processes import end_marked

LIMIT_S = 120.0
_END_LIMIT_S = 5.0
_TAIL_BYTES = 16 << 10  # of the output that is kept
_PIECE_BYTES = 1 << 16
_SURROUNDINGS = {
    "CUDA_VISIBLE_DEVICES": "",
    "HIP_VISIBLE_DEVICES": "",
    "WANDB_MODE": "disabled",
    "PYTHONDONTWRITEBYTECODE": "1",
    "PYTHONUNBUFFERED": "1",
}


@dataclass(frozen=True)
class Ended:
    """How a script ended that was run for a check."""

    code: int | None  # its exit status; negative: the signal that killed it. None: the time limit was over
    lines: list[str]  # the last ones that it printed


class ScriptChild:
    """A script that runs for a check, with everything it starts."""

    def __init__(
        self, words: Sequence[str], folder: Path, environment: Mapping[str, str], inherited: Sequence[int] = ()
    ) -> None:
        """Start it.

        Raises:
            OSError: the system has no room for another process.
        """
        self._mark = os.urandom(16).hex()
        self._tail = b""
        surroundings = {**environment, **_SURROUNDINGS, "LAUNCHER_CHECK": self._mark}
        self.output, theirs = os.pipe()
        try:
            self._child = start_program(
                words, stdout=theirs, stderr=theirs, inherited=inherited, environment=surroundings, folder=folder
            )
        except BaseException:
            os.close(self.output)
            raise
        finally:
            os.close(theirs)
        self._child.stdin.close()
        os.set_blocking(self.output, False)
        self.pidfd = os.pidfd_open(self._child.process.pid)

    def keep_output(self) -> bool:
        """Read what was printed. Returns whether more may come."""
        with contextlib.suppress(BlockingIOError):
            while piece := os.read(self.output, _PIECE_BYTES):
                self._tail = (self._tail + piece)[-_TAIL_BYTES:]
            return False
        return True

    def wait(self, limit_s: float) -> bool:
        """Wait until the script itself has ended, or the time is over. Returns whether it has ended."""
        poll = select.poll()
        poll.register(self.pidfd, select.POLLIN)
        return bool(poll.poll(limit_s * 1000))

    @property
    def command_line(self) -> bytes:
        """The words of the process as it is now, a NUL behind each; empty once it has ended."""
        try:
            with open(f"/proc/{self._child.process.pid}/cmdline", "rb") as file:
                return file.read()
        except OSError:
            return b""

    def end(self) -> Ended:
        """Kill what is left of the script and all it has started, and return how it ended."""
        has_ended = self.wait(0)
        self.keep_output()
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._child.process.pid, signal.SIGKILL)  # it was not waited for, so the number is its own
        code = self._child.end()
        os.close(self.output)
        os.close(self.pidfd)
        end_marked("LAUNCHER_CHECK", self._mark)
        lines = [line.rstrip() for line in self._tail.decode("utf-8", "replace").splitlines() if line.strip()]
        return Ended(code if has_ended else None, lines)


class Conversation:
    """A script that runs under the probe, and the messages between the probe and the launcher."""

    def __init__(
        self,
        before: Sequence[str],
        probe: Sequence[str],
        script: Sequence[str],
        folder: Path,
        environment: Mapping[str, str],
    ) -> None:
        """Start `before PROBE FD script`: `probe` is its file, and what stands behind the descriptor."""
        self._deadline_s = time.monotonic() + LIMIT_S
        self._probe = probe[0]
        self._socket, theirs = socket.socketpair()
        self._received = b""
        try:
            words = [*before, probe[0], str(theirs.fileno()), *probe[1:], *script]
            self._child = ScriptChild(words, folder, environment, [theirs.fileno()])
        except BaseException:
            self._socket.close()
            raise
        finally:
            theirs.close()

    def ask(self, request: Mapping[str, Any]) -> dict[str, Any] | None:
        """Send a request and return the answer; None if the script has ended.

        Raises:
            TimeoutError: there is no answer within the time limit.
        """
        self._socket.settimeout(max(0.001, self._deadline_s - time.monotonic()))
        try:
            self._socket.sendall(json.dumps(request).encode() + b"\n")
        except (BrokenPipeError, ConnectionResetError):
            return None
        return self.hear()

    def hear(self) -> dict[str, Any] | None:
        """Return the next message of the probe; None if the script has ended.

        Raises:
            TimeoutError: there is none within the time limit.
        """
        self._socket.setblocking(False)
        poll = select.poll()
        for fd in (self._socket.fileno(), self._child.output, self._child.pidfd):
            poll.register(fd, select.POLLIN)
        while b"\n" not in self._received:
            left_s = self._deadline_s - time.monotonic()
            if left_s <= 0:
                raise TimeoutError
            ready = {fd for fd, _ in poll.poll(left_s * 1000)}
            if self._child.output in ready and not self._child.keep_output():
                poll.unregister(self._child.output)
            has_more = self._socket.fileno() in ready and self._receive()
            if not has_more and ready & {self._socket.fileno(), self._child.pidfd}:
                self._wait_for_end()
                return None
        line, self._received = self._received.split(b"\n", 1)
        message: dict[str, Any] = json.loads(line)
        return message

    def _receive(self) -> bool:
        try:
            piece = self._socket.recv(_PIECE_BYTES)
        except (BlockingIOError, ConnectionResetError):
            return False
        self._received += piece
        return bool(piece)

    def _wait_for_end(self) -> None:
        """Wait until the script has ended, as its descriptors are closed a moment before.

        If it has started another program in its place, which closes the descriptor too, there is nothing to wait for.
        """
        deadline_s = time.monotonic() + _END_LIMIT_S
        while not self._child.wait(0.02) and time.monotonic() < deadline_s:
            command = self._child.command_line
            if command and self._probe.encode() not in command.split(b"\0"):
                return

    def end(self) -> Ended:
        """Kill the script and all it has started, and return how it ended."""
        self._socket.close()
        return self._child.end()


def run_all(
    commands: Mapping[str, Sequence[str]], folder: Path, environment: Mapping[str, str], most: int
) -> dict[str, Ended]:
    """Run commands, at most `most` at a time, each to its end or its time limit; return how they ended, by name."""
    waiting = list(commands)
    running: dict[str, tuple[ScriptChild, float]] = {}
    ended: dict[str, Ended] = {}
    try:
        while waiting or running:
            while waiting and len(running) < most:
                name = waiting.pop(0)
                running[name] = ScriptChild(commands[name], folder, environment), time.monotonic() + LIMIT_S
            _wait([child for child, _ in running.values()], min(limit for _, limit in running.values()))
            for name, (child, limit_s) in list(running.items()):
                if child.wait(0) or time.monotonic() >= limit_s:
                    ended[name] = running.pop(name)[0].end()
    finally:
        for child, _ in running.values():
            child.end()
    return {name: ended[name] for name in commands}


def _wait(children: Sequence[ScriptChild], deadline_s: float) -> None:
    """Wait until one of these has ended or printed something, or until the deadline."""
    poll = select.poll()
    for child in children:
        poll.register(child.pidfd, select.POLLIN)
        if child.keep_output():
            poll.register(child.output, select.POLLIN)
    poll.poll(max(0.0, deadline_s - time.monotonic()) * 1000)
