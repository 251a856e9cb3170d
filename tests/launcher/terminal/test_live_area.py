"""A frame below the messages: what is written to the terminal to replace it in place."""

from __future__ import annotations

import io

import pytest

from launcher.terminal.live_area import KEPT_LINES, LiveArea
from launcher.terminal.stream_writer import StreamWriter

SIZE = (20, 6)


class Screen:
    """A live area on a terminal of a size that a test changes."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._patch = monkeypatch
        self._stream = io.StringIO()
        self.resize(*SIZE)
        self.area = LiveArea(StreamWriter(self._stream))

    def resize(self, columns: int, rows: int) -> None:
        self._patch.setenv("COLUMNS", str(columns))
        self._patch.setenv("LINES", str(rows))

    def written(self) -> str:
        """Return what was written since the last call."""
        text = self._stream.getvalue()
        self._stream.seek(0)
        self._stream.truncate()
        return text


@pytest.fixture
def screen(monkeypatch: pytest.MonkeyPatch) -> Screen:
    return Screen(monkeypatch)


def test_a_frame_takes_the_place_of_the_one_before(screen: Screen) -> None:
    screen.area.draw(["a", "b"], SIZE)
    assert screen.written() == "a\x1b[K\nb\x1b[K\n\x1b[J"
    screen.area.draw(["c"], SIZE)
    assert screen.written() == "\r\x1b[2Ac\x1b[K\n\x1b[J"


def test_a_message_stands_above_the_frame(screen: Screen) -> None:
    screen.area.draw(["a"], SIZE)
    screen.written()
    screen.area.erase()
    screen.area.put("message")
    screen.area.redraw()
    assert screen.written() == "\r\x1b[1A\x1b[Jmessage\na\x1b[K\n\x1b[J"


@pytest.mark.parametrize(
    ("line", "num_rows"), [("x" * 20, 1), ("x" * 21, 2), ("\x1b[31m" + "x" * 20, 1), ("字" * 11, 2)]
)
def test_a_broken_line_takes_more_rows(screen: Screen, line: str, num_rows: int) -> None:
    screen.area.draw([line], SIZE)
    screen.written()
    screen.area.erase()
    assert screen.written() == f"\r\x1b[{num_rows}A\x1b[J"


def test_a_frame_for_another_size_is_not_drawn_again(screen: Screen) -> None:
    screen.area.draw(["a"], SIZE)
    screen.area.erase()
    screen.resize(21, 6)
    screen.written()
    screen.area.redraw()
    assert screen.written() == ""


def test_where_others_have_written_the_old_frame_is_left_alone(screen: Screen) -> None:
    screen.area.draw(["a"], SIZE)
    screen.written()
    screen.area.forget_place()
    screen.area.draw(["b"], SIZE)
    assert screen.written() == "b\x1b[K\n\x1b[J"


def test_what_is_cleared_does_not_come_back(screen: Screen) -> None:
    screen.area.draw(["a"], SIZE)
    screen.area.clear()
    screen.written()
    screen.area.redraw()
    assert screen.written() == ""


def test_a_terminal_that_becomes_higher_again_is_written_anew_with_the_newest_messages(screen: Screen) -> None:
    for number in range(KEPT_LINES + 10):
        screen.area.put(f"message {number}")
    screen.area.draw(["a", "b", "c"], SIZE)
    screen.resize(20, 3)  # the frame is as high as the screen: its first row is scrolled out
    screen.area.draw(["d"], (20, 3))
    screen.resize(*SIZE)
    screen.written()
    screen.area.draw(["e"], SIZE)
    kept = "".join(f"message {KEPT_LINES + 10 - left}\n" for left in (4, 3, 2, 1))
    assert screen.written() == f"\x1b[H\x1b[J{kept}e\x1b[K\n\x1b[J"
