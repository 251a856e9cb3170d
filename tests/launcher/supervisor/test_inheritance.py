"""What an attempt takes over: whole lines of the newest records, and the newest checkpoints, unchanged by zombies."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from launcher.store.paths import Paths
from launcher.supervisor.inheritance import copy_lines, link_checkpoints, newest_checkpoint


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    """The paths of the third attempt; the folders are there."""
    made = Paths(tmp_path / "outcome", tmp_path / "logs", 3)
    made.create()
    return made


def write(paths: Paths, attempt: int, text: str) -> Path:
    path = paths.of_attempt(attempt).records("a")
    path.write_text(text)
    return path


def records_after_copy(paths: Paths, *attempts: int) -> str | None:
    copy_lines(paths, attempts, lambda own: own.records("a"))
    assert not list(paths.outcome.rglob("*.tmp"))
    path = paths.records("a")
    return path.read_text() if path.exists() else None


def test_without_records_before_there_are_none(paths: Paths) -> None:
    assert records_after_copy(paths) is None
    write(paths, 0, "torn")
    assert records_after_copy(paths) is None


def test_the_records_of_a_local_launch_are_taken_over(paths: Paths) -> None:
    write(paths, 0, "1\n2\n3")
    assert records_after_copy(paths) == "1\n2\n"


def test_the_newest_records_are_taken_over_in_whole_lines(paths: Paths) -> None:
    write(paths, 0, "1\n")
    write(paths, 1, "1\n2\n")
    write(paths, 7, "of a later one\n")
    source = write(paths, 2, "x" * (3 << 20) + "\n" + "y" * (3 << 20))
    assert records_after_copy(paths, 1, 2) == "x" * (3 << 20) + "\n"
    assert source.stat().st_size == (6 << 20) + 1
    assert os.stat(paths.records("a")).st_nlink == 1, "a copy: what a zombie appends does not come here"


def test_an_attempt_that_has_written_nothing_is_passed_over(paths: Paths) -> None:
    write(paths, 1, "1\n")
    assert records_after_copy(paths, 1, 2) == "1\n"


def checkpoint(paths: Paths, attempt: int, step: int, text: str = "state") -> Path:
    path = paths.of_attempt(attempt).checkpoints("a") / f"step-{step:012d}.ckpt"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def test_the_newest_checkpoints_are_linked(paths: Paths) -> None:
    link_checkpoints(paths, "a", [1, 2])
    assert newest_checkpoint(paths, "a") == -1
    checkpoint(paths, 0, 5)
    old = [checkpoint(paths, 1, 8), checkpoint(paths, 1, 9)]
    (old[0].parent / "step-000000000010.tmp").touch()
    paths.of_attempt(2).checkpoints("a").mkdir()
    link_checkpoints(paths, "a", [1, 2])
    own = paths.checkpoints("a")
    assert sorted(os.listdir(own)) == [path.name for path in old]
    assert newest_checkpoint(paths, "a") == 9
    assert os.path.samefile(own / old[1].name, old[1])
    for path in old:  # a zombie saves on, and removes what is old
        path.unlink()
    assert (own / old[1].name).read_text() == "state"
    link_checkpoints(paths, "a", [1, 2])
    assert newest_checkpoint(paths, "a") == 9


def test_where_links_fail_checkpoints_are_copied(paths: Paths, monkeypatch: pytest.MonkeyPatch) -> None:
    checkpoint(paths, 0, 5)

    def refuse(*_args: object, **_kwargs: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)
    link_checkpoints(paths, "a", [])
    assert (paths.checkpoints("a") / "step-000000000005.ckpt").read_text() == "state"


def test_a_checkpoint_that_is_a_link_is_not_followed(paths: Paths, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("x")
    folder = paths.of_attempt(0).checkpoints("a")
    folder.mkdir(parents=True)
    (folder / "step-000000000005.ckpt").symlink_to(tmp_path / "secret")
    link_checkpoints(paths, "a", [])
    assert (paths.checkpoints("a") / "step-000000000005.ckpt").is_symlink(), "reading refuses it"
