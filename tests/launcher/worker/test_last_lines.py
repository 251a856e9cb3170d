"""The last lines of a log, as a message shows them."""

from __future__ import annotations

from pathlib import Path

from launcher.worker.last_lines import last_lines


def test_last_lines_are_inert_on_a_terminal(tmp_path: Path) -> None:
    log = tmp_path / "a.log"
    log.write_bytes(b"one\n\x1b[2J\x07two\xff\n\n=== a failed ===\n")
    assert last_lines(log) == ["one", "\\x1b[2J\\x07two�"]
    assert last_lines(tmp_path / "absent") == []
