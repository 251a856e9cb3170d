"""Drawing tokens from a model."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch

from minigpt.config import TrainConfig
from minigpt.errors import SamplingError
from minigpt.generation import generate
from minigpt.model import MiniGPT

Small = Callable[..., TrainConfig]


@pytest.fixture
def model(small: Small) -> MiniGPT:
    torch.manual_seed(0)
    model = MiniGPT(small()).eval()
    torch.nn.init.normal_(model.head.weight, std=1.0)  # opinions worth sampling
    return model


def _seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_the_same_seed_gives_the_same_ids(model: MiniGPT) -> None:
    first = generate(model, [1, 2], 40, generator=_seeded())
    assert len(first) == 40
    assert all(0 <= token < 50 for token in first)
    assert generate(model, [1, 2], 40, generator=_seeded()) == first
    assert generate(model, [1, 2], 40, generator=_seeded(1)) != first


def test_temperature_0_takes_the_likeliest_and_so_does_top_1(model: MiniGPT) -> None:
    ids = [3, 4]
    for _ in range(10):
        ids.append(int(model(torch.tensor([ids]))[0, -1].argmax()))
    assert generate(model, [3, 4], 10, temperature=0) == ids[2:]
    assert generate(model, [3, 4], 10, top_k=1, generator=_seeded()) == ids[2:]
    assert generate(model, [3, 4], 10, temperature=1e-300, generator=_seeded()) == ids[2:]


def test_top_k_draws_from_the_k_likeliest_only(model: MiniGPT) -> None:
    likeliest = set(model(torch.tensor([[5]]))[0, -1].topk(3).indices.tolist())
    drawn = {generate(model, [5], 1, temperature=50.0, top_k=3, generator=_seeded(seed))[0] for seed in range(60)}
    assert drawn == likeliest
    everything = generate(model, [5], 1, top_k=1000, generator=_seeded())
    assert everything == generate(model, [5], 1, generator=_seeded())


def test_the_model_sees_its_last_seq_len_ids(model: MiniGPT) -> None:
    tail = [index % 49 for index in range(32)]
    assert generate(model, [7] * 200 + tail, 3, temperature=0) == generate(model, tail, 3, temperature=0)
    assert generate(model, tail, 0) == []


@pytest.mark.parametrize(
    ("ids", "num_tokens", "temperature", "top_k", "complaint"),
    [
        ([], 1, 1.0, None, "no prompt"),
        ([50], 1, 1.0, None, "the id 50"),
        ([1], -1, 1.0, None, "negative"),
        ([1], 1, -1.0, None, "temperature"),
        ([1], 1, float("nan"), None, "temperature"),
        ([1], 1, 1.0, 0, "top-k"),
    ],
)
def test_what_cannot_be_drawn_is_refused(
    model: MiniGPT, ids: list[int], num_tokens: int, temperature: float, top_k: int | None, complaint: str
) -> None:
    with pytest.raises(SamplingError, match=complaint):
        generate(model, ids, num_tokens, temperature=temperature, top_k=top_k)
