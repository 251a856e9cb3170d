"""What must be the same on a node, and how a difference is told."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from launcher.clusters.fingerprint import differences, fingerprint, module_file
from tests.launcher.clusters.test_order import SCRIPT, SPEC


def test_an_edited_target_is_told(tmp_path: Path) -> None:
    (tmp_path / "train_me.py").write_text("x = 1\n")
    spec = replace(SPEC, target="train_me:run", folder=tmp_path)
    before = fingerprint(spec)
    assert {"launcher", "sources", "python", "target"} <= before.keys()
    assert not differences(before, fingerprint(spec))
    (tmp_path / "train_me.py").write_text("x = 2\n")
    (told,) = differences(before, fingerprint(spec))
    assert told.startswith("the target's module is ")
    assert "edited" in told
    (tmp_path / "train_me.py").unlink()
    assert "is missing on this node" in differences(before, fingerprint(spec))[0]


def test_an_edited_script_is_told(tmp_path: Path) -> None:
    (tmp_path / "train.py").write_text("x = 1\n")
    spec = replace(SPEC, script=replace(SCRIPT, folder=tmp_path))
    before = fingerprint(spec)
    (tmp_path / "train.py").write_text("x = 2\n")
    (told,) = differences(before, fingerprint(spec))
    assert told.startswith("the script is ")


def test_other_versions_are_told_with_what_to_do() -> None:
    here = {"python": "3.12", "sources": "a" * 64}
    told = differences({"python": "3.11", "torch": "2.13.0", "sources": "b" * 64}, here)
    assert told[0].startswith("Python is 3.12 on this node, and was 3.11 where the order was written. Give both")
    assert told[1].startswith("torch is missing on this node")
    assert "aaaaaaaaaaaa on" in told[2]
    assert differences({}, here) == [], "what the order does not name is not compared"


def test_modules_are_found_and_not_imported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "pack").mkdir()
    (tmp_path / "pack" / "__init__.py").write_text("raise RuntimeError\n")
    (tmp_path / "pack" / "inner.py").touch()
    assert module_file("pack.inner", tmp_path) == tmp_path / "pack" / "inner.py"
    assert module_file("pack", tmp_path) == tmp_path / "pack" / "__init__.py"
    assert module_file("nowhere.at.all", tmp_path) is None
    monkeypatch.chdir(tmp_path)
    assert module_file("pack.inner", Path("/")) == tmp_path / "pack" / "inner.py"


def test_nothing_heavy_is_imported_for_it() -> None:
    code = "import sys, launcher.supervisor.start, launcher.supervisor.group; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(done.stdout.split())
    heavy = {"torch", "numpy", "pandas", "matplotlib", "pydantic", "rich", "typer", "jinja2", "asyncio", "pynvml"}
    assert not heavy & loaded, "a supervisor starts in a fraction of a second, on a thousand nodes"
    assert not {name for name in loaded if name.startswith(("launcher.planning", "launcher.reports"))}
