"""A copy of the code: what it holds, and how an attempt is led to it. No processes."""

from __future__ import annotations

import os
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from launcher.clusters.fingerprint import fingerprint
from launcher.engine.code_copy import CodeCopy
from launcher.errors import WriteError
from launcher.planning.tracked_code import TrackedCode
from tests.launcher.clusters.test_order import SCRIPT, SPEC

FILES = ("absolute", "conf/a.yaml", "data", "loop", "mine.py", "src/lib/__init__.py", "train.py")


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a repository, which is the working directory."""
    root = (tmp_path / "repository").resolve()
    for name in FILES:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        if name not in ("absolute", "data", "loop"):
            (root / name).write_text(f"name = {name!r}\n")
    (tmp_path / "big").mkdir()
    (root / "data").symlink_to("../big")
    (root / "absolute").symlink_to(root / "conf" / "a.yaml")
    (root / "loop").symlink_to("loop")
    (root / "train.py").chmod(0o755)
    monkeypatch.chdir(root)
    return root


def copy_of(root: Path, beside: tuple[str, ...] = ()) -> CodeCopy:
    return CodeCopy.make(TrackedCode(root, FILES, 0, beside), root / "outcome" / "code")


def test_equal_code_has_one_copy_and_edited_code_another(root: Path) -> None:
    first = copy_of(root)
    assert copy_of(root).folder == first.folder
    assert (first.folder / "data").resolve() == root.parent / "big"
    assert (first.folder / "absolute").resolve() == first.folder / "conf" / "a.yaml"
    assert os.access(first.folder / "train.py", os.X_OK)
    (root / "mine.py").write_text("name = 'edited'\n")
    second = copy_of(root)
    assert second.folder != first.folder
    assert (first.folder / "mine.py").read_text() == "name = 'mine.py'\n"
    names = sorted(path.name for path in first.folder.parent.iterdir())
    assert names == sorted([".gitignore", first.folder.name, second.folder.name])
    (second.folder / "mine.py").write_text("name = 'edited in the copy'\n")
    with pytest.raises(WriteError, match="was edited"):
        copy_of(root)


def test_modules_that_git_ignores_are_links(root: Path) -> None:
    (root / "src/lib/_version.py").write_text("VERSION = 1\n")
    first = copy_of(root)
    copy = copy_of(root, ("src/lib/_version.py",))
    assert copy.folder == first.folder
    assert (copy.folder / "src/lib/_version.py").readlink() == root / "src/lib/_version.py"


def test_a_copy_that_cannot_be_made_is_told(root: Path) -> None:
    (root / "outcome").write_text("")
    with pytest.raises(WriteError, match="the code cannot be copied"):
        copy_of(root)


def test_a_script_runs_from_the_copy_in_its_own_folder(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", ["", str(root / "src"), str(root / ".venv")])
    copy = copy_of(root)
    argv = ("python", "train.py", "--config=conf/a.yaml", "--out", "data", "--save=mine.pt", "other.py")
    before = replace(SPEC, script=replace(SCRIPT, argv=argv, folder=root, environment={"PYTHONPATH": f"/shim:{root}"}))
    script = copy.spec(before).script
    assert script is not None
    there = copy.folder
    words = (
        "python",
        f"{there}/train.py",
        f"--config={there}/conf/a.yaml",
        "--out",
        "data",
        "--save=mine.pt",
        "other.py",
    )
    assert script.argv == words
    assert script.folder == root
    assert script.environment["PYTHONPATH"] == f"/shim:{there}:{there}/src:{root}"
    assert fingerprint(replace(before, script=script))["script"] == fingerprint(before)["script"]


def test_modules_of_a_function_are_found_in_the_copy_first(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", ["", str(root / "src"), *sys.path[1:]])
    copy = copy_of(root)
    spec = copy.spec(replace(SPEC, target="mine:run", folder=root / "jobs"))
    assert spec.search == (str(copy.folder), str(copy.folder / "src"))
    before = fingerprint(spec)["target"]
    (root / "mine.py").write_text("name = 'edited'\n")
    assert fingerprint(spec)["target"] == before
    assert copy.outside(["json", "mine", "lib"], root) == ("json",)
