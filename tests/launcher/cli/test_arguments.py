"""How a command line is read."""

from __future__ import annotations

from pathlib import Path

import pytest

from launcher.cli import app
from launcher.cli.arguments import program_name


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "jobs").mkdir()
    (tmp_path / "jobs" / "report.toml").write_text("[experiments]\nbaseline = {}\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def refused(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """Return the message of a command line that is bad input."""
    with pytest.raises(SystemExit) as ended:
        app.main(arguments)
    assert ended.value.code == 2
    return capsys.readouterr().err


def test_a_mistyped_command_has_a_suggestion_and_the_list(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    message = refused(capsys, "statsu")
    assert 'no command of that name. Did you mean "status"?' in message
    assert "Commands: run, plan, report, verify, status, follow, stop, retry, wait, try-log, init" in message
    assert "Job files here: jobs/report.toml" in message


def test_an_experiment_is_told_how_to_run_alone(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    message = refused(capsys, "baseline")
    assert "It is an experiment of jobs/report.toml: run it alone with --only baseline." in message


@pytest.mark.parametrize("word", ["other.toml", "jobs/other"])
def test_a_word_that_is_written_like_a_file_is_taken_for_a_job(
    word: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert f"there is no job file {word}." in refused(capsys, word)


@pytest.mark.parametrize(
    ("argv0", "name"),
    [("/usr/bin/sweep-launcher", "sweep-launcher"), ("/x/launcher/__main__.py", "python -m launcher")],
)
def test_help_names_the_program_as_it_was_typed(argv0: str, name: str) -> None:
    assert program_name(argv0) == name
