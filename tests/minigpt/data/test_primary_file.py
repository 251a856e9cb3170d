"""Writing tokenized_data.pt: a file of the user's is never replaced or hidden unasked."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import torch
from typer.testing import CliRunner

from minigpt.cli import data as data_command

FALLBACK = "sample_dataset.pt"


def test_E1_the_users_files_are_kept_and_nothing_hides_them_unasked(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("The quick brown fox. " * 20)

    def make(*words: str) -> Any:
        return CliRunner().invoke(data_command.app, ["--out", str(tmp_path), *words, "--text", str(tmp_path / "a.txt")])

    primary, fallback = tmp_path / "tokenized_data.pt", tmp_path / FALLBACK
    torch.save({"input_ids": torch.ones(2, 40).long()}, fallback)
    refused = make()
    assert (refused.exit_code, primary.exists()) == (2, False)
    assert f"{fallback} is there, and training reads it" in refused.stderr
    made = make("--force")
    assert (made.exit_code, primary.exists()) == (0, True)
    assert f"{fallback} is not read any more: to train on it again, delete {primary}" in made.stdout
    again = make()
    assert (again.exit_code, again.stdout.startswith(f"kept {primary}")) == (0, True)
    torch.save([[1] * 40], primary)  # the user's own
    mine = primary.read_bytes()
    refused = make()
    assert (refused.exit_code, primary.read_bytes()) == (2, mine)
    assert f"{primary} is there and is kept" in refused.stderr
    primary.unlink()
    primary.symlink_to("gone.pt")
    assert (make().exit_code, os.readlink(primary)) == (2, "gone.pt")
