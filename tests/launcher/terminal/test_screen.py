"""The live view as lines of text, and where they are put on a terminal: made-up snapshots, no process, no terminal."""

from __future__ import annotations

import io
import math
import re
import signal
from dataclasses import replace

import pytest
from rich.cells import cell_len

from launcher.engine.snapshot import Snapshot, SnapshotRow
from launcher.terminal import screen
from launcher.terminal.console import Console

RUNNING = SnapshotRow(
    experiment="lr_1e-3", group="running", state="running", device="GPU 1", step=412, total=2168, value=5.9063,
    best=5.3325, tokens_per_s=41250.0, time_s=740.4, left_s=58.0, memory_bytes=1_212_000_000,
    gpu_memory_bytes=21_300_000_000, cpu_percent=99.4,
)  # fmt: skip
FAILED = SnapshotRow(
    experiment="big", group="failed", state="no memory", device="GPU 2", step=3, value=math.nan, time_s=7.0
)
WAITING = SnapshotRow(experiment="later", group="waiting", state="waiting")
DONE = SnapshotRow(
    experiment="small", group="done", state="done", device="GPU 1", step=2168, total=2168, value=4.1, time_s=1e5
)


def snapshot(*rows: SnapshotRow, **changes: object) -> Snapshot:
    made = Snapshot(
        sweep="report", rows=rows, metric="loss", time_s=751.0, left_s=305.0, logs="logs/report", pid=4711
    )  # fmt: skip
    return replace(made, **changes)  # type: ignore[arg-type]


def many(num_running: int, num_failed: int, num_waiting: int, num_done: int) -> Snapshot:
    """A sweep in a job's order, which is not that of a screen, with long names that differ in their ends."""
    rows = []
    for row, count in ((DONE, num_done), (WAITING, num_waiting), (FAILED, num_failed), (RUNNING, num_running)):
        rows += [replace(row, experiment=f"{row.group}_{'x' * (number % 60)}_{number}") for number in range(count)]
    return snapshot(*rows)


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


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "60")
    monkeypatch.setenv("LINES", "9")
    return Terminal()


def test_messages_keep_the_live_view_below_them_on_a_terminal(terminal: Terminal) -> None:
    console = Console(terminal)
    case = snapshot(RUNNING)
    console.show(lambda: case)
    lines = screen.frame(case, 59, 6, has_color=False)
    drawn = "".join(f"{line}\x1b[K\n" for line in lines)
    console.message("b failed")
    assert terminal.getvalue() == f"{drawn}\x1b[J\r\x1b[4A\x1b[Jb failed\n{drawn}\x1b[J"
    console.close()
    assert terminal.getvalue().endswith("\r\x1b[4A\x1b[J")


def test_a_narrower_screen_has_broken_the_lines(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    console = Console(terminal)
    console.show(lambda: snapshot(RUNNING))
    monkeypatch.setenv("COLUMNS", "30")
    written = len(terminal.getvalue())
    console.message("b failed")
    frame = screen.frame(snapshot(RUNNING), 59, 6, has_color=False)
    broken = sum(math.ceil(len(line) / 30) for line in frame)
    assert broken > len(frame)
    assert terminal.getvalue()[written:] == f"\r\x1b[{broken}A\x1b[Jb failed\n", "and is drawn anew at the next show"


def test_frames_are_rationed(terminal: Terminal) -> None:
    num_made = 0

    def made() -> Snapshot:
        nonlocal num_made
        num_made += 1
        return snapshot(RUNNING)

    console = Console(terminal)
    for _ in range(100):
        console.show(made)
    assert num_made == 1, "a frame is due four times a second at most, and no snapshot is taken in between"


@pytest.mark.parametrize("kind", ["dumb", "", "unknown"])
def test_a_dumb_terminal_gets_lines_only(terminal: Terminal, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", kind)
    console = Console(terminal)
    console.show(lambda: snapshot(RUNNING))
    console.message("b failed")
    console.close()
    assert terminal.getvalue() == "b failed\n"


def test_without_a_terminal_there_are_lines_only_and_no_control_character() -> None:
    stream = io.StringIO()
    console = Console(stream)
    console.show(lambda: snapshot(RUNNING))
    console.message("evil \x1b[2J \x07 name")
    assert stream.getvalue() == "evil \\x1b[2J \\x07 name\n"


def test_asked_by_a_signal_all_rows_are_printed_once_as_lines() -> None:
    stream = io.StringIO()
    console = Console(stream)
    console.on_signal(signal.SIGUSR1)
    for _ in range(2):
        console.show(lambda: many(3, 2, 14, 300))
    assert stream.getvalue().splitlines() == screen.whole(many(3, 2, 14, 300), None)


def test_after_ctrl_z_the_view_starts_below_what_others_wrote(terminal: Terminal) -> None:
    console = Console(terminal)
    console.show(lambda: snapshot(RUNNING))
    written = len(terminal.getvalue())
    console.on_signal(signal.SIGCONT)
    console.show(lambda: snapshot(RUNNING))
    assert "A" not in re.findall(r"\x1b\[\d*([A-Z])", terminal.getvalue()[written:])
