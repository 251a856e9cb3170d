"""The three command lines, as a user types them: every mistake is a message and exit code 2."""

import io
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from typer.testing import CliRunner

from minigpt import data_command, sample, train_command
from minigpt.commandline import config_from, user_errors
from minigpt.config import TrainConfig
from minigpt.errors import ConfigError

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
    root = Path(__file__).parents[2]
    environment = os.environ | {"PYTHONPATH": str(root), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-W", "error", "-m", *words]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=60)


def test_13_a_terminal_that_lacks_a_character_gets_an_escape(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = io.TextIOWrapper(io.BytesIO(), encoding="latin-1", errors="strict")
    monkeypatch.setattr(sys, "stdout", screen)
    with user_errors():
        print("Größe 日", flush=True)
    assert screen.buffer.getvalue() == "Größe \\u65e5\n".encode("latin-1")  # type: ignore[attr-defined]


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
    result = CliRunner().invoke(data_command.app, words)
    assert result.exit_code == 2
    assert complaint in result.stderr
    assert not Path("data").exists()


def test_a_folder_that_cannot_be_written_to_is_a_message(tmp_path: Path) -> None:
    (tmp_path / "data").touch()
    result = CliRunner().invoke(data_command.app, ["--out", str(tmp_path / "data")])
    assert result.exit_code == 2
    assert f"{tmp_path / 'data'} cannot be used: " in result.stderr


def test_the_default_text_is_written_the_same_each_time(tmp_path: Path) -> None:
    for folder in ("first", "second"):
        result = CliRunner().invoke(data_command.app, ["--out", str(tmp_path / folder)])
        assert result.exit_code == 0, result.output
    first, second = (tmp_path / folder / "tokenized_data.pt" for folder in ("first", "second"))
    assert first.read_bytes() == second.read_bytes()
    sequences = torch.load(first, weights_only=True)
    assert len(sequences) >= 70
    assert sum(len(ids) for ids in sequences) > 100_000
    assert {ids.dtype for ids in sequences} == {torch.int64}


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
    result = CliRunner().invoke(train_command.app, words)
    assert result.exit_code == 2
    assert complaint in result.stderr


def test_a_checkpoint_that_is_not_there_is_named(tmp_path: Path) -> None:
    result = CliRunner().invoke(sample.app, [str(tmp_path / "none.pt")])
    assert result.exit_code == 2
    assert "none.pt cannot be read" in result.stderr


def test_settings_are_put_over_the_baseline() -> None:
    config = config_from(["lr=1e-3", "data_dir=7", "max_steps=null", "chunking=pack", "lr=1e-2"])
    assert config == TrainConfig(lr=1e-2, data_dir="7", chunking="pack")
    with pytest.raises(ConfigError, match="n_layers must be a whole number, not 'two'"):
        config_from(["n_layers=two"])


def test_32_none_and_text_are_written_as_for_the_launcher() -> None:
    config = config_from(["max_steps=@none", "data_dir='my data'", "batch_size=1_6", "lr = 1e-3"])
    assert (config.max_steps, config.data_dir, config.batch_size, config.lr) == (None, "my data", 16, 1e-3)
    assert config_from(["data_dir=@text:none"]).data_dir == "none"
    for slip in ("None", "nil", "@None"):
        with pytest.raises(ConfigError, match="for no value type -S max_steps=@none"):
            config_from([f"max_steps={slip}"])
    with pytest.raises(ConfigError, match="there is no such field"):
        config_from(["model.width=3"])
