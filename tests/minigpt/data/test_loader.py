"""Batches: every example once an epoch, in an order of the seed, whatever processes load them."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from minigpt.config import TrainConfig
from minigpt.data.dataset import SeqDataset
from minigpt.data.loader import data_order, loader, num_loader_processes, shuffled

Small = Callable[..., TrainConfig]
Write = Callable[..., Path]


def _sequences(num: int) -> list[Tensor]:
    """Sequences of one example each, whose first id is their index."""
    return [torch.full((32,), index) for index in range(num)]


def _batches(config: TrainConfig, seed: int = 0) -> list[Tensor]:
    dataset = SeqDataset(config)
    order = shuffled(len(dataset), torch.Generator().manual_seed(seed))
    return list(loader(dataset, config, order))


def test_every_epoch_has_every_example_once_in_an_order_of_the_seed(small: Small, write_data: Write) -> None:
    write_data(_sequences(10))
    batches = _batches(small())
    assert [len(batch) for batch in batches] == [4, 4, 2]  # the last short batch is kept
    firsts = torch.cat(batches)[:, 0].tolist()
    assert sorted(firsts) == list(range(10))
    assert firsts == torch.cat(_batches(small()))[:, 0].tolist()
    assert firsts != torch.cat(_batches(small(), seed=1))[:, 0].tolist()


def test_two_experiments_share_their_data_order_exactly_where_their_batches_are_the_same(
    small: Small, write_data: Write
) -> None:
    write_data([*_sequences(10), torch.arange(40)])

    def order(seed: int = 0, **overrides: Any) -> str:
        config = small(**overrides)
        return data_order(SeqDataset(config), config, seed)

    same: list[dict[str, Any]] = [
        {"lr": 1e-3, "embed_dim": 32, "max_epochs": 3, "max_steps": 2},
        {"batch_size": 2, "accumulation": 2},
        {"num_workers": 1, "vocab_size": 60},
    ]
    for overrides in same:
        assert order(**overrides) == order()
        pairs = zip(_batches(small()), _batches(small(**overrides)), strict=True)
        assert all(torch.equal(mine, theirs) for mine, theirs in pairs)
    other = [{"batch_size": 2}, {"accumulation": 2}, {"seq_len": 40}, {"pad_token_id": 48}, {"chunking": "pack"}]
    assert len({order(), order(1), *(order(**overrides) for overrides in other)}) == 2 + len(other)
    write_data([*_sequences(10), torch.arange(1, 41)])
    before = order()
    write_data([*_sequences(10), torch.arange(40)])
    assert order() != before, "another data file"


def test_loader_processes_give_the_same_batches_and_leave_the_generator_alone(small: Small, write_data: Write) -> None:
    write_data(_sequences(10))
    before = torch.get_rng_state()
    alone, helped = _batches(small()), _batches(small(num_workers=1))
    assert all(torch.equal(mine, theirs) for mine, theirs in zip(alone, helped, strict=True))
    assert torch.equal(torch.get_rng_state(), before)
    assert not multiprocessing.active_children()


def test_loader_processes_are_capped_at_the_cores(small: Small, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1, 2})
    monkeypatch.setattr(torch, "get_num_threads", lambda: 8)
    assert [num_loader_processes(small(num_workers=n)) for n in (0, 1, 4)] == [0, 1, 3]
    monkeypatch.setattr(torch, "get_num_threads", lambda: 1)
    assert num_loader_processes(small(num_workers=4)) == 1


def test_loader_processes_are_forked(small: Small, write_data: Write) -> None:
    write_data(_sequences(4))
    config = small(num_workers=1)
    batches = loader(SeqDataset(config), config, [0])
    assert batches.multiprocessing_context.get_start_method() == "fork"
