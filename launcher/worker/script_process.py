"""The processes of a script: children of the worker, in its process group, with logs as their output.

With several devices there is a process for each, a rank; rank 0 writes into the log of the experiment.
"""

from __future__ import annotations

import contextlib
import errno
import os
import signal
from collections.abc import Mapping, Sequence
from typing import Any

from launcher.command.script import PORT
from launcher.store.files import open_to_append
from launcher.worker import ranks as naming
from launcher.worker.ranks import Ranks
from launcher.worker.script_ending import is_full, last_error, read_output, script_ending
from launcher.worker.script_task import ScriptTask

_IGNORED_BY_PYTHON = [signal.SIGPIPE, signal.SIGXFSZ]


_INHERITED = dict(os.environ)  # made once in the fork server, for all its workers


class ScriptProcesses:
    """The processes of one attempt of a script. They end with the worker's process group at the latest."""

    def __init__(self, task: ScriptTask, last_step: int | None) -> None:
        """Start them. `last_step`: what earlier attempts have recorded, if this one goes on from it.

        Raises:
            OSError: the program or the folder does not exist, or the program cannot be run.
        """
        self._num, self._logs = task.num_ranks, (task.log, *task.rank_logs)
        port = naming.free_port() if self._num > 1 or task.needs_port else 0
        argv, environment = task.argv, {**task.environment, **task.own_environment}
        if last_step is not None:
            environment["LAUNCHER_LAST_STEP"] = str(last_step)
        if task.needs_port:
            argv = tuple(word.replace(PORT, str(port)) for word in argv)
            environment = {key: value.replace(PORT, str(port)) for key, value in environment.items()}
        self._starts: list[int] = []
        pids: list[int] = []
        try:
            for rank, log in enumerate(self._logs):
                if self._num > 1:
                    environment |= naming.environment(rank, self._num, port, task.run_id)
                self._starts.append(_size(log))
                if rank == 0:
                    pids.append(_start(task, argv, environment, None))
                    continue
                with _opened(log, f"attempt {task.attempt}, rank {rank} of {self._num}\n") as output:
                    pids.append(_start(task, argv, environment, output))
        except OSError:
            for pid in pids:
                os.kill(pid, signal.SIGKILL)
                os.waitpid(pid, 0)
            raise
        self.ranks = Ranks(pids, self._reason)

    def _reason(self, rank: int) -> str:
        return last_error(self._output(rank))

    def _output(self, rank: int) -> str:
        return read_output(self._logs[rank], self._starts[rank])

    @property
    def has_succeeded(self) -> bool:
        """All have ended with exit code 0."""
        return self.ranks.failed is None

    def ending(self) -> dict[str, Any]:
        """Return the ending of a script that was not asked to stop, as fields of the last record."""
        failed = self.ranks.failed
        if failed is None:
            return script_ending(0, "")
        code, is_log_full = self.ranks.codes[failed] or 0, is_full(self._logs[failed])
        last = script_ending(code, self._output(failed), is_log_full=is_log_full)
        if "error" in last and self._num > 1:
            last["error"] = naming.named(failed, self._num, last["error"])
        return last


def _start(task: ScriptTask, argv: Sequence[str], environment: Mapping[str, str], output: int | None) -> int:
    """Start a process as the command of a script says, and return its pid.

    `environment`: in addition to this process's own. `output`: for stdout and stderr; None: they are inherited, and so
    the log.
    """
    if task.is_inside:
        return _fork(task, argv, environment, output)
    os.chdir(task.folder)  # an error names it as it is given here
    return _spawn(argv, {**_INHERITED, **environment}, output)


def _spawn(argv: Sequence[str], environment: Mapping[str, str], output: int | None) -> int:
    """Start a program in this process's folder, as `subprocess.Popen` does in three times the time. Return its pid.

    No descriptor of this process is inherited but the standard ones: the others close when a program begins.
    """
    program = argv[0]
    folders = [""] if "/" in program else os.get_exec_path(dict(environment))
    actions: list[tuple[Any, ...]] = [(os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDWR, 0)]
    actions += [] if output is None else [(os.POSIX_SPAWN_DUP2, output, 1), (os.POSIX_SPAWN_DUP2, output, 2)]
    failure: OSError | None = None
    for folder in folders:
        path = os.path.join(folder, program)
        try:
            return os.posix_spawn(path, list(argv), environment, file_actions=actions, setsigdef=_IGNORED_BY_PYTHON)
        except OSError as error:
            if error.errno not in (errno.ENOENT, errno.ENOTDIR):
                failure = OSError(error.errno, error.strerror, program)
    raise failure or OSError(errno.ENOENT, os.strerror(errno.ENOENT), program)


def _fork(task: ScriptTask, argv: Sequence[str], environment: Mapping[str, str], output: int | None) -> int:
    pid = os.fork()
    if pid == 0:
        try:
            from launcher.worker.inside import run_inside

            if output is not None:
                os.dup2(output, 1)
                os.dup2(output, 2)
            run_inside(argv, task.folder, environment, task.threads)
        finally:
            os._exit(1)
    return pid


@contextlib.contextmanager
def _opened(log: Any, header: str) -> Any:
    fd = open_to_append(log)
    try:
        os.write(fd, header.encode())
        yield fd
    finally:
        os.close(fd)


def _size(path: Any) -> int:
    try:
        return os.stat(path).st_size
    except OSError:
        return 0
