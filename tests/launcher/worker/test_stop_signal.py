"""SIGTERM in a worker: whether it came, and whether the target had a handler of its own for it."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator

import pytest

from launcher.worker.stop_signal import StopSignal, breaks_off, is_from_handler


@pytest.fixture
def asked() -> Iterator[list[str]]:
    """Who was called, in order; all signal settings are as before afterwards."""
    handler, fd = signal.getsignal(signal.SIGTERM), signal.set_wakeup_fd(-1)
    yield []
    signal.signal(signal.SIGTERM, handler)
    signal.set_wakeup_fd(fd)


@pytest.fixture
def stop(asked: list[str]) -> Iterator[StopSignal]:
    """A stop signal that takes down when it asks."""
    made = StopSignal(lambda: asked.append("stop"))
    yield made
    made.forget()
    os.close(made._fd)


def test_without_another_handler_the_signal_is_heard(asked: list[str], stop: StopSignal) -> None:
    assert not stop.was_heard
    assert not stop.was_taken
    signal.raise_signal(signal.SIGTERM)
    assert asked == ["stop"]
    assert stop.was_heard
    assert not stop.was_taken
    stop.forget()
    assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL


def test_a_handler_of_the_target_takes_the_signal(asked: list[str], stop: StopSignal) -> None:
    signal.signal(signal.SIGTERM, lambda _number, _frame: asked.append("target"))
    signal.raise_signal(signal.SIGTERM)
    assert asked == ["target"]
    assert stop.was_taken
    assert not stop.was_heard


def test_a_handler_that_passes_the_signal_on_has_taken_it(asked: list[str], stop: StopSignal) -> None:
    before = signal.getsignal(signal.SIGTERM)
    assert callable(before)
    signal.signal(signal.SIGTERM, lambda number, frame: before(number, frame))
    signal.raise_signal(signal.SIGTERM)
    assert asked == ["stop"]
    assert stop.was_taken
    assert not stop.was_heard


def test_leaving_is_an_exit_or_an_error_of_a_handler(asked: list[str]) -> None:
    def _handle(_number: int, _frame: object) -> None:
        raise RuntimeError("stop")

    signal.signal(signal.SIGTERM, _handle)
    with pytest.raises(RuntimeError) as caught:
        signal.raise_signal(signal.SIGTERM)
    assert is_from_handler(caught.value)
    assert breaks_off(caught.value)
    assert breaks_off(SystemExit(1))
    assert breaks_off(KeyboardInterrupt())
    assert not breaks_off(RuntimeError("stop"))
    assert asked == []
