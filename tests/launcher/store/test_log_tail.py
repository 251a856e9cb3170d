"""The end of a text file that grows, is cut or is replaced."""

from __future__ import annotations

from pathlib import Path

import pytest

from launcher.store.log_tail import Tail


def test_a_tail_begins_with_the_last_lines_and_follows_cuts_and_replacements(tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    tail = Tail(path, 2)
    assert tail.read() == []
    path.write_bytes(b"1\n2\n3\n")
    assert tail.read() == ["1", "2", "3"], "all of it is new"
    tail = Tail(path, 2)
    assert tail.read() == ["2", "3"]
    with path.open("ab") as file:
        file.write(b"4\nhalf")
        file.flush()
        assert tail.read() == ["4"]
        file.write(b" a line\n 10%\r 20%\r\nlast")
    assert tail.read() == ["half a line", " 20%"]
    assert tail.rest() == ["last"]
    path.write_bytes(b"cut\n")
    assert tail.read() == ["cut"]
    other = tmp_path / "b.log"
    other.write_bytes(b"replaced, and longer than it was\n")
    other.rename(path)
    assert tail.read() == ["replaced, and longer than it was"]


@pytest.mark.parametrize(
    ("content", "num_lines", "expected"),
    [
        (b"", 3, []),
        (b"a\nb\nc", 2, ["b"]),
        (b"a\n" * 100_000, 3, ["a"] * 3),
        (b"x" * 200_000 + b"\nz\n", 1, ["z"]),
        (b"a\nb\n", 0, []),
        (b"a\nb\n", 9, ["a", "b"]),
    ],
)
def test_the_last_lines_of_a_file(tmp_path: Path, content: bytes, num_lines: int, expected: list[str]) -> None:
    path = tmp_path / "a.log"
    path.write_bytes(content)
    assert Tail(path, num_lines).read() == expected
