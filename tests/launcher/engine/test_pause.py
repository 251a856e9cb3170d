"""How a pause of the launcher is told from work, and from a short wait."""

from __future__ import annotations

import time

import pytest

from launcher.engine.pause import PauseMeter


@pytest.mark.parametrize(
    ("passed_s", "worked_s", "pause_s"),
    [
        (0.25, 0.0, 0.0),  # a turn of the loop
        (0.9, 0.0, 0.0),  # a busy machine
        (60.0, 0.0, 60.0),  # Ctrl-Z, or a laptop that slept
        (60.0, 58.0, 2.0),  # mostly at work: only the rest may have been a pause
        (60.0, 59.5, 0.0),
    ],
)
def test_a_pause_is_time_that_passed_without_work(
    monkeypatch: pytest.MonkeyPatch, passed_s: float, worked_s: float, pause_s: float
) -> None:
    clock, cpu = iter([100.0, 100.0 + passed_s, 100.25 + passed_s]), iter([5.0, 5.0 + worked_s, 5.0 + worked_s])
    monkeypatch.setattr(time, "monotonic", lambda: next(clock))
    monkeypatch.setattr(time, "process_time", lambda: next(cpu))
    meter = PauseMeter()
    assert meter.look() == pytest.approx(pause_s)
    assert meter.look() == 0.0, "a pause is told once"
