"""Where the text comes from."""

from __future__ import annotations

from pathlib import Path

import pytest

from minigpt.data import texts
from minigpt.errors import DataError


def test_the_default_is_one_text_a_topic_sorted_by_name() -> None:
    found = texts.topics()
    assert len(found) >= 70
    assert all(isinstance(text, str) for text in found)
    assert "assert" in found[0]  # the first of the topics by name


def test_files_keep_their_order(tmp_path: Path) -> None:
    for name in "ba":
        (tmp_path / name).write_text(f"text of {name}")
    assert texts.files([tmp_path / "b", tmp_path / "a"]) == ["text of b", "text of a"]


@pytest.mark.parametrize(
    ("content", "complaint"),
    [(None, "cannot be read"), (b" \n", "is empty"), (b"caf\xe9", "is not UTF-8 text.*byte 3")],
)
def test_a_bad_file_is_named(tmp_path: Path, content: bytes | None, complaint: str) -> None:
    path = tmp_path / "my.txt"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(DataError, match=rf"my\.txt {complaint}"):
        texts.files([path])


def test_docstrings_are_parsed_from_sources_never_imported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "b.py").write_text('"""Module b."""\nraise SystemExit\ndef f():\n    "Do f."\nclass C:\n    "Be C."\n')
    (tmp_path / "a.py").write_text("'Module a.'\nPATTERN = '\\d'\n")
    (tmp_path / "broken.py").write_text("def (:\n")
    (tmp_path / "silent.py").write_text("x = 1\n")
    (tmp_path / "test").mkdir()
    (tmp_path / "test" / "c.py").write_text('"""A test."""\n')
    monkeypatch.setattr("sysconfig.get_paths", lambda: {"stdlib": str(tmp_path)})
    assert texts.stdlib_docstrings() == ["Module a.", "Module b.\n\nDo f.\n\nBe C."]
