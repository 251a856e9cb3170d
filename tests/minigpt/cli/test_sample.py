"""`python -m minigpt.sample`: what it refuses."""

from __future__ import annotations

from pathlib import Path

from typer.testing import CliRunner

from minigpt.cli import sample


def test_a_checkpoint_that_is_not_there_is_named(tmp_path: Path) -> None:
    result = CliRunner().invoke(sample.app, [str(tmp_path / "none.pt")])
    assert result.exit_code == 2
    assert "none.pt cannot be read" in result.stderr
