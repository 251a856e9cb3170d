"""Ends a worker as the interpreter ends a script, except that torch's objects are not freed, which would take long.

A child of the fork server ends by `os._exit`, which runs no `atexit` handler and flushes no file. `shut_down` does
the same work as `Py_FinalizeEx`, with which Python ends, in the same order: threads, `atexit`, the target's modules,
files. Of the work of C's `exit`, it does only the flush of C's output.
"""

from __future__ import annotations

import atexit
import contextlib
import gc
import io
import os
import sys
import threading
import traceback
import types
import weakref
from collections.abc import Callable
from typing import Any, NoReturn

from launcher.worker.failure import is_installed, print_trace
from launcher.worker.group_end import end_group
from launcher.worker.main_process import end_resource_tracker

_FILE = io.IOBase.__base__ or object
_exit = os._exit  # a target may replace os._exit by a function that no longer works at the end
_CANARY = "__launcher_canary__"
_preloaded: set[str] = set()
_MAIN = frozenset({"__main__", "__mp_main__"})  # two names of the script, where this process is one


def remember_modules() -> None:
    """Remember the modules that are imported before the target, because looking at torch's at the end takes 30 ms."""
    _preloaded.update(sys.modules.keys() - _MAIN)


def shut_down(code: int, *, has_children: bool = True, has_tracker: bool | None = None) -> NoReturn:
    """End this process as a script ends.

    `code`: the exit code, 0 to 255. If a handler that runs at the end exits with another code than 0, that code counts.
    `has_children`: end the other processes of its process group too. If the launcher dies now, no other process would.
    `has_tracker`: end the resource tracker that this process has started too; by default as `has_children` says.
    """
    code = _run_exit_handlers() or code
    threading.excepthook = lambda _args: None  # threads that still run fail now, as at the end of any Python program
    for step in (_flush_files, _empty_modules, gc.collect, _close_files, flush_streams, _flush_c):
        with contextlib.suppress(Exception):
            step()
    has_tracker = has_children if has_tracker is None else has_tracker
    for step in ([end_group] if has_children else []) + ([end_resource_tracker] if has_tracker else []):
        with contextlib.suppress(Exception):
            step()
    _exit(code)


def _run_exit_handlers() -> int:
    """Wait for threads and run the exit handlers; return the first exit code other than 0 of a handler, or 0."""
    asked: list[int] = []
    before = sys.unraisablehook

    def _on_unraisable(unraisable: Any) -> None:  # exceptions of atexit handlers come here
        if isinstance(unraisable.exc_value, SystemExit):
            asked.append(exit_code(unraisable.exc_value))
        else:
            before(unraisable)

    sys.unraisablehook = _on_unraisable
    shutdown: Callable[[], None] = threading._shutdown  # type: ignore[attr-defined]
    finalize: Callable[[], None] = weakref.finalize._exitfunc  # type: ignore[attr-defined]
    # The last two are called here because a fork server of Python 3.13 drops the atexit handlers of its imports.
    logs: Callable[[], None] = getattr(sys.modules.get("logging"), "shutdown", lambda: None)
    for step in (shutdown, atexit._run_exitfuncs, finalize, logs):
        try:
            step()
        except SystemExit as error:
            asked.append(exit_code(error))
        except BaseException:  # noqa: BLE001  the user's handler may raise anything, and the other handlers must still run
            with contextlib.suppress(Exception):
                traceback.print_exc()
    sys.unraisablehook = before
    return next((code for code in asked if code), 0)


def exit_code(error: SystemExit) -> int:
    """Return the exit code of a SystemExit, as Python defines it. A text in place of a code is printed and means 1."""
    if error.code is None:
        return 0
    if isinstance(error.code, int):
        return error.code & 0xFF
    with contextlib.suppress(Exception):
        print(error.code, file=sys.stderr, flush=True)
    return 1


def fork_exit_code(failure: BaseException | None) -> int:
    """Return the exit code of a child that the target forked, and print the error that ended the child, if any."""
    if isinstance(failure, SystemExit):
        return exit_code(failure)
    if failure is not None:
        print_trace(failure)
    return 1 if failure else 0


class _Canary:
    """An object in the globals of a module. While it is alive, the globals are alive too."""


def _empty_modules() -> None:
    """Drop the globals of the target's modules, as Python does at its end: files are flushed and `__del__` runs.

    First the garbage collector takes the modules, so that a `__del__` still finds its globals. Globals that something
    else keeps alive are then set to None. Modules of libraries, and of packages with compiled parts, are left alone.
    """
    canaries = []
    for name in _own_modules():
        canary = vars(sys.modules[name])[_CANARY] = _Canary()
        canaries.append(weakref.ref(canary))
        sys.modules[name] = None  # type: ignore[assignment] # as Python does, so that nothing imports it again
        del canary
    gc.collect()
    alive = list(filter(None, (ref() for ref in canaries)))
    for held in gc.get_referrers(*alive) if alive else ():
        if isinstance(held, dict) and _CANARY in held:
            for key in [key for key in held if key != "__builtins__"]:
                held[key] = None


def _own_modules() -> list[str]:
    """Return the names of the user's own modules, the last imported first."""
    new = {name: module for name, module in sys.modules.items() if name not in _preloaded}
    files = {name: file for name, module in new.items() if isinstance(file := _file_of(module), str)}
    compiled = {name.partition(".")[0] for name, file in files.items() if not file.endswith(".py")}
    own = [name for name, file in files.items() if not is_installed(file) and name.partition(".")[0] not in compiled]
    return own[::-1]


def _file_of(module: object) -> object:
    return vars(module).get("__file__") if type(module) is types.ModuleType else None


def _flush_files() -> None:
    """Flush all files, text files before the binary files below them: the collector may close the two in any order."""
    for file in _open_files():
        with contextlib.suppress(Exception):
            file.flush()


def _close_files() -> None:
    """Close all open files. Closing may write more than a flush, such as the end of a gzip file."""
    for file in _open_files():
        with contextlib.suppress(Exception):
            file.close()


def _open_files() -> list[io.IOBase]:
    streams = {id(stream) for stream in (sys.stdout, sys.stderr, sys.__stdout__, sys.__stderr__)}
    # issubclass with the type, and with the base class written in C: isinstance with io.IOBase would take milliseconds.
    files = [file for file in gc.get_objects() if issubclass(type(file), _FILE) and id(file) not in streams]
    return sorted(files, key=_rank)


def _rank(file: io.IOBase) -> int:
    if isinstance(file, io.TextIOBase):
        return 0
    return 2 if type(file) in (io.BufferedWriter, io.BufferedRandom, io.BufferedRWPair, io.FileIO) else 1


def flush_streams() -> None:
    """Flush stdout and stderr. No error is raised, even if the target has replaced them by other objects."""
    for stream in (sys.stdout, sys.stderr, sys.__stdout__, sys.__stderr__):
        with contextlib.suppress(Exception):
            stream.flush()  # type: ignore[union-attr]


def _flush_c() -> None:
    import ctypes

    ctypes.CDLL(None).fflush(None)
