"""The sweep that a command is about."""

from __future__ import annotations

from pathlib import Path

import pytest

from launcher.cli.sweep_folder import check_names, find_sweep, no_sweep_error
from launcher.errors import InputError
from launcher.store.paths import Paths

JOB = '[sweep]\ntarget = "toy:run"\n[experiments]\nb = {}\na = {}\n'


@pytest.fixture
def job(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    Path("job.toml").write_text(JOB)
    return Path("job.toml")


def test_folders_are_those_of_the_job_or_of_the_options_and_names_are_in_the_jobs_order(job: Path) -> None:
    assert find_sweep(job, None, None) == (Paths(Path("outcome/job"), Path("logs/job")), ["b", "a"])
    assert find_sweep(job, Path("o"), Path("l"))[0] == Paths(Path("o"), Path("l"))


def test_every_wrong_name_is_listed_with_the_experiments_there_are() -> None:
    check_names(["a", "b"], ["b", "a"])
    with pytest.raises(InputError) as refused:
        check_names(["baslein", "a", "x\n"], ["baseline", "a"])
    assert str(refused.value).splitlines() == [
        'there is no experiment "baslein". Did you mean "baseline"?',
        'there is no experiment "x\\n".',
        "  Experiments: baseline, a",
    ]


def test_a_folder_without_a_sweep_is_told_with_the_command_that_launches_there(job: Path) -> None:
    message = str(no_sweep_error(Paths(Path("o"), Path("logs/job")), job))
    assert message.startswith("there is no sweep in o: nothing was launched there yet.")
    assert "launcher run job.toml --outcome o --parallel. If it is elsewhere, name it: --outcome DIR." in message
