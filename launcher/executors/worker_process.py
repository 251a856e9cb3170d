"""One worker process of this machine, from the launcher's side: let it begin, stop it, collect it after its death.

A worker of scripts may take one task after another (`worker.script`). It begins once for each.

Its death is watched with a pidfd. A pidfd depends on nobody: not on the fork server, and not on pipe ends that children
of the worker keep open.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import socket
import time
from multiprocessing.connection import Connection

from launcher.executors.base import ProcessExit
from launcher.executors.forkserver import ForkServer
from launcher.executors.lifeline import MARK
from launcher.executors.process_tree import tree_cpu_s
from launcher.marked_processes import end_marked
from launcher.text import signal_name
from launcher.worker.process_setup import STACKS_SIGNAL

EXIT_LIMIT_S = 2.0  # for the fork server to report the exit code of a worker that is dead; it takes milliseconds


class WorkerProcess:
    """A worker process, which was forked and waits for `begin`. `collect` must be called after its death."""

    def __init__(self, pid: int, pidfd: int, bell: Connection, lifeline: int, server: ForkServer) -> None:
        self.pid = pid
        self.pidfd = pidfd
        self.bell = bell  # readable when the worker may have written records
        self._lifeline = lifeline  # a pipe end; the worker dies when it is closed
        self.server = server  # that has forked it
        self.ends_server = False  # the fork server was started for this worker alone
        self.mark = ""  # in the environment of processes that may have left the group; empty: there are none
        self.devices: tuple[int, ...] = ()  # see `IdleWorkers`
        self.tasks: socket.socket | None = None  # by which it gets further tasks; None: it takes none
        self._task: bytes | None = None  # that it gets at `begin`; None: it has the first already
        self._was_signalled = False

    def begin(self) -> None:
        """Let the worker call the function that it was forked for, or begin its next task. Until now it waits."""
        task, self._task = self._task, None
        if task is None or self.tasks is None:
            with contextlib.suppress(BrokenPipeError):  # it was killed already
                os.write(self._lifeline, b"\n")
            return
        try:
            self.tasks.send(task)
        except OSError:  # it was killed already, or gets nothing: its end is told as that of any worker
            self.stop(force=True)

    def give(self, task: bytes) -> None:
        """Give it a further task, which it gets at `begin`."""
        self._task = task

    @property
    def takes_more(self) -> bool:
        """Whether it can be given a task once it has told that it waits for one.

        A signal that it was sent might reach it in its next task.
        """
        return self.tasks is not None and not self._was_signalled and not self.ends_server

    def has_ended(self, limit_s: float = 0.0) -> bool:
        """Return whether it is dead. If it is not, wait for its death at most `limit_s`."""
        poll = select.poll()
        poll.register(self.pidfd, select.POLLIN)
        return bool(poll.poll(limit_s * 1000))

    def kill(self) -> None:
        """Kill the worker, and no other process (SIGKILL)."""
        self._was_signalled = True
        with contextlib.suppress(ProcessLookupError):
            signal.pidfd_send_signal(self.pidfd, signal.SIGKILL)

    def stop(self, *, force: bool) -> None:
        """Ask the worker to save and end (SIGTERM); with `force` kill it and its process group (SIGKILL)."""
        self._was_signalled = True
        with contextlib.suppress(ProcessLookupError):
            signal.pidfd_send_signal(self.pidfd, signal.SIGKILL if force else signal.SIGTERM)
        if force:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.pid, signal.SIGKILL)

    def end_with_stacks(self) -> None:
        """Have the worker write the stacks of its threads into its log and end, even if it is stopped or stuck."""
        self._was_signalled = True
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, STACKS_SIGNAL)
            os.kill(self.pid, signal.SIGCONT)

    def cpu_seconds(self) -> float:
        """Return the CPU time of the worker and its children so far; 0 if it is gone."""
        return tree_cpu_s(self.pid)

    def collect(self, *, is_alone: bool = False, limit_s: float = EXIT_LIMIT_S) -> ProcessExit:
        """Kill what is left of the worker's group, release everything, and return how the worker ended.

        `is_alone`: the worker has said that no process is left of what it had started. It may have been dead for long
        then, and the number of its group be another's. `limit_s`: for its death, and for the server to tell the code.
        """
        deadline_s = time.monotonic() + limit_s
        if is_alone:
            self.kill()
        else:
            self.stop(force=True)
            end_marked(MARK, self.mark)
        self.has_ended(limit_s)
        code = self.server.exit_code(self.pid, max(0.0, deadline_s - time.monotonic()))
        os.close(self.pidfd)
        os.close(self._lifeline)
        self.bell.close()
        if self.tasks is not None:
            self.tasks.close()
        if self.ends_server:
            self.server.end()
        if code is not None and code < 0:
            return ProcessExit(signal=signal_name(-code))
        return ProcessExit(code=code)
