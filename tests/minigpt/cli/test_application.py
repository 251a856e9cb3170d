"""The three command lines as a user types them: a mistake ends in a message and exit code 2."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from pathlib import Path

import pytest

from minigpt.cli.application import user_errors

ROOT = Path(__file__).parents[3]


TINY = [
    "-S",
    "embed_dim=8",
    "-S",
    "n_heads=2",
    "-S",
    "n_layers=1",
    "-S",
    "batch_size=2",
    "-S",
    "num_workers=0",
]


def _run(*words: str, folder: Path) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-W", "error", "-m", *words]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=60)


def test_13_a_terminal_that_lacks_a_character_gets_an_escape(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = io.TextIOWrapper(io.BytesIO(), encoding="latin-1", errors="strict")
    monkeypatch.setattr(sys, "stdout", screen)
    with user_errors():
        print("Größe 日", flush=True)
    assert screen.buffer.getvalue() == "Größe \\u65e5\n".encode("latin-1")  # type: ignore[attr-defined]


@pytest.mark.slow
def test_from_text_to_text(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("The quick brown fox. " * 20)
    (tmp_path / "b.txt").write_text("It jumps. " * 30)
    made = _run("minigpt.data", "--text", "a.txt", "b.txt", folder=tmp_path)
    assert (made.returncode, made.stderr) == (0, "")
    assert "2 sequences" in made.stdout
    trained = _run("minigpt.train", *TINY, "--name", "tiny", "--device", "cpu", "--seed", "1", folder=tmp_path)
    assert (trained.returncode, trained.stderr) == (0, "")
    assert "step 1  loss 10.8" in trained.stdout
    said = _run(
        "minigpt.sample",
        "outcome/mini_gpt_tiny.pt",
        "--prompt",
        "The",
        "--tokens",
        "3",
        "--top-k",
        "5",
        folder=tmp_path,
    )
    assert (said.returncode, said.stderr) == (0, "")
    assert said.stdout.startswith("The")


def test_a_mistake_is_a_message_and_no_traceback(tmp_path: Path) -> None:
    failed = _run("minigpt.train", folder=tmp_path)
    assert failed.returncode == 2
    assert failed.stdout == ""
    assert failed.stderr.startswith("data/tokenized_data.pt does not exist")
    assert "Traceback" not in failed.stderr
