"""`TrainConfig`: the report's baseline, every bad value named at once, and the data file it reads."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from pydantic import TypeAdapter, ValidationError

from minigpt import config as constants
from minigpt.config import TrainConfig
from minigpt.device import set_precision
from minigpt.errors import ConfigError, DataError

Small = Callable[..., TrainConfig]
FALLBACK = "sample_dataset.pt"


def test_the_defaults_are_the_baseline_of_the_report() -> None:
    config = TrainConfig()
    assert (config.vocab_size, config.seq_len, config.embed_dim) == (50_257, 64, 128)
    assert (config.n_heads, config.n_layers, config.ffn_mult, config.dropout) == (4, 2, 4, 0.1)
    assert (config.lr, config.batch_size, config.max_epochs) == (5e-4, 32, 1)
    assert (config.pad_token_id, config.num_workers, config.chunking) == (50_256, 4, "report")


def test_heads_that_do_not_divide_the_dimensions_are_an_error_that_says_so() -> None:
    with pytest.raises(ConfigError, match=r"embed_dim % n_heads != 0: 130 does not divide into 4"):
        TrainConfig(embed_dim=130)


def test_every_bad_value_is_named_in_one_error() -> None:
    with pytest.raises(ConfigError) as caught:
        TrainConfig(
            lr=float("nan"),
            dropout=1.0,
            seq_len=31,
            batch_size=0,
            n_layers=True,
            chunking="other",  # type: ignore[arg-type]
            data_dir="",
        )
    for name in ("lr", "dropout", "seq_len", "batch_size", "n_layers", "chunking", "data_dir"):
        assert name in str(caught.value)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("lr", 0),
        ("lr", float("inf")),
        ("lr", "fast"),
        ("weight_decay", -0.1),
        ("dropout", -0.1),
        ("seq_len", 129),
        ("seq_len", 64.0),
        ("vocab_size", 1),
        ("max_steps", 0),
        ("max_epochs", None),
        ("num_workers", -1),
        ("pad_token_id", 50_257),
        ("loss", "other"),
        ("data_dir", 7),
    ],
)
def test_a_bad_value_is_refused_by_name(name: str, value: object) -> None:
    with pytest.raises(ConfigError, match=name):
        TrainConfig(**{name: value})  # type: ignore[arg-type]


def test_a_strict_validator_resolves_the_dataclass() -> None:
    adapter = TypeAdapter(TrainConfig)
    assert adapter.validate_json('{"lr": 1e-3, "max_steps": null}', strict=True) == TrainConfig(lr=1e-3)
    with pytest.raises(ValidationError, match="embed_dim % n_heads"):
        adapter.validate_json('{"embed_dim": 5}', strict=True)


def test_inputs_are_the_primary_file_then_the_fallback_then_an_error(tmp_path: Path) -> None:
    config = TrainConfig(data_dir=str(tmp_path))
    with pytest.raises(DataError, match=r"tokenized_data\.pt does not exist.*`make data`.*minigpt\.data") as caught:
        config.inputs()
    assert "\n" not in str(caught.value)
    (tmp_path / "sample_dataset.pt").touch()
    assert config.inputs() == [tmp_path / "sample_dataset.pt"]
    (tmp_path / "tokenized_data.pt").touch()
    assert config.inputs() == [tmp_path / "tokenized_data.pt"]


def test_importing_the_configuration_imports_no_torch() -> None:
    code = "import sys, minigpt.config; print([m for m in ('torch', 'numpy', 'typer') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


CONFIG = TrainConfig(
    vocab_size=97, seq_len=32, embed_dim=16, n_heads=2, n_layers=2, dropout=0.0, pad_token_id=96, batch_size=12, lr=0.01
)


def test_what_accumulation_cannot_be() -> None:
    with pytest.raises(ConfigError, match="accumulation must be at least 1"):
        replace(CONFIG, accumulation=0)
    with pytest.raises(ConfigError, match="cuda_graph replays one batch a step"):
        replace(CONFIG, compile=True, cuda_graph=True, accumulation=2)


def test_what_cannot_be_is_refused(small: Small) -> None:
    with pytest.raises(ConfigError, match="written for the fused loss"):
        small(precision="bf16", loss="plain")
    with pytest.raises(ConfigError, match="cuda_graph is a mode of compile"):
        small(cuda_graph=True)
    with pytest.raises(ConfigError, match="compile must be true or false"):
        small(compile=1)
    with pytest.raises(ConfigError, match="a mode of NVIDIA GPUs"):
        set_precision("tf32", "cpu")


def test_E5_what_stands_in_the_place_of_the_file_is_named_and_no_other_file_read(small: Small, tmp_path: Path) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    torch.save({"input_ids": torch.ones(2, 40).long()}, folder / FALLBACK)
    primary = folder / "tokenized_data.pt"
    primary.mkdir()
    with pytest.raises(DataError, match=r"tokenized_data\.pt is a folder; a data file belongs there"):
        small().inputs()
    primary.rmdir()
    primary.symlink_to("gone.pt")
    with pytest.raises(DataError, match=r"tokenized_data\.pt is a link to gone\.pt, which does not exist; a data file"):
        small().inputs()
    primary.unlink()
    os.mkfifo(primary)
    with pytest.raises(DataError, match=r"tokenized_data\.pt is a device, pipe or socket"):
        small().inputs()
    primary.unlink()
    primary.symlink_to(FALLBACK)  # a link that leads somewhere is a file
    assert small().inputs() == [primary]
    with pytest.raises(DataError, match=r"sample_dataset\.pt is a file; a folder with"):
        small(data_dir=str(folder / FALLBACK)).inputs()


def test_E6_the_constants_of_the_report_stand_side_by_side() -> None:
    assert (constants.SEQ_LEN, constants.SEQ_MIN, constants.SEQ_MAX) == (64, 32, 128)
    assert (constants.PAD_TOKEN_ID, constants.VOCAB_SIZE) == (50256, 50257)
    baseline = TrainConfig()
    assert (baseline.seq_len, baseline.pad_token_id, baseline.vocab_size) == (64, 50256, 50257)
    lines = Path(constants.__file__).read_text().splitlines()
    names = ("SEQ_LEN", "SEQ_MIN", "SEQ_MAX", "VOCAB_SIZE", "PAD_TOKEN_ID")
    places = [next(number for number, line in enumerate(lines) if line.startswith(f"{name} =")) for name in names]
    assert max(places) - min(places) == 4


def test_work_is_three_multiply_adds_for_each_weight_that_a_token_passes(tmp_path: Path) -> None:
    (tmp_path / "tokenized_data.pt").write_bytes(bytes(8 * 6400))  # about 6,400 tokens
    config = TrainConfig(vocab_size=100, pad_token_id=99, embed_dim=8, n_heads=2, n_layers=2, data_dir=str(tmp_path))
    weights = 2 * (4 + 2 * 4) * 8 * 8 + 100 * 8
    assert config.work() == 3 * 6400 * weights
    assert replace(config, max_epochs=2).work() == 2 * config.work()
    assert replace(config, max_steps=10, batch_size=4).work() == 3 * (10 * 4 * 64) * weights
    assert replace(config, max_steps=10**9).work() == config.work()
