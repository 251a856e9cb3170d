"""`python -m minigpt.train`: what it refuses."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from minigpt.cli import train


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["-S", "lrr=1"], "did you mean lr?"),
        (["-S", "lr"], "has no value"),
        (["-S", "lr=-1"], "lr must be above 0"),
        (["--name", "../up"], "cannot be a part of a file name"),
        (["--device", "cuda:1"], "device must be cpu or cuda"),
    ],
)
def test_mistakes_of_the_train_command(
    words: list[str], complaint: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(train.app, words)
    assert result.exit_code == 2
    assert complaint in result.stderr
