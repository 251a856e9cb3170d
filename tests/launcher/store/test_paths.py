"""Where files of a sweep lie, and how they are written."""

from __future__ import annotations

from pathlib import Path

import pytest

from launcher.store.paths import write_atomic


def test_atomic_writing_leaves_the_old_file_or_the_new(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    write_atomic(path, "old")
    with pytest.raises(IsADirectoryError):
        write_atomic(tmp_path, "new")
    assert path.read_text() == "old"
    write_atomic(path, "new")
    assert [one.name for one in tmp_path.iterdir()] == ["a.txt"]
    assert path.read_text() == "new"
