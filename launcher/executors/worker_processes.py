"""Starts, watches and ends worker processes on this machine. Knows processes, not sweeps: no schedule, no records.

Workers come from the fork server, which has imported torch once: a start costs milliseconds. The launcher itself never
imports torch. Death is watched with a pidfd, which depends on nobody: not on the fork server, nor on pipe ends that a
worker's own children keep open. A fork server that dies is replaced; whoever waits for it waits a limited time, and
hears signals meanwhile.
"""

from __future__ import annotations

import contextlib
import os
import pickle
import select
import signal
import sys
import time
from collections.abc import Callable, Sequence
from multiprocessing.connection import Connection, Pipe
from typing import Any

from launcher.errors import InputError, LauncherError
from launcher.executors import forkserver
from launcher.executors.base import ProcessExit, StartMethod
from launcher.executors.forkserver import ForkServer, ServerDied, ServerSilent
from launcher.executors.process_tree import tree_cpu_s
from launcher.store.locks import Lock
from launcher.worker.process_setup import STACKS_SIGNAL
from launcher.worker.spec import Spec
from launcher.worker.thread_budget import ThreadBudget

EXIT_LIMIT_S = 2.0  # between a death and the fork server's word about it: milliseconds
FORK_LIMIT_S = 1.0  # for a fork: milliseconds. Longer the event loop waits for nobody; twice as long after each silence
SILENCE_LIMIT_S = 30.0  # a fork server that is ready and has not answered for so long is replaced
IMPORT_LIMIT_S = 600.0  # for all modules of preload
TOLD_AFTER_S = 10.0  # what is waited for
MAX_DEATHS = 5  # of fork servers, one after another, none of which has forked anything
PAUSE_S = 0.25  # after the first of these deaths; twice as long after each more


class Worker:
    """A live worker process."""

    def __init__(self, pid: int, pidfd: int, bell: Connection, lifeline: int, parent: ForkServer) -> None:
        self.pid = pid
        self.pidfd = pidfd
        self.bell = bell  # readable when there may be new records
        self._lifeline = lifeline
        self._parent = parent
        self.ends_parent = False  # which was started for it alone

    def begin(self) -> None:
        """Let it do what it was forked for: until now it waits."""
        with contextlib.suppress(BrokenPipeError):  # it was killed already
            os.write(self._lifeline, b"\n")

    def stop(self, *, force: bool) -> None:
        """Ask the worker to save and end (SIGTERM), or kill it and all its children (SIGKILL to its group)."""
        with contextlib.suppress(ProcessLookupError):
            signal.pidfd_send_signal(self.pidfd, signal.SIGKILL if force else signal.SIGTERM)
        if force:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.pid, signal.SIGKILL)

    def end_with_stacks(self) -> None:
        """Have the worker write the stacks of its threads into its log and end, even if it is stopped or stuck."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, STACKS_SIGNAL)
            os.kill(self.pid, signal.SIGCONT)

    def cpu_seconds(self) -> float:
        """Return the CPU time of the worker and its children so far; 0 if it is gone."""
        return tree_cpu_s(self.pid)

    def collect(self) -> ProcessExit:
        """After the death: end what is left of its group, release everything and return how it ended."""
        self.stop(force=True)
        code = self._parent.exit_code(self.pid, EXIT_LIMIT_S)
        os.close(self.pidfd)
        os.close(self._lifeline)
        self.bell.close()
        if self.ends_parent:
            self._parent.end()
        return (
            ProcessExit(signal=signal.Signals(-code).name) if code is not None and code < 0 else ProcessExit(code=code)
        )


def _folder() -> str | None:
    """Return the working directory; None if it was removed."""
    try:
        return os.getcwd()
    except OSError:
        return None


class Workers:
    """Starts workers, all by the same method: from one fork server, or ("spawn") each from a fresh one of its own."""

    def __init__(self, method: StartMethod, preload: Sequence[str], say: Callable[[str], None] | None = None) -> None:
        self._is_shared = method == "forkserver"
        self._preload = tuple(preload) if self._is_shared else ()
        self._say = say or (lambda _: None)
        self._server: ForkServer | None = None
        self._began_s = 0.0  # of the server that is waited for
        self._fork_limit_s = FORK_LIMIT_S
        self._silent_s: float | None = None  # since when the server owes an answer
        self._num_deaths = 0  # since a server has forked anything
        self._not_before_s = 0.0

    def warm_up(self) -> None:
        """Start the fork server, so that it imports torch while the launcher does other things."""
        if self._server is None:
            self._begin()

    def is_ready(self) -> bool:
        """Say whether a worker can be started now; where the fork server is gone, another is started.

        Raises:
            InputError: a module of preload cannot be imported.
            LauncherError: one fork server after another has died.
        """
        try:
            if self._server is None:
                if time.monotonic() >= self._not_before_s:
                    self._begin()
                return False
            self._server.advance()
            self._watch_silence(self._server)
        except ServerDied as death:
            self._bury(str(death))
            return False
        return self._server is not None and self._server.is_ready and not self._server.is_silent

    def await_ready(self) -> None:
        """Wait until a worker can be started. Signals are handled meanwhile.

        Raises:
            InputError: a module of preload cannot be imported, or takes longer than IMPORT_LIMIT_S.
            LauncherError: one fork server after another has died.
        """
        began_s, is_told = time.monotonic(), False
        while not self.is_ready():
            if self._server is None:
                time.sleep(max(0.0, self._not_before_s - time.monotonic()))
                continue
            with contextlib.suppress(ServerDied):  # the next look finds it dead
                self._server.advance(PAUSE_S)
            waited_s = time.monotonic() - began_s
            if waited_s >= TOLD_AFTER_S and not is_told and not self._server.is_ready:
                is_told = True
                self._say(
                    f"the fork server is importing {self._server.importing}, for {waited_s:.0f} s now; Ctrl-C gives up."
                )

    def fork(self, function: str, name: str, argument: object, inherited: Sequence[int | None]) -> Worker:
        """Fork a worker that will call a function of `worker` with an argument and what it inherits, once it begins.

        It has also the write end of a pipe, as what it inherits first, of which the `bell` is the other end.

        Raises:
            OSError: the system has no room for another process.
            ServerDied, ServerSilent: no worker was made. To be tried again when `is_ready` says so.
        """
        if self._server is None or not self._server.is_ready:
            raise ServerSilent
        ours, theirs = Pipe(duplex=False)
        theirs_alive, ours_alive = os.pipe()
        asked: dict[str, Any] = {"function": function, "name": name, "argument": argument, "path": sys.path}
        asked |= {"folder": _folder(), "has": [True, *(fd is not None for fd in inherited)]}
        fds = [theirs.fileno(), *(fd for fd in inherited if fd is not None)]
        try:
            pid, pidfd = self._server.fork(pickle.dumps(asked), theirs_alive, fds, self._fork_limit_s)
        except BaseException as error:
            ours.close()
            os.close(ours_alive)
            if isinstance(error, ServerDied):
                self._bury(str(error))
            if isinstance(error, ServerSilent):
                self._fork_limit_s = min(2 * self._fork_limit_s, SILENCE_LIMIT_S / 2)
            raise
        finally:
            theirs.close()
            os.close(theirs_alive)
        self._num_deaths, self._fork_limit_s = 0, FORK_LIMIT_S
        made = Worker(pid, pidfd, ours, ours_alive, self._server)
        if not self._is_shared:
            made.ends_parent, self._server = True, None
        return made

    def fork_attempt(self, spec: Spec, lock: Lock | None = None, share: ThreadBudget | None = None) -> Worker:
        """Fork the worker of an attempt. It inherits the lock of its device, and its share of threads.

        Raises:
            OSError, ServerDied, ServerSilent: as `fork`.
        """
        made = self.fork("main", spec.experiment, spec, [one.fd if one else None for one in (lock, share)])
        os.set_blocking(made.bell.fileno(), False)  # the bell is looked at, never waited for
        return made

    def start(self, spec: Spec, lock: Lock | None = None, share: ThreadBudget | None = None) -> Worker:
        """Start the worker of an attempt, waiting for the fork server as long as that takes.

        Raises:
            InputError, LauncherError: as `await_ready`.
            OSError: the system has no room for another process.
        """
        while True:
            self.await_ready()
            with contextlib.suppress(ServerDied, ServerSilent):
                made = self.fork_attempt(spec, lock, share)
                made.begin()
                return made

    def prepare(self, specs: list[Spec]) -> str:
        """Let the target check all configurations in a process of its own; return the problems, empty if none.

        Raises:
            InputError, LauncherError: as `await_ready`.
        """
        made = self._fork_prepare(specs)
        exit: ProcessExit | None = None
        try:
            made.begin()
            poll = select.poll()
            for fd in (made.bell.fileno(), made.pidfd):
                poll.register(fd, select.POLLIN)
            poll.poll()
            try:
                problems = made.bell.recv_bytes().decode() if made.bell.poll() else None
            except EOFError:
                problems = None
            if problems is not None:
                select.select([made.pidfd], [], [], EXIT_LIMIT_S)  # it ends by itself
        finally:
            exit = made.collect()
        log = specs[0].paths.prepare_log
        if problems is None:
            return f"checking the configurations failed: {exit}. Its output: {log}"
        if not problems and log.exists() and log.stat().st_size == 0:
            log.unlink()
        return problems

    def close(self) -> None:
        """Give back the fork server, for another launch of this process."""
        if self._server is not None:
            if self._is_shared and self._server.is_ready:
                forkserver.give_back(self._server)
            else:
                self._server.end()
            self._server = None

    def _fork_prepare(self, specs: list[Spec]) -> Worker:
        while True:
            self.await_ready()
            with contextlib.suppress(ServerDied, ServerSilent):
                try:
                    return self.fork("prepare", "prepare", specs, [])
                except OSError as error:
                    raise LauncherError(f"no process can be started: {error.strerror}. Nothing was started.") from error

    def _begin(self) -> None:
        self._began_s = time.monotonic()
        self._silent_s = None
        try:
            self._server = forkserver.take(self._preload)
        except OSError as error:
            self._bury(f"cannot be started ({error.strerror})")

    def _watch_silence(self, its: ForkServer) -> None:
        """End a server that imports for ever, or is stopped."""
        now_s = time.monotonic()
        if not its.is_ready and now_s - self._began_s > IMPORT_LIMIT_S:
            raise InputError(
                f"sweep.preload: importing {its.importing} takes more than {IMPORT_LIMIT_S:.0f} s. Take it out."
            )
        if not its.is_silent:
            self._silent_s = None
        elif self._silent_s is None:
            self._silent_s = now_s
        elif now_s - self._silent_s > SILENCE_LIMIT_S:
            its.end()
            raise ServerDied(f"was silent for {SILENCE_LIMIT_S:.0f} s and is killed")

    def _bury(self, how: str) -> None:
        """Take in that the server is gone; say that there will be another.

        Raises:
            InputError: it ended by itself, while it imported a module of preload.
            LauncherError: it was not the first.
        """
        dead, self._server = self._server, None
        if dead is not None:
            dead.end()
            if dead.failure or (not dead.is_ready and how.startswith("ended")):
                why = dead.failure or f"the process {how}"
                raise InputError(
                    f"sweep.preload: importing {dead.importing} failed: {why}.\n  Mend it, or take it out."
                )
            if not dead.is_ready:
                how += f" as it imported {dead.importing}"
        self._num_deaths += 1
        if self._num_deaths >= MAX_DEATHS:
            raise LauncherError(
                f"the fork server, which all workers come from, {how}. It was number {self._num_deaths} in a row, so "
                "nothing more is started.\n"
                "  Likely cause: memory runs out (dmesg tells), or something on this machine kills it.\n"
                "  The same command again goes on."
            )
        self._not_before_s = time.monotonic() + PAUSE_S * 2 ** (self._num_deaths - 1)
        self._say(f"the fork server {how}: another is started.")
