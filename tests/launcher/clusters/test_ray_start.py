"""The driver of Ray that is started before anything asks it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from launcher.clusters import ray_start
from tests.launcher.conftest import wait_for


@pytest.fixture(autouse=True)
def nothing_idle() -> Iterator[None]:
    yield
    ray_start.end()


def test_a_driver_that_was_started_early_is_taken_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAY_ADDRESS", " 10.0.0.1:6379 ")
    ray_start.start_early()
    first, second = (ray_start.start_driver("10.0.0.1:6379") for _ in range(2))
    first.end()
    assert first.child.process is not second.child.process
    assert first.child.process.returncode == -9
    assert second.child.process.poll() is None
    second.end()


def test_a_driver_for_another_ray_and_a_driver_that_has_died_are_not_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    ray_start.start_early()
    ray_start.start_early()
    ((_, idle),) = ray_start._idle
    other = ray_start.start_driver("10.0.0.1:6379")
    assert other is not idle
    assert idle.child.process.returncode == -9
    other.end()
    ray_start.start_early()
    ((_, dead),) = ray_start._idle
    dead.child.process.kill()
    wait_for(lambda: dead.child.process.poll() is not None)
    living = ray_start.start_driver("auto")
    assert living is not dead
    living.end()


def test_a_driver_that_nobody_takes_is_ended() -> None:
    ray_start.start_early()
    ((_, idle),) = ray_start._idle
    ray_start.end()
    assert idle.child.process.returncode == -9
    assert ray_start._idle == []
