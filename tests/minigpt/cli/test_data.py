"""`python -m minigpt.data`: what it writes, and what it refuses."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from typer.testing import CliRunner

from minigpt.cli import data


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["--text"], "--text names no file"),
        (["--text", "none.txt"], "none.txt cannot be read"),
        (["--text", "--stdlib", "a.txt"], "give one of the two"),
    ],
)
def test_mistakes_of_the_data_command(
    words: list[str], complaint: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(data.app, words)
    assert result.exit_code == 2
    assert complaint in result.stderr
    assert not Path("data").exists()


def test_a_folder_that_cannot_be_written_to_is_a_message(tmp_path: Path) -> None:
    (tmp_path / "data").touch()
    result = CliRunner().invoke(data.app, ["--out", str(tmp_path / "data")])
    assert result.exit_code == 2
    assert f"{tmp_path / 'data'} cannot be used: " in result.stderr


def test_the_default_text_is_written_the_same_each_time(tmp_path: Path) -> None:
    for folder in ("first", "second"):
        result = CliRunner().invoke(data.app, ["--out", str(tmp_path / folder)])
        assert result.exit_code == 0, result.output
    first, second = (tmp_path / folder / "tokenized_data.pt" for folder in ("first", "second"))
    assert first.read_bytes() == second.read_bytes()
    sequences = torch.load(first, weights_only=True)
    assert len(sequences) >= 70
    assert sum(len(ids) for ids in sequences) > 100_000
    assert {ids.dtype for ids in sequences} == {torch.int64}
