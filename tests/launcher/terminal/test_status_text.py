"""How a sweep stands, in words."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import pytest

from launcher.reports.status import ExperimentStatus, SweepStatus
from launcher.reports.text_table import plain
from launcher.store.experiment_state import ExperimentState
from launcher.store.launch_info import LaunchInfo
from launcher.store.locks import Holder
from launcher.store.paths import Paths
from launcher.terminal import status_text
from tests.launcher.reports.analysis.states import curve, made

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
STATES = [
    ExperimentState(name="baseline", state="running", curves={"loss": curve([4.1, 4.0, 4.1])}),
    made("lr_1e-3", [4.5, 4.6], "failed", overrides={"lr": 1e-3}, why="bad\x1b\nvalue"),
]
LIVE = replace(LIVE, states=STATES, metrics=["loss"])
TEXT = """\
sweep report of jobs/report.toml, in outcome
launcher: pid 812 on gpu7 since 2026-11-23 01:02:03, parallel, about 1:23 min left

best loss 4.0000 at step 2: baseline

experiment  state    device      step    loss  best loss    time      left
baseline    running  cuda:1  412/1000  4.1000     4.0000  58.0 s  1:23 min
lr_1e-3     failed   cuda:2       100  4.6000     4.5000  12.0 s         -

lr_1e-3 failed: bad\\x1b\\nvalue. Its log: logs/lr_1e-3.log

1 running, 1 failed."""


def lines(status: SweepStatus, width: int | None = None, *, shows_all: bool = False) -> list[str]:
    return [plain(line) for line in status_text.text(status, PATHS, width, shows_all=shows_all)]


def test_a_sweep_that_runs_is_a_table_with_the_best_reasons_and_counts() -> None:
    assert "\n".join(lines(LIVE)) == TEXT


@pytest.mark.parametrize(
    ("phase", "line"),
    [
        ("gone", "no launcher is at work: the last one, pid 812 on gpu7, is gone, killed before it could end"),
        ("ended", "no launcher is at work: the last one, pid 812 on gpu7, has ended"),
    ],
)
def test_without_a_launcher_the_last_one_is_named_and_what_goes_on(phase: str, line: str) -> None:
    found = lines(replace(LIVE, launcher=None, phase=phase))  # type: ignore[arg-type]
    assert found[1] == line
    assert found[-1] == f"To go on with what is not done: {LIVE.command}"


def test_a_column_in_which_nothing_is_known_is_left_out() -> None:
    waiting = [ExperimentStatus(name="a", state="waiting")]
    status = replace(
        LIVE, phase="starting", launch=LaunchInfo(), experiments=waiting, states=[], metric=None, seconds_left=None
    )
    found = lines(status)
    assert found[1].endswith(", checks the data; nothing is started yet")
    assert found[3:5] == ["experiment  state", "a           waiting"]


def test_an_experiment_that_is_kept_says_so_only_while_a_launch_keeps_it() -> None:
    kept = [ExperimentStatus(name="a", state="done", is_kept=True)]
    assert "done, kept" in "\n".join(lines(replace(LIVE, experiments=kept)))
    assert "kept" not in "\n".join(lines(replace(LIVE, experiments=kept, launcher=None, phase="ended")))


def test_a_value_that_is_not_finite_has_the_colour_of_a_warning() -> None:
    broken = replace(LIVE, experiments=[replace(RUNNING, newest=math.nan), replace(FAILED, newest=math.inf)])
    styles = {text.strip(): style for line in status_text.text(broken, PATHS, 80) for text, style in line}
    assert styles["running, nan"] == styles["nan"] == styles["inf"] == "bold magenta"
    assert styles["failed"] == "bold red", "its ending says enough"


@pytest.mark.parametrize("num", [5, 24, 200, 1000])
@pytest.mark.parametrize("width", [40, 60, 80, 120, 200])
def test_no_row_is_broken_and_what_waits_in_a_large_sweep_is_a_line(width: int, num: int) -> None:
    names = [f"resnet50_lr_{place}_wd_{place % 7}" for place in range(num)]
    waiting = [ExperimentStatus(name=name, state="waiting") for name in names[2:]]
    found = lines(
        replace(LIVE, experiments=[replace(RUNNING, name=names[0]), replace(FAILED, name=names[1]), *waiting]), width
    )
    place = next(place for place, line in enumerate(found) if line.startswith("experiment"))
    rows = found[place + 1 : found.index("", place)]
    assert all(len(row) <= width for row in rows)
    assert all(title in found[place] for title in ("state", "best loss"))
    if num > status_text.MOST_WAITING:
        assert rows[2].startswith(f"{num - 2} wait (--all shows them): ")
        assert len(rows) == 3
    else:
        assert len(rows) == num


def test_all_rows_are_there_where_somebody_asks_for_them_or_no_terminal_limits_them() -> None:
    waiting = [ExperimentStatus(name=f"e{place}", state="not started") for place in range(200)]
    status = replace(LIVE, experiments=waiting, states=[])
    assert any(line.startswith("200 not started (--all shows them): e0, e1, ") for line in lines(status, 80))
    for found in (lines(status), lines(status, 80, shows_all=True)):
        assert sum(line.startswith("e") and "not started" in line for line in found) == 200


def test_equal_failures_are_told_once() -> None:
    states = [made(f"lr_{place}", [], "failed", why=f"ValueError: {place} (train.py:3)") for place in range(17)]
    found = lines(replace(LIVE, states=states))
    assert found.count("17 failed alike: ValueError: 0 (train.py:3)") == 1
    assert "  lr_0, lr_1, lr_2 and 14 more. Log of the first: logs/lr_0.log" in found
