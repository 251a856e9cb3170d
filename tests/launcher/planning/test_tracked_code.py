"""Which code is copied for a cluster, and when no copy can be made. Real repositories of git; no processes of ours."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from launcher.engine.code_copy import CodeCopy
from launcher.errors import InputError
from launcher.planning import tracked_code
from launcher.planning.job import Sweep, load
from launcher.planning.tracked_code import TrackedCode
from launcher.store.cluster_paths import ClusterPaths

JOB = """[sweep]
{what}
[cluster]
code = "copy"
[experiments]
a = {{}}
"""
VENV = ".venv/lib/python3.12/site-packages/fast.py"
COMMAND = 'command = ["{python}", "train.py"]'


@pytest.fixture(autouse=True)
def _in_a_repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    git("init", "-q")
    Path("train.py").write_text("def run(config: dict, run): ...\n")


def git(*words: str) -> None:
    subprocess.run(["git", *words], check=True, capture_output=True)


def job(what: str = COMMAND, file: str = "job.toml") -> Sweep:
    Path(file).parent.mkdir(exist_ok=True)
    Path(file).write_text(JOB.format(what=what))
    return load(file)


def test_without_the_key_there_is_no_copy() -> None:
    Path("job.toml").write_text(JOB.format(what=COMMAND).replace('code = "copy"', ""))
    assert TrackedCode.of(load("job.toml")) is None


@pytest.mark.parametrize("what", [COMMAND, 'target = "train:run"', 'command = ["torchrun", "./train.py"]'])
def test_what_git_tracks_and_new_python_files_are_copied(what: str, tmp_path: Path) -> None:
    for name in ("new.py", "data.bin", "ignored.py", "conf/a.yaml", "gone.py", "outcome/job/code/0a/train.py", VENV):
        Path(name).parent.mkdir(exist_ok=True, parents=True)
        Path(name).write_text("x = 1\n")
    Path(".gitignore").write_text("ignored.py\n")
    Path("link").symlink_to("conf")
    git("add", "conf", "gone.py", ".gitignore", "link")
    Path("gone.py").unlink()
    found = TrackedCode.of(job(what, "jobs/job.toml"))
    assert found is not None
    assert found.root == tmp_path.resolve()
    assert found.files == (".gitignore", "conf/a.yaml", "link", "new.py", "train.py")
    assert found.beside == ("ignored.py",)


def test_what_cannot_be_copied_is_told_with_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    cases = {
        'command = ["{python}", "-m", "train", "train.py"]': '"-m train" runs a module',
        'command = ["{python}", "-m", "torch.distributed.run", "-m", "train"]': '"-m train" runs a module',
        'command = ["make", "train"]': "names no file that ends in",
        f"{COMMAND}\ninside = true": "with inside = true",
        'target = "json:run"': "cannot be read by git|ignores",
    }
    for what, why in cases.items():
        with pytest.raises(InputError, match=why) as told:
            TrackedCode.of(job(what))
        assert 'Or leave code = "copy" out' in str(told.value)
    Path(".gitignore").write_text("*.py\n")
    with pytest.raises(InputError, match=r"Let git track it: git add -f train.py"):
        TrackedCode.of(job())
    git("add", "-f", "train.py")
    assert TrackedCode.of(job()) is not None
    monkeypatch.setattr(tracked_code, "MOST_BYTES", 10)
    with pytest.raises(InputError, match=r"The\s+largest files are train.py \(0.0 MB\)"):
        TrackedCode.of(job())


def test_a_hook_of_another_repository_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    other = tmp_path.parent / "other"
    git("init", "-q", str(other))
    Path("rates.yaml").write_text("lr: 1")
    git("add", "rates.yaml")
    before = TrackedCode.of(job())
    assert before is not None
    assert before.files == ("rates.yaml", "train.py")
    monkeypatch.setenv("GIT_DIR", str(other / ".git"))
    assert TrackedCode.of(job()) == before


def test_a_copy_of_another_sweep_is_not_copied() -> None:
    found = TrackedCode.of(job())
    assert found is not None
    CodeCopy.make(found, ClusterPaths(Path("results/other")).code)
    assert TrackedCode.of(job()) == found


def test_a_folder_without_git_is_told(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path_factory.mktemp("plain"))
    Path("train.py").write_text("")
    with pytest.raises(InputError, match=r"not a git repository.*In a folder without git: git init"):
        TrackedCode.of(job())
    monkeypatch.setenv("PATH", "/nonexistent")
    with pytest.raises(InputError, match="git"):
        TrackedCode.of(job())
