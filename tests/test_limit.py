"""The tests' own machinery: a run that hangs is named and ended, and no test changes the descriptors of its process."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from tests import limit
from tests.launcher.chromium import start_on_3_and_4

ROOT = Path(__file__).parent.parent
HANGS = """
import threading
from tests import limit
limit.listen()
def test_that_never_ends():
    print("begun", flush=True)
    threading.Event().wait()
test_that_never_ends()
"""
SPEAKS = """
import os, sys
from tests.launcher.chromium import start_on_3_and_4
before = sorted(os.listdir("/proc/self/fd"))
pid, out, back = start_on_3_and_4(["/bin/sh", "-c", "cat <&3 >&4"])
os.write(out, b"hello")
os.close(out)
print(os.read(back, 99).decode(), os.waitpid(pid, 0)[1], min(out, back))
os.close(back)
assert sorted(os.listdir("/proc/self/fd")) == before
"""


def test_G3_a_run_past_its_limit_says_where_it_hangs_and_is_ended() -> None:
    pipe = subprocess.PIPE
    hanging = subprocess.Popen([sys.executable, "-c", HANGS], cwd=ROOT, stdout=pipe, stderr=pipe, text=True)
    assert hanging.stdout is not None
    assert hanging.stdout.readline() == "begun\n"
    command = [sys.executable, limit.__file__, str(hanging.pid), "0.01"]
    with subprocess.Popen(command, stdin=pipe, stderr=pipe, text=True) as watch:
        _, told = hanging.communicate(timeout=60)
        assert watch.stderr is not None
        named = watch.stderr.read()
    assert (watch.returncode, hanging.returncode) == (0, -9)
    assert f"{hanging.pid} sleeping {sys.executable}" in named
    assert "in test_that_never_ends" in told


def test_G3_this_run_has_its_watch() -> None:
    leader = os.getppid() if "PYTEST_XDIST_WORKER" in os.environ else os.getpid()
    assert [child for child in psutil.Process(leader).children() if limit.__file__ in child.cmdline()]


def test_G3_a_program_gets_its_descriptors_where_3_and_4_are_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    """They are the channel to xdist's controller: nothing may stand there in their place, not for a moment."""
    with monkeypatch.context() as patched:
        patched.setattr(os, "dup2", None)
        pid, out, back = start_on_3_and_4(["/bin/sh", "-c", "cat <&3 >&4"])
    os.write(out, b"hello")
    os.close(out)
    assert (os.read(back, 99), os.waitpid(pid, 0)[1]) == (b"hello", 0)
    os.close(back)


def test_G3_a_program_gets_its_descriptors_where_the_pipes_are_3_and_4_themselves() -> None:
    spoken = subprocess.run([sys.executable, "-c", SPEAKS], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert (spoken.stdout, spoken.stderr) == ("hello 0 4\n", "")


def test_G3_a_program_that_cannot_be_started_leaves_no_descriptor(tmp_path: Path) -> None:
    before = sorted(os.listdir("/proc/self/fd"))
    with pytest.raises(FileNotFoundError):
        start_on_3_and_4([str(tmp_path / "none")])
    assert sorted(os.listdir("/proc/self/fd")) == before


def test_G3_no_test_moves_descriptors_or_changes_its_session() -> None:
    """In the test process these belong to pytest and xdist; what a child needs is arranged in the child."""
    taken = {"dup2", "closerange", "setsid", "setpgid"}
    for path in [
        *(ROOT / "tests").glob("*.py"),
        *(ROOT / "tests").glob("*/*.py"),
        *(ROOT / "tests").glob("*/cases/*.py"),
    ]:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                assert node.func.attr not in taken, f"{path}:{node.lineno}: {node.func.attr}"
