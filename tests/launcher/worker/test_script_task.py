"""What the worker of a script is sent: plain values, from which no path has to be made."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import pytest

from launcher.command.script import PORT, Script
from launcher.store.paths import Paths
from launcher.worker.script_task import ScriptTask, make_folders
from launcher.worker.spec import Spec


def task(script: dict[str, Any], **spec: Any) -> ScriptTask:
    folder = Path("/s/outcome/runs/a")
    about = {"argv": ("python", "t.py"), "shown": "python t.py", "folder": Path("/s"), "dir": folder, "environment": {}}
    given = {"experiment": "a", "attempt": 2, "target": "", "folder": Path("/s"), "config": {}, "given": {}}
    given |= {"digest": "d", "state_digest": "d", "seed": 0, "device_type": "cpu", "environment": {"A": "1"}}
    given |= {"threads": 1, "paths": Paths(Path("/s/outcome"), Path("/s/logs")), "checkpoint_s": 60.0}
    return ScriptTask.of(Spec(**given | spec), Script(**about | script))


def test_a_task_has_no_path_so_that_nobody_runs_code_to_unpack_it() -> None:
    made = task({"log": ("loss {loss}",), "events": ("*.csv",)})
    assert pickle.loads(pickle.dumps(made)) == made  # noqa: S301  its own
    assert not any(isinstance(value, Path) for value in vars(made).values())
    assert [(source.kind, source.path) for source in made.sources] == [
        ("run", "/s/outcome/runs/a/.launcher/run.jsonl"),
        ("templates", "/s/logs/a.log"),
        ("events", "/s/*.csv"),
    ]
    assert made.start == {"digest": "d", "device": "cpu", "threads": 1}


@pytest.mark.parametrize("place", [{"argv": ("t", PORT)}, {"environment": {"P": f"x{PORT}"}}], ids=["argument", "env"])
def test_a_port_is_wanted_where_its_place_stands(place: dict[str, Any]) -> None:
    assert task(place).needs_port
    assert not task({}).needs_port


def test_the_folder_of_a_script_is_made_if_it_lies_in_the_outcome_folder() -> None:
    assert task({"folder": Path("/s/outcome/runs/a/work")}).has_own_folder
    assert not task({}).has_own_folder


def test_whoever_starts_a_worker_makes_the_folders_of_an_experiment_only_where_they_are_not_there(
    tmp_path: Path,
) -> None:
    about = {"argv": ("t",), "shown": "t", "folder": tmp_path, "dir": tmp_path / "runs" / "a", "environment": {}}
    script = Script(**about)
    assert not make_folders(script)  # no runs yet: the worker makes them
    (tmp_path / "runs").mkdir()
    assert make_folders(script)
    assert script.private.is_dir()
    assert not make_folders(script)  # of an attempt before: something may be in them
    assert task({}, attempt=1).are_folders_new is False


def test_each_further_rank_has_a_log() -> None:
    made = task({}, num_ranks=3)
    assert (made.num_ranks, made.rank_logs) == (3, ("/s/logs/a.rank1.log", "/s/logs/a.rank2.log"))
