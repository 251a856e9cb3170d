"""The live view as lines of text, from made-up snapshots."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from rich.cells import cell_len

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
        "experiment  state      device       step     loss     best  tokens/s      time   left   memory  GPU mem",
        "lr_1e-3     running    GPU 1    412/2168   5.9063   5.3325    41,250     12:20   0:58   1.2 GB  21.3 GB",
        "big         no memory  GPU 2           3      nan                         0:07",
        "later       waiting",
        "small       done       GPU 1   2168/2168   4.1000                     27:46:40",
        "logs: logs/report · all rows: kill -USR1 4711",
    ]


def test_columns_go_by_importance_and_a_name_loses_its_middle() -> None:
    def titles(width: int) -> list[str]:
        case = snapshot(replace(RUNNING, experiment="lr=1e-3_batch_size=16_layers=2"))
        return plain(screen.frame(case, width, 8, has_color=True))[1].split()

    assert titles(130)[-4:] == ["memory", "GPU", "mem", "CPU"]
    assert titles(79) == ["experiment", "state", "device", "step", "loss", "best", "time", "left"]
    assert titles(60) == ["experiment", "state", "step", "loss", "time", "left"]
    assert titles(39) == ["experiment", "state", "step", "loss"]
    assert titles(30) == ["experiment", "state", "step"]
    assert titles(20) == ["experiment", "step"]
    narrow = screen.frame(snapshot(replace(RUNNING, experiment="lr=1e-3_layers=2")), 24, 8, has_color=False)
    assert narrow[2].rstrip() == "lr=1e-3…yers=2  412/2168"


def test_a_column_in_which_nothing_is_known_is_left_out() -> None:
    case = snapshot(replace(RUNNING, gpu_memory_bytes=None, tokens_per_s=None), metric="")
    titles = screen.frame(replace(case, rows=(replace(case.rows[0], value=None, best=None),)), 120, 8, has_color=False)[
        1
    ]
    assert titles.split() == ["experiment", "state", "device", "step", "time", "left", "memory", "CPU"]


def test_running_first_then_failed_then_waiting_and_the_rest_is_counted() -> None:
    lines = screen.frame(many(3, 2, 14, 30), 80, 12, has_color=False)
    assert [line.split("_")[0] for line in lines[3:-2]] == ["running"] * 3 + ["failed"] * 2 + ["waiting"] * 2
    assert lines[-2] == "12 more wait, 30 done"
    few = screen.frame(many(9, 1, 2, 3), 80, 6, has_color=False)
    assert few[-2] == "7 more run, 1 failed, 2 wait, 3 done"


def test_all_rows_are_there_where_no_screen_limits_them() -> None:
    lines = screen.whole(many(30, 40, 500, 430), None)
    assert len(lines) == 1000 + 3
    assert lines == plain(lines)
    assert "41,250" in lines[2]
    assert max(map(len, screen.whole(many(3, 4, 5, 4), 80))) <= 80
