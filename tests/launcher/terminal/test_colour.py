"""When colour is wanted, and what is painted."""

from __future__ import annotations

import io
from collections.abc import Iterator

import pytest

from launcher.terminal import colour


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def auto(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    yield
    colour.choose("auto")


def test_a_terminal_gets_colour_and_a_file_does_not() -> None:
    assert colour.is_wanted(Terminal())
    assert not colour.is_wanted(io.StringIO())


@pytest.mark.parametrize(("name", "value"), [("NO_COLOR", "1"), ("TERM", "dumb")])
def test_the_environment_may_say_no(name: str, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, value)
    assert not colour.is_wanted(Terminal())
    colour.choose("always")
    assert colour.is_wanted(Terminal()), "the option has the last word"


def test_the_option_decides_for_every_stream() -> None:
    colour.choose("never")
    assert not colour.is_wanted(Terminal())
    colour.choose("always")
    assert colour.is_wanted(io.StringIO())


def test_only_the_first_line_of_a_message_is_painted() -> None:
    assert colour.paint("a failed\n  why", "red") == "\x1b[31ma failed\x1b[0m\n  why"
    assert colour.paint("done", "green") == "\x1b[32mdone\x1b[0m"
