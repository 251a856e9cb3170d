"""How the process of a script starts: which program, and what is told where it cannot start."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from launcher.worker.script_process import _spawn


def program(path: Path, mode: int = 0o755) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_text('#!/bin/sh\necho "$0 $1 $KEY"\n')
    path.chmod(mode)


def output_of(argv: list[str], environment: dict[str, str], folder: Path) -> str:
    fd = os.open(folder / "out", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    pid = _spawn(argv, environment, fd)
    os.close(fd)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    return (folder / "out").read_text()


def test_a_program_is_searched_in_the_path_that_it_gets_itself(tmp_path: Path) -> None:
    program(tmp_path / "first" / "tool", mode=0o644)  # not executable: the search goes on
    program(tmp_path / "second" / "tool")
    path = f"{tmp_path}/none:{tmp_path}/first:{tmp_path}/second"
    said = output_of(["tool", "a b"], {"PATH": path, "KEY": "value"}, tmp_path)
    assert said == f"{tmp_path}/second/tool a b value\n"
    assert output_of([f"{tmp_path}/second/tool", "x"], {}, tmp_path) == f"{tmp_path}/second/tool x \n"


def test_a_program_that_cannot_start_is_named_as_it_is_written(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError) as missing:
        _spawn(["no-such-tool"], {"PATH": str(tmp_path)}, None)
    assert missing.value.filename == "no-such-tool"
    program(tmp_path / "first" / "tool", mode=0o644)
    with pytest.raises(PermissionError) as refused:
        _spawn(["tool"], {"PATH": f"{tmp_path}/first:{tmp_path}"}, None)
    assert refused.value.filename == "tool"
