"""Cases 17, 46, D3, F9: no two job files share a folder unseen, a sweep is found again, views follow the job."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from launcher.store.history import read_history
from tests.launcher.conftest import Result, Workplace, wait_for

pytestmark = pytest.mark.slow

TRAIN = """
from dataclasses import dataclass

@dataclass
class Config:
    data: str = "{data}"
def run(config: Config, run):
    run.log(1, loss=1.0, acc=2.0)
"""
JOB = """[sweep]
target = "train:run"
preload = []
metrics = []
[experiments]
baseline = {}
"""


def project(place: Workplace, name: str, data: str = "same") -> Path:
    folder = place.folder / name
    folder.mkdir()
    (folder / "train.py").write_text(TRAIN.format(data=data))
    (folder / "sweep.toml").write_text(JOB)
    return folder / "sweep.toml"


def at(place: Workplace, folder: Path, *arguments: str) -> Result:
    """Run a command with a working directory of its own."""
    return Workplace(folder, mark=place.mark, environment=place.environment).launch(*arguments)


@pytest.mark.parametrize("data", ["same", "other"])
def test_17_two_job_files_of_one_name_never_share_a_folder_unseen(place: Workplace, data: str) -> None:
    vision, text = project(place, "vision"), project(place, "text", data)
    assert place.launch("vision/sweep.toml").code == 0
    records = place.folder / "outcome/sweep/records/baseline.jsonl"
    before = records.read_bytes()
    for command in ("run", "plan", "status", "report"):
        result = place.launch(command, "text/sweep.toml")
        assert result.code == 2, command
        assert "outcome/sweep has the results of the sweep of vision/sweep.toml; this is text/sweep.toml" in result.err
        assert "--outcome DIR --logs DIR" in result.err
    shared_logs = place.launch("text/sweep.toml", "--outcome", "other")
    assert (shared_logs.code, (place.folder / "other").exists()) == (2, False)
    assert "logs/sweep has the logs of the sweep of vision/sweep.toml" in shared_logs.err
    vision.rename(place.folder / "vision" / "old.toml")
    moved = place.launch("plan", "text/sweep.toml")
    assert moved.code == 2, "the old job file is gone, but its training code is not"
    assert "vision/train.py" in moved.err
    assert records.read_bytes() == before
    adopted = place.launch("text/sweep.toml", "--adopt")
    assert adopted.code == 0, adopted.err
    assert place.launch("status", "text/sweep.toml").code == 0, "the folders are its own now"
    assert "of text/sweep.toml" in place.launch("report", str(text)).out


@pytest.mark.parametrize("command", [["train.py"], ["-u", "-m", "train"]])
def test_17_a_command_that_finds_another_script_from_another_directory_is_another_sweep(
    place: Workplace, command: list[str]
) -> None:
    words = ", ".join(f'"{word}"' for word in ["{python}", *command])
    (place.folder / "sweep.toml").write_text(
        f"[sweep]\ncommand = [{words}]\nlog = ['step {{step}}: loss {{loss}}']\n[experiments]\nbaseline = {{}}\n"
    )
    folders = ["--outcome", str(place.folder / "outcome"), "--logs", str(place.folder / "logs")]
    for name in ("vision", "text"):
        (place.folder / name).mkdir()
        (place.folder / name / "train.py").write_text("print('step 1: loss 0.5')\n")
    done = at(place, place.folder / "vision", "../sweep.toml", *folders)
    assert done.code == 0, done.err
    other = at(place, place.folder / "text", "../sweep.toml", *folders)
    assert other.code == 2, other.err
    assert "vision/train.py; this is " in other.err
    assert "which trains train.py. Each would spoil what the other has there." in other.err
    assert "nothing to do" in at(place, place.folder / "vision", "../sweep.toml", *folders).err


def test_17_a_sweep_that_is_moved_copied_or_linked_goes_on(place: Workplace) -> None:
    first = place.folder / "first"
    project(place, "first")
    assert at(place, first, "sweep.toml").code == 0
    shutil.copytree(first, place.folder / "copy")
    (place.folder / "link").symlink_to("copy")
    copied = at(place, place.folder / "link", "sweep.toml")
    assert "nothing to do" in copied.err, "a copied project, through a link"
    (first / "outcome").rename(place.folder / "disk")
    (first / "outcome").symlink_to(place.folder / "disk")
    assert "nothing to do" in at(place, first, "sweep.toml").err, "the results moved, and linked"
    (first / "jobs").mkdir()
    (first / "sweep.toml").rename(first / "jobs" / "sweep.toml")
    moved = at(place, first, "jobs/sweep.toml")
    assert "nothing to do" in moved.err, "a job file that was moved"
    assert "this sweep's job file was sweep.toml, which is gone; now it is jobs/sweep.toml." in moved.err
    assert "which is gone" not in at(place, first, "jobs/sweep.toml").err, "told once"


def test_17_a_folder_of_the_version_before_tells_by_its_working_directory(place: Workplace) -> None:
    project(place, "vision"), project(place, "text")
    assert place.launch("vision/sweep.toml").code == 0
    sweep = place.folder / "outcome/sweep/sweep.json"
    document = json.loads(sweep.read_text())
    del document["launch"]["origin"]
    sweep.write_text(json.dumps(document))
    shutil.rmtree(place.folder / "logs")
    assert "nothing to do" in place.launch("vision/sweep.toml").err
    assert place.launch("plan", "text/sweep.toml").code == 2


def test_46_from_another_directory_the_results_are_named_before_the_start(place: Workplace) -> None:
    job = project(place, "project")
    assert at(place, place.folder / "project", "sweep.toml").code == 0
    here = place.folder / "here"
    here.mkdir()
    told = "project/outcome/sweep; in outcome/sweep here it begins anew. To go on with them, add --outcome "
    planned = at(place, here, "plan", str(job))
    assert told in " ".join(planned.out.split())
    for command in ("status", "report"):
        assert "It was launched elsewhere; add --outcome" in at(place, here, command, str(job)).err
    folders = ["--outcome", f"{place.folder}/project/outcome/sweep", "--logs", f"{place.folder}/project/logs/sweep"]
    assert "nothing to do" in at(place, here, str(job), *folders).err
    assert at(place, here, str(job)).code == 0, "the meaning of a relative folder is as it was"
    assert (here / "outcome/sweep/records/baseline.jsonl").exists()


def test_D3_views_follow_a_job_that_changed_where_nothing_is_to_run(place: Workplace) -> None:
    place.toy({"a": {}, "b": {}}, metrics=["loss", "tokens"])
    assert place.launch("job.toml").code == 0
    paths = place.paths
    place.toy({"a": {}}, metrics=["tokens"], maximize=["tokens"])
    reported = place.launch("report", "job.toml")
    assert "best loss" not in reported.out, "report takes the metrics from the job"
    result = place.launch("job.toml")
    assert "nothing to do" in result.err
    assert "job: 1 experiment of job.toml" in result.out
    assert result.out.split("\na ")[1].split()[3:6] == ["100", "500", "500"]
    assert not paths.curves("loss").exists()
    assert paths.records("b").exists()
    page = paths.report_html.stat().st_mtime_ns
    assert place.launch("job.toml").code == 0
    assert paths.report_html.stat().st_mtime_ns == page, "nothing is drawn where nothing changed"
    paths.events.touch()
    assert place.launch("job.toml").code == 0
    assert paths.report_html.stat().st_mtime_ns > page, "views older than what they show are made again"


def test_D3_while_experiments_begin_anew_no_view_shows_what_they_had(place: Workplace) -> None:
    place.toy({"a": {}, "b": {}}, metrics=["loss"])
    assert place.launch("job.toml").code == 0
    place.toy({"a": {}, "b": {"barrier": "go"}}, metrics=["loss"])
    process = place.start("job.toml", "--fresh", "--only", "b")
    wait_for(lambda: "done" not in row(place, "b"))
    assert row(place, "a").endswith("done")
    (place.folder / "go").touch()
    _, err = process.communicate(timeout=60)
    assert process.returncode == 0, err


def row(place: Workplace, name: str) -> str:
    lines = place.paths.table_txt.read_text().splitlines()
    return next(line for line in lines if line.startswith(f"{name} "))


@pytest.mark.parametrize("what", ["outcome", "records", ".lock"])
def test_F9_a_launch_whose_folder_is_taken_away_saves_says_where_and_ends(place: Workplace, what: str) -> None:
    place.toy({"a": {"act": "checkpoint", "barrier": "go", "at": 1}, "b": {}}, checkpoint_s=60, grace_s=60)
    process = place.start("job.toml", "--devices", "0")
    wait_for(lambda: place.history("a").last_step == 4)
    taken = place.paths.outcome if what == "outcome" else place.paths.outcome / what
    elsewhere = place.folder / "elsewhere"
    if what == ".lock":
        taken.unlink()
    else:
        taken.rename(elsewhere)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 5, err
    assert "Traceback" not in err
    (place.folder / "go").touch()
    if what == ".lock":
        assert "outcome/job/.lock was removed or replaced" in err
        return
    assert f"outcome/job{'' if what == 'outcome' else '/records'} was renamed to {elsewhere}" in err
    if what == "records":
        assert list(read_history(elsewhere / "a.jsonl").steps) == [1, 2, 3, 4, 5]
        return
    assert f"add --outcome {elsewhere}" in err
    assert "The same command again" not in err
    assert not place.paths.outcome.exists(), "nothing is made again in the old place"
    again = place.launch("job.toml", "--outcome", "elsewhere")
    assert again.code == 0, again.err
    assert "resume a  interrupted after 5 steps; goes on from its checkpoint" in again.err
    assert list(read_history(elsewhere / "records" / "a.jsonl").steps) == [1, 2, 3, 4, 5]


def test_F9_a_second_launch_in_the_place_is_a_sweep_of_its_own(place: Workplace) -> None:
    place.toy({"a": {"barrier": "go"}})
    first = place.start("job.toml")
    wait_for(lambda: place.history("a").last_step == 4)
    shutil.move(place.paths.outcome, place.folder / "elsewhere")
    second = place.start("job.toml")
    _, err = first.communicate(timeout=60)
    assert first.returncode == 5, err
    (place.folder / "go").touch()
    _, err = second.communicate(timeout=60)
    assert second.returncode == 0, err
    assert list(place.history("a").steps) == [1, 2, 3, 4, 5]
    attempts = [line["attempt"] for line in map(json.loads, place.paths.records("a").read_text().splitlines())]
    assert set(attempts) == {1}
    assert list(read_history(place.folder / "elsewhere" / "records" / "a.jsonl").steps) == [1, 2, 3, 4, 5]


def test_F9_a_folder_of_logs_that_is_taken_away_is_told_and_costs_nothing(place: Workplace) -> None:
    place.toy({"a": {"barrier": "go"}, "b": {}})
    process = place.start("job.toml", "--devices", "0")
    wait_for(lambda: place.history("a").last_step == 4)
    place.paths.logs.rename(place.folder / "old")
    assert process.stderr is not None
    while "logs/job was renamed to" not in process.stderr.readline():
        assert process.poll() is None
    (place.folder / "go").touch()
    _, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    assert "step 5/5" in (place.folder / "old" / "a.log").read_text()
    assert "step 5/5" in place.log("b")
