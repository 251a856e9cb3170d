"""A launcher on another machine is noticed by its sign of life."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from launcher.errors import InUseError
from launcher.store.launch_lease import LaunchLease


def test_a_folder_without_a_launcher_is_taken_at_once(tmp_path: Path) -> None:
    told: list[str] = []
    LaunchLease(tmp_path / "beats").take(told.append)
    assert not told
    assert [path.name.startswith(".launch@") for path in (tmp_path / "beats").iterdir()] == [True]


def test_a_launcher_that_gives_signs_of_life_keeps_others_out(tmp_path: Path) -> None:
    mine, over = LaunchLease(tmp_path), threading.Event()
    mine.take(lambda _: None)

    def _live() -> None:
        while not over.wait(0.01):
            mine.renew()

    living = threading.Thread(target=_live)
    living.start()
    with pytest.raises(InUseError, match="another machine"):
        LaunchLease(tmp_path).take(lambda _: None, watch_s=0.3)
    over.set()
    living.join()


def test_the_sign_of_a_launcher_that_is_gone_is_removed(tmp_path: Path) -> None:
    told: list[str] = []
    LaunchLease(tmp_path).take(told.append)
    mine = LaunchLease(tmp_path)
    mine.take(told.append, watch_s=0.0)
    assert len(told) == 1
    assert len(list(tmp_path.iterdir())) == 1
    mine.renew()
    mine.renew()
    assert [path.name.rpartition("@")[2] for path in tmp_path.iterdir()] == ["2"]
    mine.close()
    mine.renew()
    assert not list(tmp_path.iterdir())


def test_a_launcher_that_was_stopped_too_long_learns_that_another_has_taken_over(tmp_path: Path) -> None:
    stopped, other = LaunchLease(tmp_path), LaunchLease(tmp_path)
    stopped.take(lambda _: None)
    stopped.renew()
    assert not stopped.is_taken
    other.take(lambda _: None, watch_s=0.0)
    stopped.renew()
    other.renew()
    assert (stopped.is_taken, other.is_taken) == (True, False)


def test_a_call_that_was_repeated_takes_nothing_over(tmp_path: Path) -> None:
    mine = LaunchLease(tmp_path)
    mine.take(lambda _: None)
    (file,) = tmp_path.iterdir()
    file.rename(file.with_name(f"{file.name[:-1]}1"))
    for _ in range(3):
        mine.renew()
    assert not mine.is_taken
    assert len(list(tmp_path.iterdir())) == 1
