"""Files that match a glob."""

from __future__ import annotations

from pathlib import Path

import pytest

from launcher.sources import file_search
from launcher.sources.file_search import FileSearch


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("a/b/events.1", "a/events.2", "events.3", "a/.hidden/events.4", ".events.5", "a/other.csv", "c/x.csv"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    (tmp_path / "a" / "b" / "loop").symlink_to(tmp_path)
    (tmp_path / "link").symlink_to("a")
    (tmp_path / "events.6").symlink_to("events.3")
    (tmp_path / "events.d").mkdir()
    return tmp_path


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("**/*events*", ["events.3", "a/events.2", "a/b/events.1"]),
        ("*/*", ["a/events.2", "a/other.csv", "c/x.csv"]),
        ("?/[a-o]*.csv", ["a/other.csv"]),
        ("**/b/**/events.?", ["a/b/events.1"]),
        ("a/events.2", ["a/events.2"]),
        ("link/events.?", ["link/events.2"]),
        ("a/.hidden/*", ["a/.hidden/events.4"]),
        (".events*", [".events.5"]),
        ("a/**", []),
        ("missing/**/x", []),
    ],
)
def test_files_match_and_links_are_not_followed(pattern: str, expected: list[str], folder: Path) -> None:
    assert FileSearch(f"{folder}/{pattern}").find() == [str(folder / name) for name in expected]


def test_a_search_ends_after_so_many_entries(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(file_search, "MOST_ENTRIES", 4)
    search = FileSearch(f"{folder}/**/*.csv")
    search.find()
    assert search.was_cut
