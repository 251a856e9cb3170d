"""The live view as lines of text, from made-up snapshots."""

from __future__ import annotations

import math
import re
from dataclasses import replace

import pytest
from rich.cells import cell_len

from launcher.engine.snapshot import SnapshotRow
from launcher.terminal import screen
from tests.launcher.terminal.snapshots import DONE, FAILED, RUNNING, WAITING, many, snapshot


def plain(lines: list[str]) -> list[str]:
    return [re.sub(r"\x1b\[[0-9;]*m", "", line) for line in lines]


@pytest.mark.parametrize("height", [0, 1, 2, 3, 4, 5, 6, 12, 24, 60])
@pytest.mark.parametrize("width", [1, 7, 20, 40, 80, 120, 200])
def test_a_frame_is_never_larger_than_the_screen(width: int, height: int) -> None:
    cases = [snapshot(RUNNING), snapshot(RUNNING, FAILED, WAITING, DONE), many(3, 2, 5, 4), many(30, 40, 500, 430)]
    for case in [*cases, snapshot(WAITING, logs="日本/\x1b[2J" * 30, left_s=None, metric="")]:
        lines = screen.frame(case, width, height, has_color=False)
        assert len(lines) <= height
        assert all(cell_len(line) <= width for line in lines), lines
        assert all(line.isprintable() for line in lines), "without colour there is no escape sequence"
        assert [one.rstrip() for one in plain(screen.frame(case, width, height, has_color=True))] == [
            one.rstrip() for one in lines
        ], "colour changes no text"
        if height and width >= 20:
            assert any(" ended" in line for line in lines[:2]), "whatever is left out, the sweep's progress is not"


def test_a_small_sweep_is_shown_whole() -> None:
    lines = screen.frame(snapshot(DONE, WAITING, FAILED, RUNNING), 108, 20, has_color=False)
    assert [line.rstrip() for line in lines] == [
        "",
        "report  2/4 ended  ━━━━━━━━━━──────────  1 failed  1 running  1 waiting  12:31  5:05 left",
        "best loss 5.3325: lr_1e-3, step 409",
        "experiment  state      device       step     loss     best  tokens/s      time   left   memory  GPU mem",
        "lr_1e-3     running    GPU 1    412/2168   5.9063   5.3325    41,250     12:20   0:58   1.2 GB  21.3 GB",
        "big         no memory  GPU 2           3      nan                         0:07",
        "small       done       GPU 1   2168/2168   4.1000                     27:46:40",
        "1 waits: later",
        "logs: logs/report · all rows: kill -USR1 4711",
    ]


def test_columns_go_by_importance_and_names_are_shortened() -> None:
    def titles(width: int) -> list[str]:
        case = snapshot(replace(RUNNING, experiment="lr=1e-3_batch_size=16_layers=2"))
        lines = plain(screen.frame(case, width, 8, has_color=True))
        return lines[2].split()

    assert titles(130)[-4:] == ["memory", "GPU", "mem", "CPU"]
    assert titles(81) == ["experiment", "state", "device", "step", "loss", "time", "left"]
    assert titles(60) == ["experiment", "state", "step", "loss", "left"]
    assert titles(30) == ["experiment", "state", "step"]
    assert titles(20) == ["experiment", "step"]
    narrow = screen.frame(snapshot(replace(RUNNING, experiment="lr=1e-3_layers=2")), 24, 8, has_color=False)
    assert narrow[3].rstrip() == "lr=1e-3_lay=2  412/2168"


@pytest.mark.parametrize("width", [40, 60, 80, 120, 200])
def test_names_that_differ_look_different_at_every_width(width: int) -> None:
    rates = ("0.001", "0.003", "0.01", "0.03")
    names = tuple(f"resnet50_lr_{rate}_wd_{decay}_bs_256" for rate in rates for decay in ("0.05", "0.1"))
    case = snapshot(*(replace(RUNNING, experiment=name) for name in names), names=names)
    lines = screen.frame(case, width, 20, has_color=False)
    rows = [line.split("running")[0].strip() for line in lines if "running" in line][1:]
    assert len(set(rows)) == len(names), rows
    assert all("0.003" in row for row in rows[2:4])


@pytest.mark.parametrize("num", [5, 24, 200, 1000])
@pytest.mark.parametrize("width", [40, 60, 80, 120, 200])
def test_what_waits_is_a_line_and_what_is_known_has_the_rows(width: int, num: int) -> None:
    names = tuple(f"lr={place / 1000}" for place in range(num))
    rows = [replace(RUNNING, experiment=name) for name in names[:2]]
    rows += [replace(DONE, experiment=names[2]), *(replace(WAITING, experiment=name) for name in names[3:])]
    lines = screen.frame(snapshot(*rows, names=names), width, 17, has_color=False)
    assert len(lines) == 9
    assert lines[-2].startswith(f"{num - 3} wait: lr=0.003, lr=0.004")
    assert lines[-2].endswith(", …" if num > 5 else "lr=0.004")
    assert sum("running " in line for line in lines[3:]) == 2


def test_the_best_value_is_of_what_has_neither_failed_nor_diverged() -> None:
    def best(*rows: SnapshotRow, **changes: object) -> str:
        return screen.frame(snapshot(*rows, **changes), 79, 12, has_color=False)[2]

    worse = replace(RUNNING, experiment="worse", best=6.0, best_step=3)
    diverged = replace(FAILED, best=1.0, best_step=1)
    assert best(diverged, worse, RUNNING) == "best loss 5.3325: lr_1e-3, step 409"
    assert best(worse, RUNNING, is_maximized=True) == "best loss 6.0000: worse, step 3"
    alike = replace(RUNNING, experiment="first")
    assert best(RUNNING, alike, names=("first", "lr_1e-3")).endswith(": first, step 409"), "as in the table"
    assert best(WAITING).startswith("1 waits"), "nothing is known"


def test_a_value_that_is_not_finite_is_told_in_its_row_and_in_the_heading() -> None:
    broken = replace(RUNNING, value=math.inf)
    heading, row = (screen.frame(snapshot(broken, FAILED), 79, 12, has_color=True)[place] for place in (1, 4))
    assert "1 inf" in plain([heading])[0]
    assert plain([row])[0].split()[:3] == ["lr_1e-3", "running,", "inf"]
    assert row.count("\x1b[1;35m") == 2, "state and value have the colour of a warning"
    both = snapshot(broken, replace(RUNNING, value=math.nan))
    assert "  2 not finite  " in screen.frame(both, 79, 12, has_color=False)[1]


def test_a_launch_that_stops_says_what_it_waits_for() -> None:
    stopping = many(2, 0, 30, 1)
    stopping = replace(stopping, is_stopping=True, left_s=None)
    lines = screen.frame(stopping, 79, 12, has_color=False)
    assert "stopping: 2 experiments save; 30 not started" in lines[1]
    assert not any(" wait" in line for line in lines)
    over = replace(many(0, 0, 30, 3), is_stopping=True, drawing=(3, 10))
    assert "stopping: drawing 3 of 10; 30 not started" in screen.frame(over, 79, 12, has_color=False)[1]


def test_while_only_the_views_are_drawn_their_number_is_told() -> None:
    assert (
        "drawing 312 of 400" in screen.frame(replace(many(0, 0, 0, 9), drawing=(312, 400)), 79, 9, has_color=False)[1]
    )
    assert "  drawing  " in screen.frame(many(0, 0, 0, 9), 79, 9, has_color=False)[1]
    assert "drawing" not in screen.frame(replace(many(1, 0, 0, 9), drawing=(1, 2)), 79, 9, has_color=False)[1]


def test_a_column_in_which_nothing_is_known_is_left_out() -> None:
    bare = replace(RUNNING, gpu_memory_bytes=None, tokens_per_s=None, value=None, best=None)
    titles = screen.frame(snapshot(bare, metric=""), 120, 8, has_color=False)[1]
    assert titles.split() == ["experiment", "state", "device", "step", "time", "left", "memory", "CPU"]


def test_running_first_then_failed_then_done_and_the_rest_is_counted() -> None:
    lines = screen.frame(many(3, 2, 14, 30), 80, 12, has_color=False)
    assert [line.split("_")[0] for line in lines[4:-3]] == ["running"] * 3 + ["failed"] * 2
    assert lines[-3] == "30 done"
    assert lines[-2].startswith("14 wait: waiting_")
    few = screen.frame(many(9, 1, 2, 3), 80, 4, has_color=False)
    assert few[-1] == "8 more run, 1 failed, 2 wait, 3 done"


def test_many_failures_leave_space_for_what_is_done() -> None:
    lines = screen.frame(many(2, 40, 0, 40), 80, 20, has_color=False)
    groups = [line.split("_")[0] for line in lines[4:-2]]
    assert groups == ["running"] * 2 + ["failed"] * 3 + ["done"] * 9
    assert lines[-2] == "37 more failed, 31 more done"
    failed_only = screen.frame(many(2, 40, 0, 2), 80, 20, has_color=False)
    assert [line.split("_")[0] for line in failed_only[4:-2]] == ["running"] * 2 + ["failed"] * 3 + ["done"] * 2 + [
        "failed"
    ] * 7, "what no other row needs is theirs"


def test_all_rows_are_there_where_no_screen_limits_them() -> None:
    lines = screen.whole(many(30, 40, 500, 430), None)
    assert len(lines) == 1000 + 4
    assert lines == plain(lines)
    assert "41,250" in lines[3]
    assert max(map(len, screen.whole(many(3, 4, 5, 4), 80))) <= 80
