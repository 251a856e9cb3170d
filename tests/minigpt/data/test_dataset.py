"""The dataset: an example is a row of its own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import torch

from minigpt.config import TrainConfig
from minigpt.data.dataset import SeqDataset

Small = Callable[..., TrainConfig]
Write = Callable[..., Path]


def test_an_example_is_one_int64_row_padded_at_the_end(small: Small, write_data: Write) -> None:
    write_data([list(range(40))])
    dataset = SeqDataset(small(seq_len=48))
    assert len(dataset) == 1
    assert dataset[0].dtype is torch.int64
    assert dataset[0].tolist() == [*range(40), *[49] * 8]
    dataset[0].fill_(0)  # a copy: the shared file is never written to
    assert dataset[0].tolist()[:3] == [0, 1, 2]
