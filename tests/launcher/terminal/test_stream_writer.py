"""Writing without waiting for the reader."""

from __future__ import annotations

import io
import os
from pathlib import Path

import pytest

from launcher.terminal.stream_writer import StreamWriter


def test_what_no_reader_takes_is_kept_and_written_later_in_order() -> None:
    reader, fd = os.pipe()
    with open(fd, "w", encoding="utf-8") as stream:
        writer = StreamWriter(stream)
        lines = [f"{number:>99}\n" for number in range(3000)]  # a pipe holds a fifth of these
        for line in lines:
            writer.write(line)
        assert 0 < writer.num_unwritten_bytes < 300_000
        read = b""
        while writer.num_unwritten_bytes:
            read += os.read(reader, 1 << 16)
            writer.drain()
        writer.close()
    with open(reader, "rb") as rest:
        assert (read + rest.read()).decode() == "".join(lines)


def test_a_reader_that_has_left_costs_the_text_and_nothing_else() -> None:
    reader, fd = os.pipe()
    with open(fd, "w", encoding="utf-8") as stream:
        writer = StreamWriter(stream)
        os.close(reader)
        writer.write("text")
        assert writer.is_gone
        assert writer.num_unwritten_bytes == 0
        writer.close()


def test_a_file_is_written_through_its_stream(tmp_path: Path) -> None:
    with (tmp_path / "file").open("w", encoding="ascii") as stream:
        writer = StreamWriter(stream)
        writer.write("7 ✓\n")
        assert (tmp_path / "file").read_text() == "7 +\n", "and what the encoding lacks has a stand-in"
        assert writer.as_shown("✓") == "+"


def test_without_a_terminal_the_size_is_the_environments(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "61")
    monkeypatch.setenv("LINES", "9")
    writer = StreamWriter(io.StringIO())
    assert writer.size() == (61, 9)
    assert writer.is_foreground()


def test_a_stream_in_the_place_of_stderr_is_written_to_itself() -> None:
    """As in a notebook, whose stderr is an object that names the descriptor of its server's terminal."""
    reader, fd = os.pipe()

    class CellOutput(io.StringIO):
        def fileno(self) -> int:
            return fd

    stream = CellOutput()
    writer = StreamWriter(stream)
    writer.write("done\n")
    writer.close()
    os.close(fd)
    assert stream.getvalue() == "done\n"
    with open(reader, "rb") as rest:
        assert rest.read() == b""
