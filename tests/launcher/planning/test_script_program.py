"""Where the Python script is in a command."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from launcher.planning.script_program import Program, find_program

ENVIRONMENT = {"PATH": os.environ["PATH"]}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("train.py", "app/__init__.py", "app/__main__.py", "app/fit.py", "bin/torchrun", "bin/python", "tool"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text("" if path.suffix else "#!/bin/sh\n")
        path.chmod(0o755)
    (tmp_path / "train.py").write_text("#!/usr/bin/env python3\n")
    return tmp_path


def find(folder: Path, *command: str) -> Program:
    return find_program(command, folder, {"PATH": f"{folder / 'bin'}{os.pathsep}{os.environ['PATH']}"})


@pytest.mark.parametrize(
    ("command", "before", "words", "script"),
    [
        ("PYTHON train.py --lr 1", "PYTHON", "train.py", "train.py"),
        ("python3 -u -W error -X dev train.py x", "python3 -u -W error -X dev", "train.py", "train.py"),
        ("python -m app x", "python", "-m app", "app/__main__.py"),
        ("python -u -m app.fit x", "python -u", "-m app.fit", "app/fit.py"),
        ("nice -n 5 python train.py", "nice -n 5 python", "train.py", "train.py"),
        ("./train.py --lr 1", "python3", "./train.py", "train.py"),
        ("torchrun --standalone --nproc-per-node 2 train.py x", "bin/python", "train.py", "train.py"),
        ("python -m torch.distributed.run --standalone train.py", "python", "train.py", "train.py"),
    ],
)
def test_the_script_of_a_command_is_found(folder: Path, command: str, before: str, words: str, script: str) -> None:
    given = command.replace("PYTHON", sys.executable).split()
    program = find(folder, *given)
    assert not program.problem
    assert program.script == folder / script
    assert program.before == tuple(before.replace("bin/", f"{folder}/bin/").replace("PYTHON", sys.executable).split())
    assert program.words == tuple(words.split())
    assert program.num_before == given.index(words.split()[-1]) + 1
    assert program.starts_ranks == ("torch" in command)


@pytest.mark.parametrize(
    "command", ["./tool train", "python -c pass", "python", "python -m json.tool x", "torchrun -m app", "python -"]
)
def test_a_command_without_a_script_has_none(folder: Path, command: str) -> None:
    program = find(folder, *command.split())
    assert (program.script, program.problem) == (None, "")


@pytest.mark.parametrize(
    ("command", "problem"),
    [
        ("./tol x", 'there is no program ./tol. Did you mean "tool"?'),
        ("missing/tool", "there is no program missing/tool. There is no folder"),
        ("./app", "./app is not a file"),
        ("tool", "there is no program tool. For a file of this folder write ./tool."),
        ("python trian.py", "there is no script trian.py in"),
        ("python -m app.fitt", "there is no module app.fitt in"),
        ("torchrun trian.py", "there is no script trian.py in"),
    ],
)
def test_what_is_not_there_is_told(folder: Path, command: str, problem: str) -> None:
    assert find(folder, *command.split()).problem.startswith(problem)


def test_a_script_that_is_not_executable_is_run_by_python(folder: Path) -> None:
    (folder / "train.py").chmod(0o644)
    assert find(folder, "./train.py").problem == './train.py is not executable. Write "{python}", "./train.py".'


def test_the_values_of_settings_stand_before_the_script(folder: Path) -> None:
    (folder / "train.py").write_text("#!/usr/bin/env python3\nimport sys\nlr = 1\nprint(lr, sys.argv[1:])\n")
    for given in ([sys.executable, "-u", "train.py", "x"], ["./train.py", "x"]):
        command = find(folder, *given).with_settings(given, {"lr": 2})
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
        assert done.stdout == "2 ['x']\n"
    given = ["torchrun", "--standalone", "train.py", "x"]
    command = find(folder, *given).with_settings(given, {"lr": 2})
    assert command[:2] == ["torchrun", "--standalone"]
    assert command[-3:] == ['{"lr": 2}', "train.py", "x"]


def test_settings_need_a_script_that_is_named_by_its_file(folder: Path) -> None:
    assert find(folder, "python", "-m", "app").settings_problem
    assert find(folder, "./tool").settings_problem
    assert not find(folder, "python", "train.py").settings_problem


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (
            b"echo 1\n",
            './fit has no first line that says what runs it. Write "bash", "./fit", or begin it with #!/bin/sh.',
        ),
        (b"#!/bin/sh\r\necho 1\r\n", "the lines of ./fit end as on Windows. Type sed -i 's/\\r$//' ./fit."),
        (b"#!/nope/sh -e\n", "./fit is to be run by /nope/sh, as its first line says, and there is none."),
        (b"#! /bin/sh -e\necho 1\n", ""),
        (b"\x7fELF\0", ""),
    ],
)
def test_an_executable_text_that_the_kernel_cannot_run_is_told(tmp_path: Path, content: bytes, problem: str) -> None:
    (tmp_path / "fit").write_bytes(content)
    (tmp_path / "fit").chmod(0o755)
    assert find(tmp_path, "./fit").problem == problem
