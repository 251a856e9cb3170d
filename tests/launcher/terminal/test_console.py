"""The console of a launch: which messages are printed, when a frame is made, and what signals ask for."""

from __future__ import annotations

import io
import math
import re
import signal

import pytest

from launcher.engine.snapshot import Snapshot
from launcher.terminal import screen
from launcher.terminal.console import Console
from tests.launcher.terminal.snapshots import RUNNING, many, snapshot


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


def test_on_a_terminal_failures_are_red_and_what_is_done_is_green(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    terminal = Terminal()
    console = Console(terminal)
    console.message("a failed \x1b[2J\n  details", "failure")
    console.message("b: done", "done")
    console.message("c: started", "routine")
    assert terminal.getvalue() == "\x1b[31ma failed \\x1b[2J\x1b[0m\n  details\n\x1b[32mb: done\x1b[0m\nc: started\n"


def test_quiet_says_failures_and_news_only() -> None:
    stream = io.StringIO()
    console = Console(stream, is_quiet=True)
    for kind in ("routine", "done", "news", "failure"):
        console.message(kind, kind)
    assert stream.getvalue() == "news\nfailure\n"
