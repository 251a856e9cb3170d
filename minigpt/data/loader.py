"""Batches for training, in an order that a resumed run can take up in the middle of an epoch."""

import hashlib
import json
import os
from collections.abc import Sequence

import torch
from torch import Tensor
from torch.utils.data import DataLoader

from minigpt.config import TrainConfig
from minigpt.data.dataset import SeqDataset


def shuffled(num_examples: int, generator: torch.Generator) -> list[int]:
    """Return the order of one epoch: a permutation of 0 … `num_examples` - 1. The generator's state moves on."""
    return torch.randperm(num_examples, generator=generator).tolist()


def loader(
    dataset: SeqDataset, config: TrainConfig, order: Sequence[int], *, pin_memory: bool = False
) -> DataLoader[Tensor]:
    """Return a loader of the examples that `order` names. A batch is the `step_size` examples of a step, (B, T) int64.

    The last batch may be shorter. `order` holds the examples that are left of this epoch: the caller draws it, so a
    resumed run can start in the middle of an epoch.
    """
    num_workers = num_loader_processes(config)
    return DataLoader(
        dataset,
        batch_size=config.step_size,
        sampler=order,
        drop_last=False,
        num_workers=num_workers,
        # With forkserver the loader processes would start a fork server of their own, which imports torch again.
        multiprocessing_context="fork" if num_workers else None,
        pin_memory=pin_memory,
        # Each pass over a loader draws a seed for its processes. Drawn from the global generator, it would shift every
        # dropout mask after a resume. No loader process uses the seed, so it may come from a generator of its own.
        generator=torch.Generator(),
    )


def data_order(dataset: SeqDataset, config: TrainConfig, seed: int) -> str:
    """Return a text that two experiments share exactly where they have the same batch at each step both reach.

    How long they train does not matter: a second epoch has an order of its own, which follows from the seed.
    """
    source = dataset.examples
    examples = (source.source_sha256, source.source.name, config.chunking, config.seq_len, config.pad_token_id)
    parts = (*examples, config.step_size, seed)
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:16]


def num_loader_processes(config: TrainConfig) -> int:
    """Return `config.num_workers`, but at most the threads and the cores that this process may use."""
    return min(config.num_workers, torch.get_num_threads(), len(os.sched_getaffinity(0)))
