"""What went wrong in a worker, in one line: the error, and the line of the user's own code."""

from __future__ import annotations

import errno
import importlib.util
import os
from pathlib import Path
from typing import Any

import pytest

from launcher.worker.failure import describe, is_installed, is_out_of_memory, trace_of

MINE = """
import json, traceback

def fails():
    raise ValueError("too small\\nsecond line")

def in_library():
    json.loads("")

def wrapped():
    try:
        fails()
    except ValueError as error:
        raise RuntimeError("training failed") from error

def of_many():
    raise ExceptionGroup("two", [KeyError("a"), ValueError("b")])

def silent():
    raise AssertionError

class Mute(Exception):
    def __str__(self):
        raise RuntimeError("no text")

def mute():
    raise Mute

def next_batch():
    raise ValueError("Caught ValueError in DataLoader worker process 0.\\nOriginal " + of_another_process())

def spawned():
    raise RuntimeError("\\n\\n-- Process 1 terminated with the following error:\\n" + of_another_process())

def of_another_process():
    try:
        raise ValueError("no image: train/42.png\\n  of 50")
    except ValueError as error:
        return "".join(traceback.format_exception(error))

def late():
    raise ValueError("\\n\\n  the reason")
"""


@pytest.fixture
def mine(tmp_path: Path) -> Any:
    path = tmp_path / "mine.py"
    path.write_text(MINE)
    found = importlib.util.spec_from_file_location("mine", path)
    assert found is not None
    assert found.loader is not None
    module = importlib.util.module_from_spec(found)
    found.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    ("function", "line"),
    [
        ("fails", "ValueError: too small (mine.py:5)"),
        ("in_library", "JSONDecodeError: Expecting value: line 1 column 1 (char 0) (mine.py:8)"),
        ("wrapped", "RuntimeError: training failed (mine.py:14)"),
        ("of_many", "ExceptionGroup: two (2 sub-exceptions): KeyError: 'a' (mine.py:17)"),
        ("silent", "AssertionError (mine.py:20)"),
        ("mute", "Mute: <exception str() failed> (mine.py:27)"),
        ("late", "ValueError: the reason (mine.py:42)"),
        (
            "next_batch",
            "ValueError: Caught ValueError in DataLoader worker process 0: "
            "ValueError: no image: train/42.png (mine.py:37)",
        ),
        (
            "spawned",
            "RuntimeError: -- Process 1 terminated with the following error: "
            "ValueError: no image: train/42.png (mine.py:37)",
        ),
    ],
)  # fmt: skip
def test_the_line_of_the_users_own_code_is_named(mine: Any, tmp_path: Path, function: str, line: str) -> None:
    with pytest.raises(Exception) as caught:  # noqa: PT011  each is another
        getattr(mine, function)()
    assert describe(caught.value, [f"{tmp_path}{os.sep}", os.devnull]) == line


def test_a_file_with_a_syntax_error_is_named(tmp_path: Path) -> None:
    path = tmp_path / "torn.py"
    path.write_text("x = (\n")
    with pytest.raises(SyntaxError) as caught:
        compile(path.read_text(), str(path), "exec")
    assert describe(caught.value, [f"{tmp_path}{os.sep}"]) == "SyntaxError: '(' was never closed (torn.py:1)"


def chained(error: Exception, cause: Exception) -> Exception:
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    ("error", "is_memory"),
    [
        (MemoryError(), True),
        (RuntimeError("CUDA out of memory. Tried to allocate"), True),
        (ValueError("CUDA out of memory"), False),
        (ExceptionGroup("two", [ValueError(), MemoryError()]), True),
        (chained(ValueError(), MemoryError()), True),
        (RuntimeError("shape mismatch"), False),
    ],
)
def test_a_want_of_memory_is_told_also_of_causes_and_groups(error: Exception, is_memory: bool) -> None:
    assert is_out_of_memory(error) is is_memory


def test_installed_code_is_not_the_users() -> None:
    assert is_installed(os.__file__)
    assert is_installed(pytest.__file__)
    assert not is_installed("/home/someone/train.py")


def test_a_trace_is_had_where_no_more_files_can_be_opened(mine: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def none_left(_name: str) -> int:
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))

    monkeypatch.setattr(os, "memfd_create", none_left)
    with pytest.raises(ValueError, match="too small") as caught:
        mine.fails()
    assert trace_of(caught.value).endswith("ValueError: too small\nsecond line\n")
