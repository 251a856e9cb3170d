"""A test run on a machine with GPUs: no test sees them, but for those that bring a driver or have the marker `gpu`."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from pathlib import Path

from tests import no_gpus
from tests.launcher.conftest import compile_stub

ROOT = Path(__file__).parent.parent
CARDS = "from launcher.devices.nvml import find_gpus\nprint(len(find_gpus()))"
TESTS = f"""
import os, subprocess, sys
import pytest
from launcher.devices.selection import select_devices
from tests import no_gpus

def cards(environment):
    return subprocess.run([sys.executable, "-c", {CARDS!r}], env=environment, capture_output=True, text=True).stdout

def test_that_is_about_no_gpu():
    assert {{device.kind for device in select_devices(None).devices}} == {{"cpu"}}, "in this process"
    assert cards(None) == "0\\n", "in a process that inherits the environment"
    whole = {{"PYTHONPATH": {str(ROOT)!r}, **no_gpus.variables()}}
    assert cards(whole) == "0\\n", "in a process whose whole environment a test has written"
    assert os.environ["CUDA_VISIBLE_DEVICES"] == "", "by torch"

@pytest.mark.gpu
def test_that_is_about_a_gpu():
    assert cards(None) == "2\\n"
    assert "CUDA_VISIBLE_DEVICES" not in os.environ
"""


def test_a_test_on_a_machine_with_two_cards_sees_them_only_where_it_is_marked(tmp_path: Path) -> None:
    compile_stub("nvml_stub.c", tmp_path / no_gpus.DRIVER)
    (tmp_path / "test_inside.py").write_text(TESTS)
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("PYTEST_", "CUDA_"))}
    environment |= {"LD_LIBRARY_PATH": str(tmp_path), "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "pytest", "-p", "tests.conftest", "-p", "no:cacheprovider", "-W", "ignore", "."]
    done = subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "2 passed" in done.stdout


def test_an_environment_that_a_test_writes_whole_hides_the_gpus_too() -> None:
    """Who says where the locks of a launch are starts a launch."""
    launching = [path for path in (ROOT / "tests").rglob("*.py") if "LAUNCHER_LOCKS" in path.read_text()]
    for path in launching:
        for node in ast.walk(ast.parse(path.read_text())):
            keys = [ast.unparse(key) if key else "**" for key in node.keys] if isinstance(node, ast.Dict) else []
            if {"'PATH'", "'LAUNCHER_LOCKS'"} <= set(keys):
                assert "**" in keys, f"{path}:{node.lineno}: add **no_gpus.variables(), as tests/no_gpus.py says"
