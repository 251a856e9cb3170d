"""Small configurations and data files, shared by the tests of MiniGPT. One thread is enough for all."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from minigpt.config import TrainConfig


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test writes to the user's cache folder."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.fixture
def small(tmp_path: Path) -> Callable[..., TrainConfig]:
    """Make a configuration of a few thousand parameters; the last of its 50 ids is padding."""

    def make(**overrides: Any) -> TrainConfig:
        values: dict[str, Any] = {
            "vocab_size": 50,
            "pad_token_id": 49,
            "seq_len": 32,
            "embed_dim": 16,
            "n_heads": 2,
            "batch_size": 4,
            "num_workers": 0,
            "data_dir": str(tmp_path / "data"),
        }
        return TrainConfig(**(values | overrides))

    return make


@pytest.fixture
def write_data(tmp_path: Path) -> Callable[..., Path]:
    """Write `content` as a data file of this test and return its path."""

    def write(content: object, name: str = "tokenized_data.pt") -> Path:
        path = tmp_path / "data" / name
        path.parent.mkdir(exist_ok=True)
        torch.save(content, path)
        return path

    return write


@pytest.fixture
def random_ids() -> Callable[..., torch.Tensor]:
    """Draw ids below the padding id of `small`, the same at every call."""

    def draw(*shape: int, seed: int = 0) -> torch.Tensor:
        return torch.randint(0, 49, shape, generator=torch.Generator().manual_seed(seed))

    return draw
