"""The last records of a file, as the end of an attempt tells them: what is read, and when the file is opened."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from launcher.store import summary_file
from launcher.store.attempt_files import AttemptEnding
from launcher.store.last_records import MOST_BYTES, LastRecords
from launcher.store.records import RecordWriter
from launcher.store.summary_file import SummaryReader, read_summary


def write(path: Path, first: int, last: int) -> None:
    writer = RecordWriter(path, 1)
    for step in range(first, last + 1):
        writer.write({"loss": 1 / step}, step)
    writer.close()


def last_of(path: Path) -> LastRecords | None:
    with path.open("rb") as file:
        return LastRecords.of(file.fileno())


def test_a_file_that_was_read_up_to_its_last_records_is_not_opened_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "records" / "a.jsonl"
    write(path, 1, 500)
    reader = SummaryReader(path, ["loss"], decodes_all=True)
    reader.read_new()
    write(path, 501, 520)
    last = last_of(path)
    fresh = read_summary(path, ["loss"])
    monkeypatch.setattr(summary_file, "open_to_read", lambda path: os.open(tmp_path / "missing", os.O_RDONLY))
    assert [record["step"] for record in reader.read_new(last)] == list(range(501, 521))
    assert reader.read_new(last) == [], "they come once"
    assert repr(reader.summary) == repr(fresh)


def test_records_before_the_last_are_read_from_the_file(tmp_path: Path) -> None:
    path = tmp_path / "records" / "a.jsonl"
    write(path, 1, 1000)
    last = last_of(path)
    assert last is not None
    assert 0 < last.start < path.stat().st_size - MOST_BYTES // 2
    reader = SummaryReader(path, ["loss"], decodes_all=True)
    assert [record["step"] for record in reader.read_new(last)] == list(range(1, 1001))


def test_a_whole_short_file_is_in_the_end_of_its_attempt(tmp_path: Path) -> None:
    path = tmp_path / "records" / "a.jsonl"
    write(path, 1, 3)
    AttemptEnding(code=0, last_records=last_of(path)).write(tmp_path / "1.end")
    found = AttemptEnding.read(tmp_path / "1.end")
    assert found is not None
    assert found.last_records == LastRecords(0, path.read_bytes())
    (tmp_path / "1.end").write_text('{"code": 0, "last_records": {"start": -1, "lines": "{}"}}')
    found = AttemptEnding.read(tmp_path / "1.end")
    assert found is not None
    assert found.last_records is None


def test_records_that_are_known_are_summed_up_without_their_file(tmp_path: Path) -> None:
    path = tmp_path / "records" / "a.jsonl"
    write(path, 1, 5)
    known, fresh = last_of(path), read_summary(path, ["loss"])
    assert known is not None
    assert known.is_all
    path.unlink()
    assert repr(SummaryReader(path, ["loss"]).read(known)) == repr(fresh)


def test_a_torn_or_a_long_last_line_is_left_to_the_file(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(b'{"n": 1}\n{"n": 2')
    assert last_of(path) is None
    path.write_bytes(b'{"n": 1}\n' + b"x" * MOST_BYTES + b"\n")
    assert last_of(path) is None
    path.write_bytes(b"")
    assert last_of(path) is None
