"""What is said of a job file that is not there."""

from __future__ import annotations

from pathlib import Path

import pytest

from launcher.planning.missing_job import missing_job


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_default_job_is_told_as_such_and_the_job_files_of_this_folder_are_named(folder: Path) -> None:
    for name in ("spirals.toml", "pyproject.toml"):
        (folder / name).touch()
    assert missing_job(Path("jobs/report.toml")) == (
        "there is no job file jobs/report.toml.\n"
        "  Job files here: spirals.toml\n"
        "  It is the default. Name another: status my.toml. After stop, retry, follow and verify: --job my.toml."
    )


def test_a_mistyped_job_has_a_suggestion_from_its_own_folder(folder: Path) -> None:
    (folder / "elsewhere").mkdir()
    (folder / "elsewhere" / "spirals.toml").touch()
    message = missing_job(Path("elsewhere/spiral.toml"))
    assert message.startswith('there is no job file elsewhere/spiral.toml. Did you mean "elsewhere/spirals.toml"?\n')
    assert "default" not in message


def test_in_an_empty_folder_nothing_is_listed() -> None:
    assert missing_job(Path("x.toml")) == "there is no job file x.toml."
