"""Starts, watches and ends worker processes on this machine. Knows processes, not sweeps: no schedule, no records.

Workers come from multiprocessing's fork server, which has imported torch once: a start costs milliseconds. The launcher
itself never imports torch. Death is watched with a pidfd, which depends on nobody: not on the fork server, nor on pipe
ends that a worker's own children keep open.

`Worker` is the seam for other ways to start: something with a descriptor that becomes readable when it ends, an exit
status then, and `stop`.
"""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.context import ForkServerContext, SpawnContext
from multiprocessing.process import BaseProcess
from typing import Literal

import psutil

from launcher import server, worker
from launcher.errors import InputError
from launcher.locks import Lock
from launcher.share import Share
from launcher.spec import Spec

StartMethod = Literal["forkserver", "spawn"]
_EXIT_LIMIT_S = 2.0  # between a death and the fork server's word about it: milliseconds
_LOST_STATUS = 255  # what multiprocessing says when the fork server died and nobody knows the exit status


def check_platform() -> None:
    """Say in one line where this launcher cannot run.

    Raises:
        InputError: not Linux with pidfd_open (5.4).
    """
    try:
        os.close(os.pidfd_open(os.getpid()))
    except (AttributeError, OSError) as error:
        raise InputError("this launcher needs Linux 5.4 or newer (pidfd_open) and Python 3.11 or newer.") from error


@dataclass(frozen=True)
class Exit:
    """How a process ended: an exit code, a signal's name, or neither if nobody can know."""

    code: int | None = None
    signal: str | None = None

    def __str__(self) -> str:
        if self.signal:
            return f"killed by {self.signal}"
        return "an unknown exit status" if self.code is None else f"exit code {self.code}"


class Worker:
    """A live worker process."""

    def __init__(self, process: BaseProcess, bell: Connection) -> None:
        assert process.pid is not None, "the process was started"
        self.pid = process.pid
        self.bell = bell  # readable when there may be new records
        self._process = process
        self.pidfd: int | None
        try:
            self.pidfd = os.pidfd_open(self.pid)
        except ProcessLookupError:  # over already
            self.pidfd = None

    def stop(self, *, force: bool) -> None:
        """Ask the worker to save and end (SIGTERM), or kill it and all its children (SIGKILL to its group)."""
        with contextlib.suppress(ProcessLookupError):
            if self.pidfd is not None:
                signal.pidfd_send_signal(self.pidfd, signal.SIGKILL if force else signal.SIGTERM)
        if force:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.pid, signal.SIGKILL)

    def end_with_stacks(self) -> None:
        """Have the worker write the stacks of its threads into its log and end, even if it is stopped or stuck."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, worker.STACKS_SIGNAL)
            os.kill(self.pid, signal.SIGCONT)

    def cpu_seconds(self) -> float:
        """Return the CPU time of the worker and its children so far; 0 if it is gone."""
        try:
            process = psutil.Process(self.pid)
            return sum(sum(one.cpu_times()[:2]) for one in [process, *process.children(recursive=True)])
        except psutil.Error:
            return 0.0

    def collect(self) -> Exit:
        """After the death: end what is left of its group, release everything and return how it ended."""
        self.stop(force=True)
        exit = _join(self._process)
        if self.pidfd is not None:
            os.close(self.pidfd)
        self.bell.close()
        return exit


def _join(process: BaseProcess) -> Exit:
    process.join(_EXIT_LIMIT_S)
    code = process.exitcode
    if code is None:
        return Exit()
    process.close()
    if code == _LOST_STATUS:
        return Exit()
    return Exit(signal=signal.Signals(-code).name) if code < 0 else Exit(code=code)


class Workers:
    """Starts workers, all by the same method."""

    def __init__(self, method: StartMethod, preload: Sequence[str]) -> None:
        self._context: ForkServerContext | SpawnContext
        self._context = ForkServerContext() if method == "forkserver" else SpawnContext()
        self._preload = preload
        if method == "forkserver":
            server.preload(preload)

    def warm_up(self) -> None:
        """Start the fork server, so that it imports torch while the launcher does other things."""
        if isinstance(self._context, ForkServerContext):
            server.start(self._preload)

    def start(self, spec: Spec, lock: Lock | None = None, share: Share | None = None) -> Worker:
        """Start the worker of an attempt. It inherits the lock of its device, and its share of threads.

        Raises:
            OSError: the system has no room for another process.
        """
        ours, theirs = self._context.Pipe(duplex=False)
        inherited = [Connection(os.dup(one.fd)) if one else None for one in (lock, share)]
        process = self._context.Process(target=worker.main, args=(spec, theirs, *inherited), name=spec.experiment)
        try:
            with server.undisturbed():
                process.start()
        except (OSError, EOFError):
            ours.close()
            raise
        finally:
            for connection in (theirs, *inherited):
                if connection is not None:
                    connection.close()
        os.set_blocking(ours.fileno(), False)  # the bell is looked at, never waited for
        try:
            return Worker(process, ours)
        except OSError:  # no descriptor left to watch it by
            process.kill()
            ours.close()
            raise

    def prepare(self, specs: list[Spec]) -> str:
        """Let the target check all configurations in a process of its own; return the problems, empty if none."""
        ours, theirs = self._context.Pipe(duplex=False)
        process = self._context.Process(target=worker.prepare, args=(specs, theirs), name="prepare")
        try:
            with server.undisturbed():
                process.start()
        except (OSError, EOFError) as error:
            raise InputError(
                f"no worker process can be started ({error}).\n  Does a module of preload fail to import?"
            ) from error
        finally:
            theirs.close()
        try:
            wait([ours, process.sentinel])
            if not ours.poll():
                raise EOFError
            problems = ours.recv_bytes().decode()
        except EOFError:
            problems = f"checking the configurations failed: {_join(process)}. Its output: {specs[0].paths.prepare_log}"
        except BaseException:
            process.kill()
            raise
        else:
            _join(process)
        finally:
            ours.close()
        log = specs[0].paths.prepare_log
        if not problems and log.exists() and log.stat().st_size == 0:
            log.unlink()
        return problems
