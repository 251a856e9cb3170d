"""The live view on a real terminal: sweeps of toys inside tmux, whose screen is read, resized and typed into."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import pytest

from launcher.store.attempts import read_last_attempts
from launcher.terminal.screen import ROOM_FOR_BEST
from tests.launcher.conftest import MARK, TOYS, Workplace, marked, wait_for

BARRIER = "go"


@dataclass
class Terminal:
    """A tmux server of its own with one window, in which a launch runs as if it was typed."""

    place: Workplace

    def tmux(self, *arguments: str) -> str:
        command = ["tmux", "-S", str(self.place.folder / "tmux"), "-f", os.devnull, *arguments]
        hidden = ("DEVICES", "CUDA_VISIBLE_DEVICES", "TMUX", "NO_COLOR")
        environment = {key: value for key, value in os.environ.items() if key not in hidden}
        environment |= {"PYTHONPATH": str(TOYS), MARK: self.place.mark, "LC_ALL": "C.UTF-8"}
        environment["LAUNCHER_LOCKS"] = str(self.place.folder / ".locks")
        return subprocess.run(
            command, cwd=self.place.folder, env=environment, capture_output=True, text=True, check=True
        ).stdout

    def launch(self, *arguments: str, columns: int = 100, rows: int = 24, before: str = "") -> None:
        """Start a launch."""
        self.run(["-m", "launcher", *arguments], columns, rows, before)

    def run(self, arguments: Sequence[str], columns: int = 100, rows: int = 24, before: str = "") -> None:
        """Run Python; its exit code is printed below what it leaves, and the window stays."""
        script = f"trap : INT; {before} {shlex.join([sys.executable, *arguments])}; echo exit code $?; exec cat"
        self.tmux("new-session", "-d", "-x", str(columns), "-y", str(rows), "sh", "-c", script)

    def lines(self) -> list[str]:
        """Return what is on the screen."""
        return self.tmux("capture-pane", "-p").splitlines()

    def all_lines(self) -> list[str]:
        """Return what is on the screen and what has left it above."""
        return self.tmux("capture-pane", "-p", "-S", "-").splitlines()

    def wait_for(self, condition: Callable[[list[str]], object]) -> list[str]:
        """Wait until the screen is as it should be, and return its lines; fail with what is on it instead."""
        try:
            return wait_for(lambda: lines if condition(lines := self.lines()) else None)  # type: ignore[no-any-return]
        except AssertionError:
            raise AssertionError("this is on the screen:\n" + "\n".join(self.lines())) from None

    def resize(self, columns: int, rows: int) -> None:
        self.tmux("resize-window", "-x", str(columns), "-y", str(rows))

    def cursor_is_visible(self) -> bool:
        return self.tmux("display-message", "-p", "#{cursor_flag}").strip() == "1"


@pytest.fixture
def terminal(place: Workplace) -> Iterator[Terminal]:
    if shutil.which("tmux") is None:
        pytest.skip("there is no tmux to run a terminal in (apt-get install tmux)")
    made = Terminal(place)
    yield made
    made.tmux("kill-server")


def has(*texts: str) -> Callable[[list[str]], bool]:
    return lambda lines: all(any(text in line for line in lines) for text in texts)


def row(lines: list[str], experiment: str) -> list[str]:
    """Return the words of an experiment's row of the live view."""
    titles = max((number for number, line in enumerate(lines) if line.startswith("exper")), default=len(lines))
    return next((line.split() for line in lines[titles:] if line.startswith(experiment)), [])


def waiting_toys(place: Workplace, count: int, **settings: object) -> None:
    """Write a sweep whose experiments stand before their last step until there is a file."""
    barrier = str(place.folder / BARRIER)
    place.toy({f"e{n}": {"steps": 3, "barrier": barrier} for n in range(count)}, **settings)


def test_the_screen_follows_the_sweep_and_the_window(terminal: Terminal) -> None:
    waiting_toys(terminal.place, 40, metrics=["loss"])
    terminal.launch("job.toml", "--parallel", "--devices", "0,1", columns=80, rows=24)
    lines = terminal.wait_for(lambda lines: "2/3" in row(lines, "e0") and "2/3" in row(lines, "e1"))
    assert row(lines, "e0")[1:7] == ["running", "cpu:0", "2/3", "8.1873", "8.1873", row(lines, "e0")[6]]
    assert has("job  0/40 ended", "2 running", "38 waiting", "38 wait: e2, e3, e4", ", …", "logs: logs/job")(lines)
    assert has("best loss 8.1873: e0, step 2")(lines)
    assert any("e0: started on cpu:0" in line for line in lines), "messages stay above"

    for columns, rows in [(40, 24), (120, 40), (200, 50), (60, 10), (30, 5), (80, 24)]:
        terminal.resize(columns, rows)
        height = rows - 1 - rows // 4
        wanted = min(7 if height >= ROOM_FOR_BEST else 6, height)  # what waits is one line, whatever the height
        lines = terminal.wait_for(lambda lines, wanted=wanted: len(live(lines)) == wanted)  # type: ignore[misc]
        assert sum(" ended" in line for line in lines) == 1, f"old frames are left: {lines}"
        assert sum(" wait: " in line for line in lines) <= 1, f"old frames are left: {lines}"

    terminal.tmux("send-keys", "C-c")
    terminal.wait_for(has("exit code 130"))
    assert has("asked to save and end", "e0: interrupted", "The same command again")(terminal.all_lines())
    assert terminal.cursor_is_visible()
    wait_for(lambda: not [one for one in marked(terminal.place.mark) if "python" in one.name()])


def live(lines: list[str]) -> list[str]:
    """Return the lines of the live view: from its heading to the last that is not empty."""
    start = max((number for number, line in enumerate(lines) if " ended" in line), default=len(lines))
    end = max((number for number, line in enumerate(lines) if line), default=0)
    return lines[start : end + 1]


def test_D19_a_window_that_was_lower_for_a_while_shows_one_frame_and_the_messages(terminal: Terminal) -> None:
    waiting_toys(terminal.place, 12, metrics=["loss"])
    terminal.launch("job.toml", "--parallel", "--devices", "0,1", columns=80, rows=24)
    terminal.wait_for(lambda lines: "2/3" in row(lines, "e0") and "2/3" in row(lines, "e1"))
    for low, high in ((8, 24), (5, 40)):
        terminal.resize(80, low)
        terminal.wait_for(lambda lines, low=low: len(live(lines)) <= low)  # type: ignore[misc]
        terminal.resize(80, high)
        lines = terminal.wait_for(has("logs: logs/job", "10 wait: e2"))
        assert [" ended" in line for line in lines].count(True) == 1, f"old frames are left: {lines}"
        assert [line.startswith("e1 ") for line in lines].count(True) == 1, f"old rows are left: {lines}"
        assert any("e0: started on cpu:0" in line for line in lines), "messages stay above"
    terminal.tmux("send-keys", "C-c")
    terminal.wait_for(has("exit code 130"))


@pytest.mark.slow
def test_a_launch_that_stops_says_what_it_waits_for(terminal: Terminal) -> None:
    experiments: dict[str, dict[str, Any]] = {f"e{n}": {"steps": 2, "step_s": 60.0} for n in range(12)}
    terminal.place.toy(experiments, metrics=["loss"], grace_s=4)
    terminal.launch("job.toml", "--parallel", "--devices", "0,1", columns=80)
    terminal.wait_for(lambda lines: "0/2" in row(lines, "e0") and "0/2" in row(lines, "e1"))
    terminal.tmux("send-keys", "C-c")
    lines = terminal.wait_for(has("stopping: 2 experiments save; 10 not started"))
    assert not any(" wait: " in line for line in lines)
    terminal.wait_for(has("exit code 130", "10 not started."))


@pytest.mark.parametrize("columns", [40, 80, 120])
def test_the_last_screen_has_the_answer_and_each_failure_once(terminal: Terminal, columns: int) -> None:
    shared = "resnet50_with_a_long_name"
    experiments: dict[str, dict[str, Any]] = {"baseline": {}}
    experiments |= {f"{shared}_lr_0.{n}": {"lr": 0.2 + n / 10} for n in range(3)}
    experiments |= {f"{shared}_bad_{n}": {"act": "raise", "at": n + 2} for n in range(4)}
    terminal.place.toy(experiments, metrics=["loss", "los"])
    terminal.launch("job.toml", "--parallel", "--devices", "0,1", columns=columns, rows=60)
    terminal.wait_for(has("exit code 1"))
    lines = terminal.all_lines()
    text = "\n".join(lines)
    assert lines.count("4 done, 4 failed.") == 1
    assert text.count("4 failed alike: ") == 1
    assert "best loss" in text
    titles = next(place for place, line in enumerate(lines) if line.startswith("experiment ") and "ending" in line)
    rows = [line.split() for line in lines[titles + 1 : titles + 9]]
    assert "best loss" in lines[titles]
    assert len({row[0] for row in rows}) == 8, "no row is broken, and no two names look the same"
    assert sorted(row[-1] for row in rows) == ["done"] * 4 + ["failed"] * 4
    told = 'metrics names los, which no experiment logged; logged were: loss, tokens. Did you mean "loss"?'
    assert "".join(told.split()) in "".join(text.split()), "the terminal breaks it anywhere"


@pytest.mark.parametrize(("how", "code"), [("SIGTERM", 143), ("SIGHUP", 129)])
def test_a_signal_leaves_the_terminal_clean(terminal: Terminal, how: str, code: int) -> None:
    waiting_toys(terminal.place, 1)
    terminal.launch("job.toml")
    terminal.wait_for(lambda lines: "2/3" in row(lines, "e0"))
    os.kill(launcher_pid(terminal), signal.Signals[how])
    lines = terminal.wait_for(has(f"exit code {code}"))
    assert not any(re.search(r"\d/1 ended", line) for line in lines)
    assert terminal.cursor_is_visible()


def launcher_pid(terminal: Terminal) -> int:
    """Read from the screen, as a person would, whom to send SIGUSR1."""
    return int(next(found[1] for line in terminal.lines() if (found := re.search(r"kill -USR1 (\d+)", line))))


def test_a_crash_of_the_launcher_leaves_the_terminal_clean(terminal: Terminal) -> None:
    waiting_toys(terminal.place, 1)
    crash = (
        "import launcher.engine.runner as r; assert r.classify; r.classify = None; "
        "from launcher.cli.app import main; main(['job.toml'])"
    )
    terminal.run(["-c", crash])
    terminal.wait_for(lambda lines: "2/3" in row(lines, "e0"))
    (terminal.place.folder / BARRIER).touch()
    lines = terminal.wait_for(has("exit code 1"))
    assert not has("/1 ended")(lines)
    assert has("TypeError: 'NoneType' object is not callable")(lines), "it is our mistake, and its traceback is shown"
    assert terminal.cursor_is_visible()


def test_sigusr1_prints_all_rows_above_the_live_view(terminal: Terminal) -> None:
    waiting_toys(terminal.place, 20)
    terminal.launch("job.toml", rows=20)
    terminal.wait_for(lambda lines: "2/3" in row(lines, "e0"))
    os.kill(launcher_pid(terminal), signal.SIGUSR1)
    wait_for(lambda: sum("0/20 ended" in line for line in terminal.all_lines()) == 2)
    assert any(line.split() == ["e19", "waiting"] for line in terminal.all_lines()), "no room on the screen"
    (terminal.place.folder / BARRIER).touch()
    lines = terminal.wait_for(has("exit code 0", "20 done."))
    assert not has("/20 ended")(lines), "the live view is gone"


@pytest.mark.parametrize("setting", ["NO_COLOR=1", "TERM=dumb", "TERM=xterm"])
def test_colour_and_movement_only_where_they_are_wanted(terminal: Terminal, setting: str) -> None:
    waiting_toys(terminal.place, 1)
    terminal.launch("job.toml", before=f"env {setting}")
    wait_for(lambda: len(terminal.place.history("e0").steps) == 2)
    is_live = setting != "TERM=dumb"
    terminal.wait_for(lambda lines: is_live == ("2/3" in row(lines, "e0")))
    painted = terminal.tmux("capture-pane", "-p", "-e")
    assert bool(re.search(r"\x1b\[\d", painted)) == (setting == "TERM=xterm")
    (terminal.place.folder / BARRIER).touch()
    terminal.wait_for(has("exit code 0"))


def test_a_terminal_that_is_stopped_stops_no_experiment(terminal: Terminal) -> None:
    """Ctrl-S: what would be written waits, and no frame is made, until Ctrl-Q."""
    place = terminal.place
    waiting_toys(place, 12)
    terminal.launch("job.toml", "--parallel", "--devices", "0,1")
    terminal.wait_for(lambda lines: "2/3" in row(lines, "e0"))
    terminal.tmux("send-keys", "C-s")
    (place.folder / BARRIER).touch()
    wait_for(lambda: sum(one.ending == "done" for one in read_last_attempts(place.paths.events).values()) == 12)
    assert has("0/12 ended")(terminal.lines()), "the screen stands still"
    terminal.tmux("send-keys", "C-q")
    lines = terminal.wait_for(has("exit code 0", "12 done."))
    assert not has("/12 ended")(lines), "the live view is gone"
    assert all(f"e{number}: done, 3 steps" in "\n".join(terminal.all_lines()) for number in range(12))
