"""What is told of folders that are renamed or removed while a launch uses them."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from launcher.engine.folder_watch import FolderWatch
from launcher.engine.held_folders import HeldFolders
from launcher.store.locks import lock_folder
from launcher.store.paths import Paths


class Watched:
    def __init__(self, folder: Path) -> None:
        self.messages: list[str] = []
        self.paths = Paths(folder / "outcome", folder / "logs")
        self.paths.create()
        self._lock = lock_folder(self.paths.lock, None)
        self._folders = HeldFolders(self.paths, self._lock)
        self.watch = FolderWatch(self._folders, self.messages.append)

    def close(self) -> None:
        self._folders.close()
        self._lock.release()


@pytest.fixture
def watched(tmp_path: Path) -> Iterator[Watched]:
    made = Watched(tmp_path)
    yield made
    made.close()


def test_folders_in_place_say_nothing(watched: Watched) -> None:
    assert not watched.watch.look()
    assert watched.watch.now() == watched.paths.outcome
    assert watched.messages == []


def test_a_renamed_folder_is_told_once_with_its_new_place(watched: Watched) -> None:
    moved = watched.paths.outcome.with_name("moved here")
    watched.paths.outcome.rename(moved)
    assert [watched.watch.look(), watched.watch.look()] == [True, False]
    assert watched.watch.has_lost
    assert watched.watch.now() == moved
    (message,) = watched.messages
    assert message.startswith(f"{watched.paths.outcome} was renamed to {moved} while this launch runs. Nothing more")
    assert f"To go on, put it back, or add --outcome '{moved}'." in message


def test_a_folder_above_the_working_directory_that_is_renamed_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project, renamed = tmp_path / "project", tmp_path / "renamed"
    project.mkdir()
    monkeypatch.chdir(project)
    watched = Watched(Path())
    project.rename(renamed)
    assert watched.paths.outcome.exists(), "the relative path leads there still; what workers have does not"
    assert watched.watch.look()
    assert watched.messages[0].startswith(f"outcome was renamed to {renamed / 'outcome'} while this launch runs.")
    monkeypatch.chdir(tmp_path)
    project.symlink_to(renamed)
    assert not FolderWatch(watched._folders, watched.messages.append).look(), "put back, if only by a link"
    watched.close()


def test_a_removed_folder_is_lost_even_if_another_of_its_name_is_made(watched: Watched) -> None:
    shutil.rmtree(watched.paths.outcome)
    watched.paths.create()
    assert watched.watch.look()
    assert watched.watch.now() is None
    assert "was removed while this launch runs" in watched.messages[0]
    assert "The same command begins anew." in watched.messages[0]


def test_a_removed_lock_is_a_lost_folder(watched: Watched) -> None:
    watched.paths.lock.unlink()
    assert watched.watch.look()
    assert f"{watched.paths.lock} was removed or replaced, so that another launch may be" in watched.messages[0]


def test_removed_records_are_a_lost_folder(watched: Watched) -> None:
    watched.paths.records_folder.rmdir()
    assert watched.watch.look()
    assert f"{watched.paths.records_folder} was removed" in watched.messages[0]


def test_lost_logs_are_told_once_and_the_launch_goes_on(watched: Watched) -> None:
    watched.paths.logs.rmdir()
    assert not watched.watch.look()
    assert not watched.watch.look()
    assert not watched.watch.has_lost
    (message,) = watched.messages
    assert message.startswith(f"{watched.paths.logs} was removed while this launch runs: what runs writes on there")
