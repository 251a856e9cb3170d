"""The fork server: a process that imports torch once and then forks workers, each in milliseconds.

The launcher's end of it is `launcher.executors.forkserver`, which starts this module as a process.
Over the control socket, one message a datagram:

    launcher ─▶ server    a number, with descriptors: the request (a file in memory), a lifeline, what else is inherited
    server ─▶ launcher    ["imports", module]          it begins to import
                          ["fails", module, why]       it cannot, and ends
                          ["ready"]
                          ["forked", number, pid]      with a pidfd
                          ["refused", number, errno]   the system has no room for another process
                          ["ended", pid, exit code]    negative: the number of a signal

A worker that was forked waits for one byte on its lifeline, so that the launcher knows of it before it does anything.

torch imports some of itself only when it is first used, which each worker would do anew: 2 ms at its first optimizer
step. And a worker shares the server's memory until one of them writes to it. The garbage collector writes to every
object it looks at, so each worker would copy torch's, 73 MB, in 200 ms at its first full collection. What is there by
now is put where the collector never looks (gc.freeze, made for this).

A worker ends as a script does (`launcher/worker/shutdown.py`). torch's finalizers would take 10 ms of each then, to
take apart what ends with the process anyway: they are told not to.
"""

from __future__ import annotations

import contextlib
import ctypes  # noqa: F401  a worker flushes C's output when it ends
import gc
import importlib
import json
import os
import pickle
import selectors
import signal
import socket
import sys
import traceback
import weakref
from multiprocessing.connection import Connection
from multiprocessing.context import Process
from pathlib import Path
from typing import Any, NoReturn

_LATE = ("torch.profiler._cupti_monitor", "torch.utils.serialization")  # at the first step, at the first save
_QUIET = (signal.SIGINT, signal.SIGUSR1)  # are the launcher's, also where someone typed pkill -f
MAX_FDS = 8  # with a request
_ENTRY_POINTS = ("launcher.worker.main", "launcher.worker.prepare")  # each has a function of its own name


def main() -> None:
    """Be the fork server. Arguments: the descriptor of the control socket, and the modules to import."""
    control, modules = socket.socket(fileno=int(sys.argv[1])), sys.argv[2:]
    del sys.argv[1:]
    before = {number: signal.signal(number, signal.SIG_IGN) for number in _QUIET}
    for name in [*modules, *_ENTRY_POINTS]:
        _tell(control, "imports", name)
        try:
            importlib.import_module(name)
        except ImportError:  # a machine without torch: whoever needs it says so
            if name in _ENTRY_POINTS:
                raise
        except BaseException as error:  # noqa: BLE001  the user's module runs here, and this process ends
            frame = traceback.extract_tb(error.__traceback__)[-1]
            why = f"{type(error).__name__}: {error}"[:1000]
            _tell(control, "fails", name, f"{why} ({Path(frame.filename).name}:{frame.lineno})")
            os._exit(1)
    if "torch" in sys.modules:
        for name in _LATE:
            with contextlib.suppress(ImportError):  # another torch has others
                importlib.import_module(name)
    sys.modules["launcher.worker.failure"].is_installed("")  # takes 2 ms the first time
    for finalizer in list(weakref.finalize._registry):  # type: ignore[attr-defined]
        finalizer.atexit = False
    gc.collect()
    gc.freeze()
    _tell(control, "ready")
    with contextlib.suppress(ConnectionError):  # nobody is there any more
        _serve(control, before)


def _serve(control: socket.socket, handlers: dict[signal.Signals, Any]) -> None:
    """Fork a worker for each request, and tell how each ended."""
    pids: dict[int, int] = {}  # by pidfd
    with selectors.DefaultSelector() as selector:
        selector.register(control, selectors.EVENT_READ)
        while True:
            for key, _ in selector.select():
                if key.fileobj is control:
                    number, fds, _, _ = socket.recv_fds(control, 64, MAX_FDS, socket.MSG_CMSG_CLOEXEC)
                    if not number:
                        return
                    pid = _fork(control, int(number))
                    if pid == 0:
                        control.close()
                        selector.close()
                        for pidfd in pids:
                            os.close(pidfd)
                        _be_worker(fds, handlers)
                    for fd in fds:
                        os.close(fd)
                    if pid is not None:
                        pidfd = os.pidfd_open(pid)
                        pids[pidfd] = pid
                        selector.register(pidfd, selectors.EVENT_READ)
                        _tell(control, "forked", int(number), pid, fds=[pidfd])
                else:
                    selector.unregister(key.fd)
                    os.close(key.fd)
                    _, status = os.waitpid(pid := pids.pop(key.fd), 0)
                    _tell(control, "ended", pid, os.waitstatus_to_exitcode(status))


def _fork(control: socket.socket, number: int) -> int | None:
    try:
        return os.fork()
    except OSError as error:
        _tell(control, "refused", number, error.errno)
        return None


def _tell(control: socket.socket, *message: object, fds: list[int] | None = None) -> None:
    text = [json.dumps(message).encode()]
    if fds:
        socket.send_fds(control, text, fds)
    else:
        control.sendmsg(text)


def _be_worker(fds: list[int], handlers: dict[signal.Signals, Any]) -> NoReturn:
    """Do what was asked for, in the process that was forked for it. multiprocessing's `_bootstrap` ends it in order."""
    code = 1
    try:
        request, lifeline, *inherited = fds
        if os.read(lifeline, 1):
            for number, handler in handlers.items():
                signal.signal(number, handler)
            with open(request, "rb") as file:
                asked = pickle.load(file)  # noqa: S301  the launcher's own
            sys.path[:] = asked["path"]
            with contextlib.suppress(OSError):  # it was removed
                os.chdir(asked["folder"] or ".")
            connections = iter([Connection(fd) for fd in inherited])
            given = [next(connections) if is_there else None for is_there in asked["has"]]
            function = getattr(sys.modules[f"launcher.worker.{asked['function']}"], asked["function"])
            process: Any = Process(target=function, args=(asked["argument"], *given), name=asked["name"])
            process._parent_pid = os.getppid()
            code = process._bootstrap(parent_sentinel=lifeline)
    finally:
        os._exit(code)
