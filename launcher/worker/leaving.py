"""How a worker leaves: what a script's interpreter does at its end, but for taking torch apart, which takes long.

A fork server's child ends by `os._exit`: no `atexit` handler would run, no file be flushed. Here is the order in which
Python itself ends (`Py_FinalizeEx`): threads, `atexit`, the modules of the target with what they hold, files. What only
C's `exit` does is left out, but for its output.
"""

from __future__ import annotations

import atexit
import contextlib
import gc
import io
import os
import signal
import sys
import threading
import time
import traceback
import types
import weakref
from collections.abc import Callable
from typing import Any, NoReturn

from launcher.worker.failure import is_installed
from launcher.worker.ordinary import end_tracker

_FILE = io.IOBase.__base__ or object
_exit = os._exit  # a target may have put something of its own in there, which has nothing left to work with
_CANARY = "__launcher_canary__"
_preloaded: set[str] = set()
_CHILDREN_LIMIT_S = 0.5  # for children that were asked to end; then they are killed


def remember_modules() -> None:
    """Take in which modules are there before the target's: to look at all of torch's would take 30 ms at the end."""
    _preloaded.update(sys.modules)


def leave(code: int, *, has_children: bool = True) -> NoReturn:
    """End this process as a script ends, with an exit code of 0 to 255; an exit that fails on the way counts instead.

    With `has_children` what is left of its process group ends too: should the launcher die with it, nobody else would.
    """
    code = _say_goodbye() or code
    threading.excepthook = lambda _args: None  # a thread that is still there finds everything gone; so would Python's
    for step in (_flush_files, _empty_modules, gc.collect, _close_files, flush_streams, _flush_c):
        with contextlib.suppress(Exception):
            step()
    for step in (_end_group, end_tracker) if has_children else ():
        with contextlib.suppress(Exception):
            step()
    _exit(code)


def _say_goodbye() -> int:
    """Wait for threads, run what was registered for the end; return the exit code that some of it asked for, else 0."""
    asked: list[int] = []
    before = sys.unraisablehook

    def _note(unraisable: Any) -> None:  # what is raised in an atexit handler ends here
        if isinstance(unraisable.exc_value, SystemExit):
            asked.append(exit_code(unraisable.exc_value))
        else:
            before(unraisable)

    sys.unraisablehook = _note
    shutdown: Callable[[], None] = threading._shutdown  # type: ignore[attr-defined]
    finalize: Callable[[], None] = weakref.finalize._exitfunc  # type: ignore[attr-defined]
    # The last two: a fork server of Python 3.13 drops the atexit handlers of what it has imported.
    logs: Callable[[], None] = getattr(sys.modules.get("logging"), "shutdown", lambda: None)
    for step in (shutdown, atexit._run_exitfuncs, finalize, logs):
        try:
            step()
        except SystemExit as error:
            asked.append(exit_code(error))
        except BaseException:  # noqa: BLE001  what the target registered may raise anything, and the rest is still due
            with contextlib.suppress(Exception):
                traceback.print_exc()
    sys.unraisablehook = before
    return next((code for code in asked if code), 0)


def exit_code(error: SystemExit) -> int:
    """Return the exit code that an exit means, as Python has it; its text, if it has any, is printed."""
    if error.code is None:
        return 0
    if isinstance(error.code, int):
        return error.code & 0xFF
    with contextlib.suppress(Exception):
        print(error.code, file=sys.stderr, flush=True)
    return 1


class _Canary:
    """Lives as long as the globals of a module."""


def _empty_modules() -> None:
    """Let go of what the target's modules hold, as Python does: files are written out, `__del__` runs.

    First their globals are left to the collector, so that a `__del__` still finds them; what is held from elsewhere is
    emptied then. Not those of libraries, which takes long; nor of a package with compiled parts.
    """
    canaries = []
    for name in _own_modules():
        canary = vars(sys.modules[name])[_CANARY] = _Canary()
        canaries.append(weakref.ref(canary))
        sys.modules[name] = None  # type: ignore[assignment] # as Python does: nobody may import it again
        del canary
    gc.collect()
    alive = list(filter(None, (ref() for ref in canaries)))
    for held in gc.get_referrers(*alive) if alive else ():
        if isinstance(held, dict) and _CANARY in held:
            for key in [key for key in held if key != "__builtins__"]:
                held[key] = None


def _own_modules() -> list[str]:
    """Return the names of the modules that are the user's own, those imported last first."""
    new = {name: module for name, module in sys.modules.items() if name not in _preloaded}
    files = {name: file for name, module in new.items() if isinstance(file := _file_of(module), str)}
    compiled = {name.partition(".")[0] for name, file in files.items() if not file.endswith(".py")}
    own = [name for name, file in files.items() if not is_installed(file) and name.partition(".")[0] not in compiled]
    return own[::-1]


def _file_of(module: object) -> object:
    return vars(module).get("__file__") if type(module) is types.ModuleType else None


def _flush_files() -> None:
    """Write out what is buffered, text before what it writes to: the collector may close the two in any order."""
    for file in _open_files():
        with contextlib.suppress(Exception):
            file.flush()


def _close_files() -> None:
    """Close what is still open, which writes out what a flush does not, as the end of a gzip file."""
    for file in _open_files():
        with contextlib.suppress(Exception):
            file.close()


def _open_files() -> list[io.IOBase]:
    streams = {id(stream) for stream in (sys.stdout, sys.stderr, sys.__stdout__, sys.__stderr__)}
    # By the type, and by the base written in C: an abstract class, and a proxy's __class__, would cost milliseconds.
    files = [file for file in gc.get_objects() if issubclass(type(file), _FILE) and id(file) not in streams]
    return sorted(files, key=_rank)


def _rank(file: io.IOBase) -> int:
    if isinstance(file, io.TextIOBase):
        return 0
    return 2 if type(file) in (io.BufferedWriter, io.BufferedRandom, io.BufferedRWPair, io.FileIO) else 1


def flush_streams() -> None:
    """Write out what was printed; whatever the target has put in place of stdout and stderr, nothing is raised."""
    for stream in (sys.stdout, sys.stderr, sys.__stdout__, sys.__stderr__):
        with contextlib.suppress(Exception):
            stream.flush()  # type: ignore[union-attr]


def _flush_c() -> None:
    import ctypes

    ctypes.CDLL(None).fflush(None)


def _end_group() -> None:
    """Ask the children in this process's group to end, and kill those that do not."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)  # torch's handler would take the end of a loader process for an error
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    os.killpg(0, signal.SIGTERM)
    deadline_s = time.monotonic() + _CHILDREN_LIMIT_S
    with contextlib.suppress(ChildProcessError):
        while time.monotonic() < deadline_s:
            if os.waitpid(0, os.WNOHANG)[0] == 0:
                time.sleep(0.002)
        for pid in _group():
            with contextlib.suppress(OSError):
                os.kill(pid, signal.SIGKILL)


def _group() -> list[int]:
    """Return the other processes of this process's group."""
    found = []
    for name in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError):
            if int(name) != os.getpid() and os.getpgid(int(name)) == os.getpgrp():
                found.append(int(name))
    return found
