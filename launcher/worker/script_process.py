"""The process of a script: the worker's child, in the worker's process group, with the log as its output."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
from collections.abc import Mapping, Sequence
from typing import IO

from launcher.command.script import Script

PORT = "\0"  # in an argument: the place of a free port


class ScriptProcess:
    """A process of a script. It ends with the worker's process group at the latest."""

    def __init__(self, pid: int) -> None:
        """Watch a child of this process."""
        self._pid = pid
        self.pidfd = os.pidfd_open(pid)

    def signal(self, number: int) -> None:
        """Send a signal to the process."""
        with contextlib.suppress(ProcessLookupError):
            signal.pidfd_send_signal(self.pidfd, number)

    def wait(self) -> int:
        """Wait for the end of the process, and return its exit code; minus the number of the signal that ended it."""
        _, status = os.waitpid(self._pid, 0)
        os.close(self.pidfd)
        return os.waitstatus_to_exitcode(status)


def start_process(
    script: Script, environment: Mapping[str, str], threads: int, output: IO[bytes] | None = None
) -> ScriptProcess:
    """Start a process of a script as its command says.

    Args:
        environment: in addition to this process's own.
        threads: the number of CPU threads to use.
        output: for stdout and stderr; None: they are inherited, and so the log.

    Raises:
        OSError: the program or the folder does not exist, or the program cannot be run.
    """
    argv = _with_port(script.argv)
    if script.is_inside:
        return ScriptProcess(_fork(script, argv, environment, threads, output))
    started = subprocess.Popen(  # it closes every other descriptor of the worker
        argv,
        cwd=script.folder,
        env={**os.environ, **environment},
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=output,
    )
    started.returncode = 0  # keeps Popen from waiting for it
    return ScriptProcess(started.pid)


def _fork(
    script: Script, argv: Sequence[str], environment: Mapping[str, str], threads: int, output: IO[bytes] | None
) -> int:
    pid = os.fork()
    if pid == 0:
        try:
            from launcher.worker.inside import run_inside

            if output is not None:
                os.dup2(output.fileno(), 1)
                os.dup2(output.fileno(), 2)
            run_inside(argv, script.folder, environment, threads)
        finally:
            os._exit(1)
    return pid


def _with_port(argv: Sequence[str]) -> list[str]:
    """Return arguments with the number of a free TCP port in its place, if one of them asks for it."""
    if not any(PORT in word for word in argv):
        return list(argv)
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = str(found.getsockname()[1])
    return [word.replace(PORT, port) for word in argv]
