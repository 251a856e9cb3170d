"""The [cluster] table as options of sbatch."""

from __future__ import annotations

import pytest

from launcher.clusters.settings import ClusterSettings
from launcher.clusters.slurm_options import clusters, given, job_options, problems


def test_each_key_is_an_option_and_what_a_job_needs_counts_its_experiments() -> None:
    settings = ClusterSettings(
        gpus=2, cpus=4, mem_gb=1.5, time="4:00:00", partition="gpu", account="a", qos="q", constraint="x&y",
        reservation="r", per_job=2, extra=("--exclude=n13",),
    )  # fmt: skip
    assert job_options(settings, grace_s=30, requeue=True, tells_limit=True) == [
        "--gres=gpu:4", "--cpus-per-task=8", "--mem=3072M", "--time=4:00:00", "--partition=gpu", "--account=a",
        "--qos=q", "--constraint=x&y", "--reservation=r", "--signal=B:USR1@90", "--requeue", "--exclude=n13",
        "--open-mode=append",
    ]  # fmt: skip


def test_an_empty_table_asks_for_nothing() -> None:
    options = job_options(ClusterSettings(), grace_s=30, requeue=False, tells_limit=False)
    assert options == ["--no-requeue", "--open-mode=append"]
    assert given(ClusterSettings()) == {}
    assert problems(ClusterSettings(), grace_s=30) == []


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        (ClusterSettings(gpus=0.5), "cluster.gpus = 0.5: Slurm gives whole GPUs"),
        (ClusterSettings(time="2"), 'cluster.time = "2" is too short'),
        (ClusterSettings(extra=("--array=0-3",)), 'cluster.extra: "--array=0-3" cannot be given'),
        (ClusterSettings(extra=("--wait",)), "sets --wait itself"),
        (ClusterSettings(extra=("-J", "x")), "sets --job-name itself"),
        (ClusterSettings(extra=("-oout.txt",)), "sets --output itself"),
        (ClusterSettings(setup=("a\0b",)), "cluster.setup: no text may have a NUL character"),
        (ClusterSettings(partition="a\0b"), "cluster.partition: no text may have a NUL character"),
    ],
)
def test_what_slurm_cannot_do_is_told_with_its_key(settings: ClusterSettings, words: str) -> None:
    (problem,) = problems(settings, grace_s=30)
    assert words in problem


def test_a_time_limit_leaves_time_to_train_before_the_signal() -> None:
    """Slurm sends the signal up to a minute early (sbatch(1)): 90 s are told 90 to 150 s before the end."""
    assert problems(ClusterSettings(time="2:29"), grace_s=30)
    assert not problems(ClusterSettings(time="2:30"), grace_s=30)


@pytest.mark.parametrize(
    ("extra", "name"),
    [
        ([], ""),
        (["--exclude=n1"], ""),
        (["--clusters=big"], "big"),
        (["--clusters", "big"], "big"),
        (["-M", "big,small"], "big,small"),
        (["-Mbig"], "big"),
        (["--cluster=big"], "big"),
        (["-M"], ""),
    ],
)
def test_the_cluster_that_sbatch_is_told_is_asked_by_the_others_too(extra: list[str], name: str) -> None:
    assert clusters(extra) == name
