"""Cases 15, 16: what is done is kept aside, never thrown away, and what is repeated is told before the start."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from launcher import api
from launcher.engine.earlier_files import EarlierFiles, named_experiments, undo_unfinished_moves
from tests.launcher.conftest import Workplace

TARGET = """
from dataclasses import dataclass
@dataclass
class Config:
    steps: int = 3
    fails: bool = False
def run(config: Config, run):
    for step in range(1, config.steps + 1):
        run.log(step, loss=1 / step)
    if config.fails:
        raise RuntimeError("told to fail")
    for folder in (run.outcome / "weights", run.outcome / run.name):
        folder.mkdir(exist_ok=True)
        (folder / f"best_{run.name}.pt").write_text(str(config))
    (run.outcome / f"model_{run.name}.pt").write_text(str(config))
"""


def tree(folder: Path) -> dict[str, bytes]:
    files = (path for path in sorted(folder.rglob("*")) if path.is_file() and path.name != ".lock")
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


@pytest.fixture(scope="module")
def once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a sweep whose two experiments are done; the name of the first stands in that of the second."""
    place = Workplace(tmp_path_factory.mktemp("once"))
    (place.folder / "leaves.py").write_text(TARGET)
    place.toy({"lr": {}, "lr_1e-3": {"steps": 2}}, "leaves:run")
    assert place.launch("job.toml").code == 0
    return place.folder


@pytest.fixture
def trained(once: Path, place: Workplace) -> Workplace:
    """A copy of this sweep, for a test to change."""
    shutil.copytree(once, place.folder, dirs_exist_ok=True)
    return place


@pytest.mark.parametrize(
    ("file", "names", "found"),
    [
        ("model_lr.pt", "lr lr_1e-3", "lr"),
        ("model_lr_1e-3.pt", "lr lr_1e-3", "lr_1e-3"),
        ("lr_1e-3", "lr 1e-3 lr_1e-3", "lr_1e-3"),
        ("lr0.pt", "lr", ""),
        ("lr=0.1.best.pt", "lr=0.1 lr=0.1.5", "lr=0.1"),
        ("lr_lr_1e-3.pt", "lr lr_1e-3", "lr lr_1e-3"),
        ("a_b_c.pt", "a_b b_c", "a_b b_c"),
        ("notes.txt", "a b", ""),
    ],
)
def test_15_an_artefact_belongs_to_the_longest_name_in_its_own(file: str, names: str, found: str) -> None:
    assert named_experiments(file, names.split()) == set(found.split())


def test_15_a_change_keeps_what_was_done_aside_and_says_so_before_the_start(trained: Workplace) -> None:
    paths = trained.paths
    before = tree(paths.outcome)
    trained.toy({"lr": {"steps": 4}, "lr_1e-3": {"steps": 2}}, "leaves:run")
    again = "1 finished experiment is trained again: 3 steps, "
    assert again in trained.launch("plan", "job.toml").out
    planned = json.loads(trained.launch("plan", "job.toml", "--json").out)
    repeats = {one["name"]: one.get("repeats") for one in planned["experiments"]}
    assert repeats["lr_1e-3"] is None
    assert (repeats["lr"]["steps"], repeats["lr"]["is_finished"], repeats["lr"]["is_set_aside"]) == (3, True, True)
    result = trained.launch("job.toml")
    aside = paths.earlier(1)
    assert again in result.err
    assert f"what lr left is kept in {aside.relative_to(trained.folder)}" in result.err
    kept = tree(aside)
    own = {"records/lr.jsonl", "model_lr.pt", "weights/best_lr.pt", "lr/best_lr.pt"}
    assert own == kept.keys() - {"sweep.json"}
    assert {name: before[name] for name in own} == {name: kept[name] for name in own}
    assert json.loads(kept["sweep.json"])["experiments"][0]["config"]["steps"] == 3
    after = tree(paths.outcome)
    others = [name for name in before if "lr_1e-3" in name]
    assert len(others) == 4
    assert all(after[name] == before[name] for name in others), "the other's artefacts are where they were"
    assert "steps=4" in after["model_lr.pt"].decode()
    assert trained.history("lr").attempt == 2, "the number of an attempt is never used again"
    assert "moved_aside" in after["events.jsonl"].decode()
    shown = trained.launch("report", "job.toml", "--outcome", str(aside), "--json")
    assert [(one["experiment"], one["steps"]) for one in json.loads(shown.out)["results"]] == [("lr", 3)]


def test_15_fresh_keeps_each_time_what_was_there(trained: Workplace) -> None:
    first = trained.paths.records("lr").read_bytes()
    result = trained.launch("job.toml", "--fresh")
    assert "2 finished experiments are trained again: 5 steps, " in result.err
    second = trained.paths.records("lr").read_bytes()
    trained.launch("job.toml", "--fresh", "--only", "lr")
    asides = [trained.paths.earlier(number) / "records" / "lr.jsonl" for number in (1, 2)]
    assert [path.read_bytes() for path in asides] == [first, second]
    assert not (trained.paths.earlier(2) / "records" / "lr_1e-3.jsonl").exists(), (
        "what is not selected is left as it is"
    )


def test_15_records_without_a_sound_first_line_are_kept_too(trained: Workplace) -> None:
    """Another way to the same loss: an experiment looks new where the record of its start is damaged."""
    damaged = b"#" + trained.paths.records("lr").read_bytes()
    trained.paths.records("lr").write_bytes(damaged)
    assert trained.launch("job.toml").code == 0
    assert (trained.paths.earlier(1) / "records" / "lr.jsonl").read_bytes() == damaged


def test_15_a_sweep_json_that_a_power_cut_left_empty_costs_nothing_that_is_done(trained: Workplace) -> None:
    """What the message says to do keeps the records: `move the folder away` would cost them all."""
    sweep = trained.paths.sweep
    sweep.write_bytes(b"")
    refused = trained.launch("job.toml")
    assert refused.code == 2
    assert "  Move this file away and launch the sweep again: what the records in" in refused.err
    sweep.rename(trained.folder / "damaged.json")
    again = trained.launch("job.toml")
    assert again.code == 0
    assert "2 kept" in again.err
    assert sweep.exists()


def test_15_a_failed_attempt_of_the_same_configuration_stays_in_the_records(place: Workplace) -> None:
    (place.folder / "leaves.py").write_text(TARGET)
    place.toy({"a": {"fails": True}}, "leaves:run")
    assert place.launch("job.toml").code == 1
    first = place.paths.records("a").read_bytes()
    (place.paths.outcome / "state_a.pt").write_text("what the function goes on from by itself")
    result = place.launch("job.toml")
    assert "1 unfinished experiment begins anew: 3 steps, " in result.err
    assert place.paths.records("a").read_bytes().startswith(first)
    assert (place.history("a").attempt, list(place.history("a").steps)) == (2, [1, 2, 3])
    assert (place.paths.outcome / "state_a.pt").exists()
    assert not place.paths.earliest.exists(), "no pile of attempts in vain"


def test_15_a_move_that_is_cut_short_at_any_point_is_undone(
    trained: Workplace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As by kill -9 before any rename, and as by a disk that refuses it; then by the next launch, and at once."""
    monkeypatch.chdir(trained.folder)
    outcome = trained.paths.outcome
    (outcome / "lr+lr_1e-3.txt").write_text("a file of both is copied")
    (outcome / "checkpoints" / "lr").mkdir(parents=True)
    (outcome / "checkpoints" / "lr" / "step-000000000001.ckpt").write_text("{}\n")
    before = tree(outcome)
    plan = api.plan(api.load("job.toml"), fresh=True)
    rename = Path.rename
    for error in (KeyboardInterrupt, OSError):
        for number in range(1, 100):
            left = number

            def fail(path: Path, place: Path, error: type[BaseException] = error) -> Path:
                nonlocal left
                left -= 1
                if left == 0:
                    raise error
                return rename(path, place)

            move = EarlierFiles(plan)
            with monkeypatch.context() as patch:
                patch.setattr(Path, "rename", fail)
                try:
                    move.move()
                except (KeyboardInterrupt, OSError):
                    pass
                else:
                    break
            if error is OSError:
                move.undo()
            else:
                undo_unfinished_moves(plan.paths)
            assert tree(outcome) == before, f"{error} at rename {number}"
            assert not plan.paths.earliest.exists()
        assert number > 9
        move.undo()
        assert tree(outcome) == before


def test_15_where_nothing_can_be_moved_nothing_is_started(trained: Workplace) -> None:
    trained.paths.earliest.write_text("a file in the way")
    before = tree(trained.paths.outcome)
    result = trained.launch("job.toml", "--fresh")
    assert result.code == 5
    assert "Nothing was started" in result.err
    assert tree(trained.paths.outcome) == before


def test_15_another_sweep_inside_the_folder_is_not_an_artefact(trained: Workplace) -> None:
    """`outcome = "outcome"` has the folders of the other jobs in it, and one may be called as an experiment is."""
    inner = trained.paths.outcome / "lr"
    shutil.rmtree(inner)
    result = trained.launch("job.toml", "--outcome", str(inner), "--logs", "inner")
    assert result.code == 0, result.err
    before = tree(inner)
    assert trained.launch("job.toml", "--fresh").code == 0
    assert tree(inner).keys() >= before.keys()
    assert (inner / "records" / "lr.jsonl").read_bytes() == before["records/lr.jsonl"]
