"""Files are seen whole or not at all."""

import os
from pathlib import Path

import pytest

from minigpt import packed
from minigpt.files import written_beside


def test_the_file_appears_when_the_block_ends(tmp_path: Path) -> None:
    path = tmp_path / "new" / "a.bin"
    with written_beside(path) as file:
        file.write(b"whole")
        assert not path.exists()
    assert path.read_bytes() == b"whole"
    assert list(path.parent.iterdir()) == [path]


def test_after_an_error_the_old_file_is_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "a.bin"
    path.write_bytes(b"old")

    def fail() -> None:
        with written_beside(path) as file:
            file.write(b"half")
            raise RuntimeError("disk on fire")

    with pytest.raises(RuntimeError, match="on fire"):
        fail()
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_F13_what_lies_in_the_place_of_a_lock_file_is_neither_followed_nor_waited_for(tmp_path: Path) -> None:
    stranger = tmp_path / "stranger"
    stranger.write_text("theirs")
    os.link(stranger, tmp_path / "linked.lock")
    with packed._lock(tmp_path, "linked"):
        assert stranger.read_text() == "theirs"
    os.mkfifo(tmp_path / "pipe.lock")
    with packed._lock(tmp_path, "pipe"):
        pass
    (tmp_path / "link.lock").symlink_to(stranger)
    with pytest.raises(OSError, match="symbolic"), packed._lock(tmp_path, "link"):
        pass
    assert stranger.read_text() == "theirs"
