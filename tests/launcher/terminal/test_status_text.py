"""How a sweep stands, in words."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from launcher.reports.status import ExperimentStatus, SweepStatus
from launcher.store.launch_info import LaunchInfo
from launcher.store.locks import Holder
from launcher.store.paths import Paths
from launcher.terminal import status_text

PATHS = Paths(Path("outcome"), Path("logs"))
HOLDER = Holder(pid=812, host="gpu7", since="2026-11-23 01:02:03", folder="/home/me/sweeps")
RUNNING = ExperimentStatus(
    name="baseline", state="running", device="cuda:1", attempt=1, step=412, total=1000, newest=4.1, best=4.0,
    seconds=58.0, seconds_left=83.1,
)  # fmt: skip
FAILED = ExperimentStatus(
    name="lr_1e-3", state="failed", device="cuda:2", step=100, newest=4.6, best=4.5, seconds=12.0, why="bad\x1b\nvalue"
)
LIVE = SweepStatus(
    sweep="report",
    job_file="jobs/report.toml",
    metric="loss",
    phase="running",
    launcher=HOLDER,
    launch=LaunchInfo(pid=812, host="gpu7", mode="parallel", argv=["sweep-launcher", "run", "jobs/report.toml"]),
    experiments=[RUNNING, FAILED],
    seconds_left=83.1,
)
TEXT = """\
sweep report of jobs/report.toml, in outcome
launcher: pid 812 on gpu7 since 2026-11-23 01:02:03, parallel, about 1:23 min left

experiment  state    device      step    loss  best loss    time      left
baseline    running  cuda:1  412/1000  4.1000     4.0000  58.0 s  1:23 min
lr_1e-3     failed   cuda:2       100  4.6000     4.5000  12.0 s         -

lr_1e-3: bad\\x1b\\nvalue. Its log: logs/lr_1e-3.log

1 running, 1 failed."""


def test_a_sweep_that_runs_is_a_table_with_reasons_and_counts() -> None:
    assert status_text.text(LIVE, PATHS) == TEXT


@pytest.mark.parametrize(
    ("phase", "line"),
    [
        ("gone", "no launcher is at work: the last one, pid 812 on gpu7, is gone, killed before it could end"),
        ("ended", "no launcher is at work: the last one, pid 812 on gpu7, has ended"),
    ],
)
def test_without_a_launcher_the_last_one_is_named_and_what_goes_on(phase: str, line: str) -> None:
    lines = status_text.text(replace(LIVE, launcher=None, phase=phase), PATHS).splitlines()  # type: ignore[arg-type]
    assert lines[1] == line
    assert lines[-1] == f"To go on with what is not done: {LIVE.command}"


def test_a_column_in_which_nothing_is_known_is_left_out() -> None:
    waiting = [ExperimentStatus(name="a", state="waiting")]
    status = replace(LIVE, phase="starting", launch=LaunchInfo(), experiments=waiting, metric=None, seconds_left=None)
    lines = status_text.text(status, PATHS).splitlines()
    assert lines[1].endswith(", checks the data; nothing is started yet")
    assert lines[3:5] == ["experiment  state", "a           waiting"]


def test_an_experiment_that_is_kept_says_so_only_while_a_launch_keeps_it() -> None:
    kept = [ExperimentStatus(name="a", state="done", is_kept=True)]
    assert "done, kept" in status_text.text(replace(LIVE, experiments=kept), PATHS)
    assert "kept" not in status_text.text(replace(LIVE, experiments=kept, launcher=None, phase="ended"), PATHS)
