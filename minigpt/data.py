"""Batches for training: the dataset and its loader. `python -m minigpt.data` makes the file they come from.

    text ─▶ texts ─▶ tokenizer ─▶ data/tokenized_data.pt ─▶ packed ─▶ SeqDataset ─▶ loader ─▶ (B, T) int64
            └────── once, `minigpt.data_command` ──────┘    └────────── every training run ───────────┘

Does not live here: reading the file (`minigpt.corpus`), cutting it (`minigpt.chunking`), sharing it
(`minigpt.packed`). Called by `minigpt.train`. Shapes: N examples, B batch, T = seq_len.
"""

import os
from collections.abc import Sequence

import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from minigpt.config import TrainConfig
from minigpt.packed import Packed, open_packed


class SeqDataset(Dataset[Tensor]):
    """The examples of one configuration; each is (seq_len,) int64, padded at the end with `pad_token_id`.

    Raises:
        DataError: the data are missing or bad.
    """

    def __init__(self, config: TrainConfig) -> None:
        """Map the packed copy, making it if there is none."""
        self.examples: Packed = open_packed(config)

    def __len__(self) -> int:
        """Return N."""
        return len(self.examples.ids)

    def __getitem__(self, index: int) -> Tensor:
        """Return one example, copied out of the map."""
        return torch.from_numpy(self.examples.ids[index].astype("int64"))  # (T,)


def shuffled(num_examples: int, generator: torch.Generator) -> list[int]:
    """Return the order of one epoch, drawn from `generator`, whose state moves on."""
    return torch.randperm(num_examples, generator=generator).tolist()


def loader(
    dataset: SeqDataset, config: TrainConfig, order: Sequence[int], *, pin_memory: bool = False
) -> DataLoader[Tensor]:
    """Return the examples of each step, from `order`, those still to come in this epoch; the last may be short.

    Taking the order and not drawing it is what lets a resumed run start in the middle of an epoch.
    """
    num_workers = num_loader_processes(config)
    return DataLoader(
        dataset,
        batch_size=config.step_size,
        sampler=order,
        drop_last=False,
        num_workers=num_workers,
        # Under forkserver a worker's own loader processes would start a second server and import torch again.
        multiprocessing_context="fork" if num_workers else None,
        pin_memory=pin_memory,
        # Each pass draws a seed for its processes. From the global generator that draw would shift every
        # dropout mask after a resume; nothing here is random, so it comes from a generator of its own.
        generator=torch.Generator(),
    )


def num_loader_processes(config: TrainConfig) -> int:
    """Return `config.num_workers`, capped at the cores this process may use."""
    return min(config.num_workers, torch.get_num_threads(), len(os.sched_getaffinity(0)))


if __name__ == "__main__":
    from minigpt.data_command import app

    app()
