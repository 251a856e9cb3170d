"""Whose folder it is: when a folder goes on being a sweep's, and when it is refused to another sweep. No processes."""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from launcher.errors import InputError
from launcher.planning.folder_owner import check_folder_owner, find_results_elsewhere, folder_options, write_owner_note
from launcher.planning.foreign_files import check_foreign_files
from launcher.planning.job import Sweep, load
from launcher.planning.origin import Origin
from launcher.store.launch_info import LaunchInfo
from launcher.store.manifest import Manifest, write_manifest
from launcher.store.paths import Paths

JOB = '[sweep]\ntarget = "{module}:run"\n[experiments]\na = {{}}\n'


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def job(path: str, module: str = "train") -> Sweep:
    """Write a job file with its target beside it, and load it."""
    file = Path(path)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(JOB.format(module=module))
    file.with_name(f"{module}.py").write_text("def run(config: dict, run): ...\n")
    return load(file)


def folders(sweep: Sweep) -> Paths:
    return Paths(sweep.outcome, sweep.logs)


def launched(sweep: Sweep) -> Paths:
    """Leave what a launch of the sweep leaves behind about its origin."""
    paths = folders(sweep)
    paths.create()
    origin = asdict(Origin.of(sweep, paths.outcome))
    manifest = Manifest(
        sweep.name, str(sweep.job_file), sweep.settings.target, 0, [], [], [], LaunchInfo(origin=origin)
    )
    write_manifest(paths, manifest)
    assert write_owner_note(sweep, paths) == []
    return paths


def test_an_empty_folder_is_anybodys() -> None:
    sweep = job("lr.toml")
    assert check_folder_owner(sweep, folders(sweep)) == (None, [])


@pytest.mark.parametrize("file", ["results_table.csv", "report.html", "loss_curves.svg", "loss_curve_a.png"])
def test_files_of_other_programs_are_not_written_over(file: str) -> None:
    sweep = job("lr.toml")
    paths = folders(sweep)
    paths.outcome.mkdir(parents=True)
    (paths.outcome / "notes.txt").write_text("a folder may have other files")
    check_foreign_files(sweep, paths)
    (paths.outcome / file).write_text("of weeks")
    with pytest.raises(InputError, match=rf"would write over them: {file}\.\n.*--outcome DIR"):
        check_foreign_files(sweep, paths)
    check_foreign_files(replace(sweep, adopts=True), paths)
    paths.create()  # as a launch that was killed before it wrote sweep.json
    check_foreign_files(sweep, paths)


def test_the_same_job_file_goes_on_also_by_another_path() -> None:
    paths = launched(job("jobs/lr.toml"))
    Path("link.toml").symlink_to("jobs/lr.toml")
    (Path("same")).symlink_to("jobs")
    for path in ("jobs/lr.toml", os.path.abspath("jobs/lr.toml"), "same/lr.toml"):
        manifest, notices = check_folder_owner(load(path), paths)
        assert manifest is not None
        assert notices == []


def test_another_job_file_of_the_same_name_is_refused_for_results_and_logs() -> None:
    launched(job("mine/lr.toml"))
    other = job("yours/lr.toml")
    with pytest.raises(InputError) as error:
        check_folder_owner(other, folders(other))
    text = str(error.value)
    assert "the folder outcome/lr has the results of the sweep of mine/lr.toml; this is yours/lr.toml." in text
    assert "the folder logs/lr has the logs of the sweep of mine/lr.toml; this is yours/lr.toml." in text
    assert "or add --adopt" in text


def test_a_sweep_of_another_name_is_refused() -> None:
    paths = launched(job("lr.toml"))
    other = job("seeds.toml")
    with pytest.raises(InputError, match='holds the sweep "lr", and this one is "seeds"'):
        check_folder_owner(other, paths)


def test_the_same_job_file_with_its_target_elsewhere_is_another_sweep() -> None:
    sweep = job("jobs/lr.toml")
    paths = launched(sweep)
    shutil.copy("jobs/train.py", "train.py")
    text = json.loads(paths.sweep.read_text())
    text["launch"]["origin"]["module"] = os.path.abspath("train.py")
    paths.sweep.write_text(json.dumps(text))
    with pytest.raises(InputError, match=r"a sweep that trains train\.py; this is jobs/lr\.toml, which trains jobs/"):
        check_folder_owner(sweep, paths)


def test_a_job_file_that_was_moved_goes_on_and_it_is_told() -> None:
    paths = launched(job("old/lr.toml"))
    Path("new").mkdir()
    for name in ("lr.toml", "train.py"):
        Path("old", name).rename(Path("new", name))
    _, notices = check_folder_owner(load("new/lr.toml"), paths)
    assert notices == ["this sweep's job file was old/lr.toml, which is gone; now it is new/lr.toml."]


def test_a_folder_that_was_copied_with_its_job_file_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    Path("project").mkdir()
    monkeypatch.chdir("project")
    launched(job("lr.toml"))
    monkeypatch.chdir("..")
    shutil.copytree("project", "copy")
    monkeypatch.chdir("copy")
    sweep = load("lr.toml")
    manifest, notices = check_folder_owner(sweep, folders(sweep))
    assert manifest is not None
    assert notices == []


def test_results_that_a_launch_from_elsewhere_has_left_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    paths = launched(job("jobs/lr.toml"))
    here = paths.outcome.resolve()
    monkeypatch.chdir("jobs")
    sweep = load("lr.toml")
    found = find_results_elsewhere(sweep)
    assert found is not None
    assert found.outcome == here
    _, (notice,) = check_folder_owner(sweep, folders(sweep))
    assert notice.endswith(f"it begins anew. To go on with them, add {folder_options(found)}")


def test_options_for_folders_are_quoted_for_a_shell() -> None:
    assert folder_options(Paths(Path("a b"), Path("logs"))) == "--outcome 'a b' --logs logs"


@pytest.mark.parametrize("content", ["", "[]", "{", '{"job": 3}', '{"outcome": 7}'])
def test_a_note_that_is_not_ours_is_passed_over_and_replaced(content: str) -> None:
    sweep = job("lr.toml")
    paths = folders(sweep)
    paths.create()
    paths.logs_note.write_text(content)
    assert check_folder_owner(sweep, paths) == (None, [])
    assert write_owner_note(sweep, paths) == []
    assert json.loads(paths.logs_note.read_text())["job"] == os.path.abspath("lr.toml")
