"""The fork server: a process that imports torch once and then forks workers, each in milliseconds.

`launcher.executors.forkserver` starts this module as a process, and talks to it over a control socket. Each message is
a datagram:

    launcher ─▶ server    a number, and descriptors: a file in memory with the request, a lifeline, others to inherit
    launcher ─▶ server    "warm", and a descriptor: a file in memory with what workers will need
    server ─▶ launcher    ["imports", module]          the server begins to import the module
                          ["fails", module, why]       the import failed, and the server ends
                          ["ready"]                    the server can fork workers
                          ["forked", number, pid]      with a pidfd; `number` is that of the request
                          ["refused", number, errno]   the system has no room for another process
                          ["ended", pid, exit code]    of a worker; negative: the number of the signal that killed it

A new worker waits for a byte on its lifeline before it does anything. The launcher sends the byte when it knows the
worker's pid.

Three settings make workers faster:

- torch imports some of its modules at their first use, which would cost each worker 2 ms at its first optimizer step.
  The server imports these modules too.
- A worker shares the memory of the server until either writes to it. The garbage collector writes to every object that
  it visits, so each worker would copy 73 MB of torch's objects in its first full collection, which takes 200 ms.
  `gc.freeze` keeps the collector from visiting the objects that exist before the first fork.
- A worker ends as a script does (`launcher/worker/shutdown.py`). torch's finalizers would take 10 ms at the end of each
  worker, to release memory that the kernel releases anyway. The server switches them off.
"""

from __future__ import annotations

import contextlib
import ctypes  # noqa: F401  a worker flushes C's output when it ends
import gc
import importlib
import os
import pickle
import select
import signal
import socket
import sys
import traceback
import weakref
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, NoReturn

import orjson

from launcher import child_process
from launcher.worker import plain_signal

_LATE = ("torch.profiler._cupti_monitor", "torch.utils.serialization")  # imported at the first step, the first save
_QUIET = (signal.SIGINT, signal.SIGUSR1)  # ignored here: `pkill -INT -f launcher` is meant for the launcher only
MAX_FDS = 80  # the most descriptors of a request: a lock for each of 64 devices, and a few more
WARM = b"warm"
# Each has a function of the module's name. The first two are for training functions, the last is for scripts.
_ENTRY_POINTS = ("launcher.worker.main", "launcher.worker.prepare", "launcher.worker.script")


def main() -> None:
    """Run the fork server. `sys.argv` holds the descriptor of the control socket, then the modules to import."""
    control, modules = socket.socket(fileno=int(sys.argv[1])), sys.argv[2:]
    del sys.argv[1:]
    before = {int(number): plain_signal.signal(number, plain_signal.SIG_IGN) for number in _QUIET}
    for name in modules if _ENTRY_POINTS[-1] in modules else [*modules, *_ENTRY_POINTS[:-1]]:
        _tell(control, "imports", name)
        try:
            importlib.import_module(name)
        except ImportError:  # no torch on this machine: a target that needs it fails with its own message
            if name in _ENTRY_POINTS:
                raise
        except BaseException as error:  # noqa: BLE001  the user's module runs here, and this process ends
            from launcher.text import error_text

            frame = traceback.extract_tb(error.__traceback__)[-1]
            why = f"{type(error).__name__}: {error_text(error)}"[:1000]
            _tell(control, "fails", name, f"{why} ({Path(frame.filename).name}:{frame.lineno})")
            os._exit(1)
    if "torch" in sys.modules:
        for name in _LATE:
            with contextlib.suppress(ImportError):  # other versions of torch have other modules
                importlib.import_module(name)
    if "launcher.worker.failure" in sys.modules:
        sys.modules["launcher.worker.failure"].is_installed("")  # the first call takes 2 ms
    for finalizer in list(weakref.finalize._registry):  # type: ignore[attr-defined]
        finalizer.atexit = False
    gc.collect()
    gc.freeze()
    _tell(control, "ready")
    with contextlib.suppress(ConnectionError):  # the launcher has ended
        _serve(control, before)


def _serve(control: socket.socket, handlers: dict[int, Any]) -> None:
    """Fork a worker for each request, and report each worker's end, until the launcher closes the socket."""
    pids: dict[int, int] = {}  # by pidfd
    poller, asks = select.epoll(), control.fileno()
    poller.register(asks, select.EPOLLIN)
    while True:
        for fd, _ in poller.poll():
            if fd != asks:
                poller.unregister(fd)  # the launcher holds it too, so its end here is not enough
                os.close(fd)
                ended, status = os.waitpid(pids.pop(fd), 0)
                _tell(control, "ended", ended, os.waitstatus_to_exitcode(status))
                continue
            message, fds = child_process.receive_fds(control, 64, MAX_FDS)
            if not message:
                return
            if message == WARM:
                _warm(fds[0])
                continue
            begin = _beginning(fds[0], fds[1:], handlers)
            pid = _fork(control, int(message))
            if pid == 0:
                control.close()
                poller.close()
                for pidfd in pids:
                    os.close(pidfd)
                _be_worker(fds[1], begin)
            for given in fds[1:]:
                os.close(given)
            if pid is not None:
                pidfd = os.pidfd_open(pid)
                pids[pidfd] = pid
                poller.register(pidfd, select.EPOLLIN)
                _tell(control, "forked", int(message), pid, fds=[pidfd])


def _warm(request: int) -> None:
    """Let a module of workers compute once what all its workers need. Where that fails, each does it for itself."""
    with contextlib.suppress(Exception):
        function, argument = pickle.loads(_content(request))  # noqa: S301  the launcher's own
        importlib.import_module(f"launcher.worker.{function}").warm(argument)
        gc.freeze()


def _fork(control: socket.socket, number: int) -> int | None:
    try:
        return os.fork()
    except OSError as error:
        _tell(control, "refused", number, error.errno)
        return None


def _tell(control: socket.socket, *message: object, fds: list[int] | None = None) -> None:
    text = [orjson.dumps(message)]
    if fds:
        socket.send_fds(control, text, fds)
    else:
        control.sendmsg(text)


def _beginning(request: int, fds: list[int], handlers: dict[int, Any]) -> Callable[[], int]:
    """Return a function that does in a worker what a request asks for, and returns the exit code.

    Whatever can be done before the fork is done here, in a tenth of the time: the first run of any code in a worker
    copies the memory that the code is in. So the request is read here.
    """
    try:
        asked: dict[str, Any] = pickle.loads(_content(request))  # noqa: S301  the launcher's own
        lifeline, *inherited = fds
        left = iter(inherited)
        module = importlib.import_module(f"launcher.worker.{asked['function']}")
        given = [next(left) if is_there else None for is_there in asked["has"]]
        call = partial(getattr(module, asked["function"]), asked["argument"], *given, lifeline=lifeline)
        return partial(_call_plainly if asked["is_plain"] else _call, call, asked, handlers)
    except Exception as error:  # noqa: BLE001  the worker tells it
        return partial(_fail, error)


def _fail(error: Exception) -> int:
    raise error


def _call_plainly(call: Callable[[], Any], _asked: dict[str, Any], handlers: dict[int, Any]) -> int:
    """Call a function that needs nothing of multiprocessing, no folder and no module, and ends the process itself."""
    for number, handler in handlers.items():
        plain_signal.signal(number, handler)
    call()
    return 1


def _call(call: Callable[[], Any], asked: dict[str, Any], handlers: dict[int, Any]) -> int:
    """Call a function as a process of multiprocessing does: `_bootstrap` flushes the output, and returns a code."""
    from multiprocessing.context import Process

    for number, handler in handlers.items():
        plain_signal.signal(number, handler)
    sys.path[:] = asked["path"]
    with contextlib.suppress(OSError):  # the folder was removed
        os.chdir(asked["folder"] or ".")
    process: Any = Process(target=call, name=asked["name"])
    process._parent_pid = os.getppid()
    return int(process._bootstrap(parent_sentinel=call.keywords["lifeline"]))  # type: ignore[attr-defined]


def _be_worker(lifeline: int, begin: Callable[[], int]) -> NoReturn:
    """Begin in the process forked for it, once the launcher says so, and end the process."""
    code = 1
    try:
        if os.read(lifeline, 1):
            code = begin()
    except BaseException:  # noqa: BLE001  the outermost frame
        traceback.print_exc()
    finally:
        os._exit(code)


def _content(file: int) -> bytes:
    """Return what can be read from a descriptor, and close it."""
    content = b""
    while piece := os.read(file, 1 << 16):
        content += piece
    os.close(file)
    return content
