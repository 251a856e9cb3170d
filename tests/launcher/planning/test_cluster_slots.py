"""What an experiment gets on a cluster."""

from __future__ import annotations

from pathlib import Path

import pytest

from launcher.planning import job
from launcher.planning.cluster_slots import can_resume, checkpoint_s, cluster_slots, needs
from launcher.planning.job import Sweep

TARGET = 'target = "train:run"'


def load(folder: Path, sweep: str = TARGET, cluster: str = "") -> Sweep:
    path = folder / "job.toml"
    path.write_text(f"[sweep]\n{sweep}\n[cluster]\n{cluster}\n[experiments]\na = {{}}\n")
    return job.load(path)


@pytest.mark.parametrize(
    ("sweep", "cluster", "gpus", "cpus"),
    [
        (TARGET, "", 1, 1),
        (TARGET, "gpus = 0.5\ncpus = 4", 0.5, 4),
        (f"{TARGET}\ngpus = 2\nthreads = 3", "", 2, 6),
        (f"{TARGET}\nthreads = 3", "gpus = 0", 0, 3),
    ],
)
def test_cores_and_gpus_are_those_of_the_table_or_follow_from_the_sweep(
    tmp_path: Path, sweep: str, cluster: str, gpus: float, cpus: int
) -> None:
    found = needs(load(tmp_path, sweep, cluster))
    assert (found.gpus, found.cpus) == (gpus, cpus)


def test_checkpoints_are_rarer_where_many_run_and_the_job_file_does_not_say_otherwise(tmp_path: Path) -> None:
    assert [checkpoint_s(load(tmp_path), num) for num in (50, 51)] == [60, 600]
    assert checkpoint_s(load(tmp_path, cluster="at_once = 10"), 1000) == 60
    assert checkpoint_s(load(tmp_path, f"{TARGET}\ncheckpoint_s = 5"), 1000) == 5


def test_a_target_can_go_on_and_a_script_only_if_the_job_file_says_how(tmp_path: Path) -> None:
    script = 'command = ["python", "train.py"]'
    assert can_resume(load(tmp_path))
    assert not can_resume(load(tmp_path, script))
    assert can_resume(load(tmp_path, f'{script}\nresume = {{ if = "{{dir}}/x", args = ["--resume"] }}'))


def test_each_experiment_has_a_place_of_the_clusters_name(tmp_path: Path) -> None:
    slots = cluster_slots(load(tmp_path), "slurm", 3)
    assert [str(slot) for slot in slots] == ["slurm"] * 3
    assert slots[0].device.kind == "cuda"
