"""Starts worker processes on this machine. Knows processes and not sweeps: no schedule, no records.

Workers come from the fork server, which has imported torch once, so that a start costs milliseconds. The launcher
itself never imports torch.
"""

from __future__ import annotations

import contextlib
import os
import pickle
import select
import socket
import sys
from collections.abc import Callable, Sequence
from functools import partial
from multiprocessing.connection import Pipe
from typing import Any

from launcher.command.script import Script
from launcher.errors import LauncherError
from launcher.executors.base import StartMethod
from launcher.executors.forkserver import ServerDied, ServerSilent
from launcher.executors.idle_workers import IdleWorkers, devices_of
from launcher.executors.lifeline import NamedLifeline, mark_of
from launcher.executors.server_supervisor import ServerSupervisor
from launcher.executors.worker_process import EXIT_LIMIT_S, WorkerProcess
from launcher.store.locks import Lock
from launcher.worker.script_task import TASK_BYTES, ScriptTask, make_folders
from launcher.worker.spec import Spec
from launcher.worker.thread_budget import ThreadBudget


class WorkerStarter:
    """Starts the workers of a launch, all by one method.

    "forkserver": from one server, which all workers share. "spawn": each worker from a fresh server of its own.
    """

    def __init__(self, method: StartMethod, preload: Sequence[str], warn: Callable[[str], None] | None = None) -> None:
        self._is_shared = method == "forkserver"
        self._lifeline = NamedLifeline()
        self._idle = IdleWorkers()
        self._server = ServerSupervisor(preload if self._is_shared else (), warn or (lambda _: None))

    def warm_up(self) -> None:
        """Start the fork server, so that it imports torch while the launcher does other things."""
        self._server.warm_up()

    def is_ready(self) -> bool:
        """Return whether a worker can be started now. Where the fork server is gone, another is started.

        Raises:
            InputError: a module of `preload` cannot be imported.
            LauncherError: one fork server after another has died.
        """
        return self._server.is_ready()

    def fork(
        self, function: str, name: str, argument: object, inherited: Sequence[int | None], *, is_plain: bool = False
    ) -> WorkerProcess:
        """Fork a worker that calls a function of `launcher.worker` once it begins.

        The function gets the argument, the write end of the worker's bell, and the descriptors that it inherits.
        `is_plain`: the function needs nothing of multiprocessing, whose set-up takes a while.

        Raises:
            OSError: the system has no room for another process.
            ServerDied, ServerSilent: no worker was made; it may be tried again when `is_ready` says so.
        """
        bell, their_bell = Pipe(duplex=False)
        their_lifeline, lifeline = os.pipe()
        request: dict[str, Any] = {"function": function, "name": name, "argument": argument, "path": sys.path}
        request["is_plain"] = is_plain
        request |= {"folder": _working_folder(), "has": [True, *(fd is not None for fd in inherited)]}
        fds = [their_bell.fileno(), *(fd for fd in inherited if fd is not None)]
        try:
            pid, pidfd, server = self._server.fork(pickle.dumps(request), their_lifeline, fds)
        except BaseException:
            bell.close()
            os.close(lifeline)
            raise
        finally:
            their_bell.close()
            os.close(their_lifeline)
        worker = WorkerProcess(pid, pidfd, bell, lifeline, server)
        if not self._is_shared:
            worker.ends_server = True
            self._server.hand_over()
        return worker

    def fork_attempt(
        self, spec: Spec, locks: Sequence[Lock] = (), threads: ThreadBudget | None = None
    ) -> WorkerProcess:
        """Fork the worker of an attempt. It inherits the locks of its devices, and the budget of threads.

        Raises:
            OSError, ServerDied, ServerSilent: as `fork`.
        """
        spec = self._lifeline.marked(spec)
        if spec.script is not None:
            worker = self._script_worker(spec, spec.script, locks)
        else:
            worker = self.fork(
                "main", spec.experiment, spec, [None if threads is None else threads.fd, *devices_of(locks)]
            )
        worker.mark = mark_of(spec)
        os.set_blocking(worker.bell.fileno(), False)  # the event loop never waits for a bell
        return worker

    def _script_worker(self, spec: Spec, script: Script, locks: Sequence[Lock]) -> WorkerProcess:
        """Return a worker for the attempt of a script: a worker that waits for a task, or else a new worker."""
        if isinstance(script.log, tuple):
            self._server.warm("script", script.log)
        task, devices = ScriptTask.of(spec, script, are_folders_new=make_folders(script)), devices_of(locks)
        # No code of a user's runs in the worker but of a script that is inside.
        fork = partial(self.fork, "script", spec.experiment, task, is_plain=not script.is_inside)
        if script.is_inside or len(message := pickle.dumps(task)) > TASK_BYTES:
            return fork([None, *devices])
        if (idle := self._idle.take(devices, self._server.server)) is not None:
            idle.give(message)
            return idle
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            try:
                worker = fork([theirs.fileno(), *devices])
            except BaseException:
                ours.close()
                raise
        worker.tasks, worker.devices = ours, devices
        return worker

    def keep(self, worker: WorkerProcess) -> None:
        """Keep a worker that waits for a task, or end it if it can be given none."""
        if worker.takes_more:
            self._idle.keep(worker)
        else:
            worker.collect(is_alone=True)

    def start(self, spec: Spec, locks: Sequence[Lock] = (), threads: ThreadBudget | None = None) -> WorkerProcess:
        """Start the worker of an attempt, and wait for the fork server as long as that takes.

        Raises:
            InputError, LauncherError: as `is_ready`.
            OSError: the system has no room for another process.
        """
        while True:
            self._server.await_ready()
            with contextlib.suppress(ServerDied, ServerSilent):
                worker = self.fork_attempt(spec, locks, threads)
                worker.begin()
                return worker

    def prepare(self, specs: list[Spec]) -> str:
        """Let the target check all configurations in a process of its own. Return its problems, empty if it has none.

        Raises:
            InputError, LauncherError: as `is_ready`; or the system has no room for the process.
        """
        worker = self._fork_prepare(specs)
        try:
            worker.begin()
            problems = _read_problems(worker)
            if problems is not None:
                select.select([worker.pidfd], [], [], EXIT_LIMIT_S)  # the process ends by itself
        finally:
            exit = worker.collect()
        log = specs[0].paths.prepare_log(specs[0].experiment)
        if problems is None:
            return f"checking the configurations failed: {exit}. Its output: {log}"
        with contextlib.suppress(FileNotFoundError):
            if not problems and log.stat().st_size == 0:
                log.unlink()
        return problems

    def close(self) -> None:
        """Give back the fork server, for another launch of this process."""
        self._idle.close()
        self._lifeline.close()
        self._server.close(is_kept=self._is_shared)

    def _fork_prepare(self, specs: list[Spec]) -> WorkerProcess:
        while True:
            self._server.await_ready()
            with contextlib.suppress(ServerDied, ServerSilent):
                try:
                    return self.fork("prepare", "prepare", specs, [])
                except OSError as error:
                    raise LauncherError(f"no process can be started: {error.strerror}. Nothing was started.") from error


def _read_problems(worker: WorkerProcess) -> str | None:
    """Wait for the answer of the process that checks configurations; None if it ends without an answer."""
    poll = select.poll()
    for fd in (worker.bell.fileno(), worker.pidfd):
        poll.register(fd, select.POLLIN)
    poll.poll()
    try:
        return worker.bell.recv_bytes().decode() if worker.bell.poll() else None
    except EOFError:
        return None


def _working_folder() -> str | None:
    """Return the working directory; None if it was removed."""
    try:
        return os.getcwd()
    except OSError:
        return None
