"""A trained model on disk, for somebody who has only this package."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor

from minigpt.config import TrainConfig
from minigpt.errors import CheckpointError
from minigpt.model import MiniGPT
from minigpt.weights import load_model, save_model

Small = Callable[..., TrainConfig]
Draw = Callable[..., Tensor]


@pytest.fixture
def saved(small: Small, tmp_path: Path) -> Path:
    torch.manual_seed(0)
    path = tmp_path / "outcome" / "mini_gpt_lr_1e-3.pt"
    save_model(MiniGPT(small(lr=1e-3)), path)
    return path


def test_the_model_comes_back_ready_to_use(saved: Path, small: Small, random_ids: Draw) -> None:
    torch.manual_seed(0)
    original, loaded = MiniGPT(small(lr=1e-3)), load_model(saved)
    assert loaded.config == original.config
    assert not loaded.training
    assert torch.equal(loaded(random_ids(2, 32)), original.eval()(random_ids(2, 32)))


def test_the_weights_are_a_state_dict_that_needs_no_trust(saved: Path) -> None:
    weights = torch.load(saved, weights_only=True)
    assert set(weights) == set(load_model(saved).state_dict())
    assert json.loads(saved.with_suffix(".json").read_text())["lr"] == 1e-3
    assert sorted(path.name for path in saved.parent.iterdir()) == [f"mini_gpt_lr_1e-3.{end}" for end in ("json", "pt")]


def test_a_missing_file_is_named(saved: Path) -> None:
    with pytest.raises(CheckpointError, match=r"other\.pt cannot be read"):
        load_model(saved.with_name("other.pt"))
    saved.with_suffix(".json").unlink()
    with pytest.raises(CheckpointError, match=r"mini_gpt_lr_1e-3\.json cannot be read.*beside the weights"):
        load_model(saved)


@pytest.mark.parametrize(
    "content",
    ["{", "[]", '{"no_such_field": 1}', '{"n_heads": 3}', "7", "[" * 100_000, f'{{"embed_dim": {10**400}}}'],
)
def test_a_bad_configuration_is_named(saved: Path, content: str) -> None:
    saved.with_suffix(".json").write_text(content)
    with pytest.raises(CheckpointError, match=r"mini_gpt_lr_1e-3\.json"):
        load_model(saved)


@pytest.mark.parametrize("change", [{"embed_dim": 32}, {"n_layers": 3}])
def test_the_configuration_of_another_model_is_told(saved: Path, small: Small, change: dict[str, int]) -> None:
    config = json.loads(saved.with_suffix(".json").read_text()) | change
    saved.with_suffix(".json").write_text(json.dumps(config))
    with pytest.raises(CheckpointError, match=r"does not fit.*different experiments") as caught:
        load_model(saved)
    assert "\n" not in str(caught.value)


def test_damaged_weights_are_named(saved: Path) -> None:
    saved.write_bytes(saved.read_bytes()[:1000])
    with pytest.raises(CheckpointError, match="damaged"):
        load_model(saved)
    torch.save([1, 2], saved)
    with pytest.raises(CheckpointError, match="holds a list, no state dict"):
        load_model(saved)


@pytest.mark.parametrize(
    "pickled",
    [b"\x80\x02J\x01.", b"\x80\x02K\x01Q.", b"\x80\x02}]Ns.", b"\x80\x02ctorch\nSize\nK\x01\x85R.", b"\x80\x02h\x05."],
)
def test_F17_whatever_torch_raises_for_an_odd_file_is_one_message(saved: Path, pickled: bytes) -> None:
    with zipfile.ZipFile(saved, "w") as file:
        file.writestr("archive/data.pkl", pickled)
        file.writestr("archive/version", b"3\n")
    with pytest.raises(CheckpointError, match=r"\.pt is damaged or no state dict"):
        load_model(saved)
    torch.save({1: torch.ones(1)}, saved)
    with pytest.raises(CheckpointError, match=r"\.pt holds a dict, no state dict"):
        load_model(saved)
