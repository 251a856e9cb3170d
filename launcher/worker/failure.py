"""Describes what went wrong in a worker: the error, and the line of the user's code that it comes from."""

from __future__ import annotations

import contextlib
import os
import sys
import traceback
import types
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cache
from pathlib import Path

from launcher.text import error_text
from launcher.worker.quoted_trace import quoted_error, quoted_frames

_OURS = str(Path(__file__).parent.parent) + os.sep
_MESSAGE_LIMIT = 500
_TRACE_BYTES = 50_000
_OUT_OF_MEMORY = ("can't allocate memory", "CUDA out of memory", "Cannot allocate memory")  # torch's RuntimeErrors
_INSTALLED = (f"{os.sep}site-packages{os.sep}", f"{os.sep}dist-packages{os.sep}")


def describe(error: BaseException, homes: Sequence[str]) -> str:
    """Return one line: the error and its place in the user's code. Of an exception group, the first error is named.

    `homes`: folders and files that are certainly the user's: the job's folder first, then the target's package.
    """
    first = next(_leaves(error))
    line = _message(error)
    if first is not error:
        line = f"{line}: {_message(first)}"
    place = _place(first, homes) or _place(error, homes)
    return line + (f" ({place})" if place else "")


def is_out_of_memory(error: BaseException) -> bool:
    """Return whether memory ran out, on GPU or host: by the error, a cause of it, or an error of its group."""
    torch = sys.modules.get("torch")
    kinds = (MemoryError,) if torch is None else (MemoryError, torch.OutOfMemoryError)
    for found in (*_leaves(error), *_causes(error)):
        is_allocator = isinstance(found, RuntimeError) and any(text in error_text(found) for text in _OUT_OF_MEMORY)
        if isinstance(found, kinds) or is_allocator:
            return True
    return False


def print_trace(error: BaseException) -> None:
    """Print the traceback as Python does for a script, without the launcher's own frames at its beginning.

    A `sys.excepthook` of the target is called. If nothing reaches the log, because the target has closed or replaced
    stderr, the trace is written there directly.
    """
    trace = error.__traceback__
    while trace is not None and trace.tb_next and trace.tb_frame.f_code.co_filename.startswith(_OURS):
        trace = trace.tb_next
    before = _written()
    with contextlib.suppress(Exception):
        hook = sys.__excepthook__ if isinstance(error, SystemExit) else sys.excepthook  # as Python does
        hook(type(error), error.with_traceback(trace), trace)
        sys.stderr.flush()
    if _written() == before:
        text = "".join(traceback.format_exception(type(error), error, trace))
        with contextlib.suppress(OSError):
            os.write(2, text.encode("utf-8", "backslashreplace"))


def trace_of(error: BaseException) -> str:
    """Return what `print_trace` prints, the end of it if it is very long.

    A worker hands it to the launcher in its last record. The launcher writes the lines of steps into the log too: a
    trace that the worker printed itself would stand before steps that were logged earlier.
    """
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(Exception):  # the target's own, in whatever state
            stream.flush()
    try:
        log = os.dup(2)
        try:
            caught = os.memfd_create("trace")
        except OSError:
            os.close(log)
            raise
    except OSError:  # too many files are open, or this one is closed
        return "".join(traceback.format_exception(error))[-_TRACE_BYTES:]
    os.dup2(caught, 2)
    try:
        print_trace(error)
    finally:
        os.dup2(log, 2)
        os.close(log)
        size = os.fstat(caught).st_size
        text = os.pread(caught, _TRACE_BYTES, max(0, size - _TRACE_BYTES)).decode("utf-8", "replace")
        os.close(caught)
    return text if size <= _TRACE_BYTES else f"…{text}"


def _written() -> int:
    """Return the position of this process in its log; other processes append by their own descriptors."""
    with contextlib.suppress(OSError):
        return os.lseek(2, 0, os.SEEK_CUR)
    return -1


def _message(error: BaseException) -> str:
    said = error.msg if isinstance(error, SyntaxError) and _place_of_syntax(error) else error_text(error)
    first = next((line.strip() for line in str(said).splitlines() if line.strip()), "")
    if quoted := quoted_error(str(said)):
        first = f"{first.rstrip('.:')}: {quoted}"
    return f"{type(error).__name__}: {first}"[:_MESSAGE_LIMIT] if first else type(error).__name__


def _leaves(error: BaseException) -> Iterator[BaseException]:
    if isinstance(error, BaseExceptionGroup):
        for inner in error.exceptions:
            yield from _leaves(inner)
    else:
        yield error


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Yield what an error was raised from, in words of the code that did so."""
    seen: set[int] = set()
    cause = error.__cause__
    while cause is not None and id(cause) not in seen:
        seen.add(id(cause))
        yield cause
        cause = cause.__cause__


def _place(error: BaseException, homes: Sequence[str]) -> str:
    """Return where in the user's code an error was raised, else where in any code but the launcher's."""
    chain = [error, *_causes(error)]
    wanted: list[Callable[[str], bool]] = [
        lambda file: file.startswith(tuple(homes)) and not is_installed(file),
        lambda file: file.startswith(tuple(homes[1:])),  # a target that is installed itself
        lambda file: not is_installed(file),
        lambda _file: True,
    ]
    for is_wanted, has_callers in zip(wanted, (True, True, True, False), strict=True):
        for raised in chain:
            if (
                isinstance(raised, SyntaxError)
                and (place := _place_of_syntax(raised))
                and is_wanted(str(raised.filename))
            ):
                return place
            calls = (_callers(raised) if has_callers else []) + _frames(raised)
            frames = [frame for frame in calls if is_wanted(frame[0])]
            if frames:
                return f"{Path(frames[-1][0]).name}:{frames[-1][1]}"
    return ""


def _frames(error: BaseException) -> list[tuple[str, int]]:
    """Return file and line of each call an error came through, the innermost last, without the launcher's.

    If it quotes the traceback of another process, these calls come last.
    """
    quoted = [(file, line) for file, line in quoted_frames(error_text(error)) if not file.startswith((_OURS, "<"))]
    return _without_ours(traceback.walk_tb(error.__traceback__)) + quoted


def _callers(error: BaseException) -> list[tuple[str, int]]:
    """Return the same of those that called the innermost.

    What is raised as a function returns, as a debugger does, has no frame of that function in its traceback.
    """
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    frame = trace.tb_frame.f_back if trace else None
    return _without_ours(traceback.walk_stack(frame))[::-1] if frame else []


def _without_ours(calls: Iterable[tuple[types.FrameType, int]]) -> list[tuple[str, int]]:
    files = [(frame.f_code.co_filename, line) for frame, line in calls]
    return [(file, line) for file, line in files if not file.startswith((_OURS, "<"))]


def _place_of_syntax(error: SyntaxError) -> str:
    is_file = isinstance(error.filename, str) and os.path.isfile(error.filename)
    return f"{Path(str(error.filename)).name}:{error.lineno}" if is_file else ""


def is_installed(file: str) -> bool:
    """Return whether a file is Python's, an installed package's or the launcher's, so not the user's own code."""
    return file.startswith(_libraries()) or any(part in file for part in _INSTALLED)


@cache
def _libraries() -> tuple[str, ...]:
    import sysconfig

    return (*(sysconfig.get_path(kind) + os.sep for kind in ("stdlib", "platstdlib")), _OURS)
