"""A step: without accumulation it is the plain step, and a step in parts is the step of the whole, to rounding."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Literal

import pytest
import torch
from torch.optim import AdamW

from minigpt.config import TrainConfig
from minigpt.loss import fused_loss
from minigpt.model import MiniGPT
from minigpt.training.experiment import num_steps
from minigpt.training.state import TrainState
from minigpt.training.step import train_step

CONFIG = TrainConfig(
    vocab_size=97, seq_len=32, embed_dim=16, n_heads=2, n_layers=2, dropout=0.0, pad_token_id=96, batch_size=12, lr=0.01
)


def training(config: TrainConfig) -> TrainState:
    torch.manual_seed(0)
    model = MiniGPT(config).to(torch.float64)
    return TrainState(model=model, optimizer=AdamW(model.parameters(), lr=config.lr), epoch_start=torch.empty(0))


def batches(count: int, rows: int) -> list[torch.Tensor]:
    """Batches (rows, T) whose examples differ in length, one of them without any target."""
    generator = torch.Generator().manual_seed(1)
    found = []
    for _ in range(count):
        ids = torch.randint(0, 96, (rows, 32), generator=generator)
        for row in range(rows):
            ids[row, 1 + (7 * row) % 32 :] = 96
        found.append(ids)
    return found


@pytest.mark.parametrize("objective", ["plain", "fused"])
@pytest.mark.parametrize("parts", [2, 3, 12])
@pytest.mark.parametrize("rows", [12, 7])  # a whole step, and the short one at the end of an epoch
def test_a_step_in_parts_is_the_step_of_the_whole(objective: Literal["plain", "fused"], parts: int, rows: int) -> None:
    whole = replace(CONFIG, loss=objective)
    split = replace(whole, batch_size=12 // parts, accumulation=parts)
    in_one, in_parts = training(whole), training(split)
    for ids in batches(4, rows):
        expected = train_step(whole, in_one, ids, "cpu")
        torch.testing.assert_close(train_step(split, in_parts, ids, "cpu"), expected, rtol=1e-12, atol=1e-12)
    for weights, others in zip(in_one.model.parameters(), in_parts.model.parameters(), strict=True):
        torch.testing.assert_close(weights, others, rtol=1e-9, atol=1e-9)


def test_without_accumulation_a_step_is_the_plain_one_bit_for_bit() -> None:
    ours, theirs = training(CONFIG), training(CONFIG)
    for ids in batches(3, 12):
        value = train_step(CONFIG, ours, ids, "cpu")
        expected = fused_loss(theirs.model, ids)
        theirs.optimizer.zero_grad()
        expected.backward()  # type: ignore[no-untyped-call]
        theirs.optimizer.step()
        assert torch.equal(value, expected.detach())
    for weights, others in zip(ours.model.parameters(), theirs.model.parameters(), strict=True):
        assert torch.equal(weights, others)


def test_half_the_batch_and_twice_the_accumulation_is_as_many_steps_and_as_much_work(tmp_path: Path) -> None:
    (tmp_path / "tokenized_data.pt").write_bytes(b"x" * 80_000)
    whole = replace(CONFIG, max_steps=5, data_dir=str(tmp_path))
    split = replace(whole, batch_size=6, accumulation=2)
    assert split.step_size == whole.step_size == 12
    assert split.work() == whole.work()
    assert num_steps(split, 1000) == num_steps(whole, 1000) == 5
    assert num_steps(replace(split, max_steps=None), 100) == 9
