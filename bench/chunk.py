"""How many rows of logits at a time: the rule of minigpt.loss against half and twice as many, for several vocabularies.

python bench/chunk.py
"""

from __future__ import annotations

import statistics
import time

import torch
import torch.nn.functional as F
from rows import Row, markdown
from torch import nn

from minigpt.config import TrainConfig
from minigpt.loss import rows_at_once

TARGETS, WIDTH = 2016, 128  # batch 32 of 63 targets, embed_dim 128


def step(vocabulary: int, rows: int, repeats: int = 2) -> float:
    """Return the median seconds of the head, forwards and backwards."""
    torch.manual_seed(0)
    hidden = torch.randn(TARGETS, WIDTH, requires_grad=True)
    weight = torch.randn(vocabulary, WIDTH, requires_grad=True)
    targets = torch.randint(0, vocabulary, (TARGETS,))
    options = nn.LinearCrossEntropyOptions(batch_chunk_size=rows, chunking_method=None, acc_policy="compact")
    times = []
    for _ in range(repeats + 1):
        began_s = time.perf_counter()
        F.linear_cross_entropy(hidden, weight, targets, options=options).backward()  # type: ignore[no-untyped-call]
        times.append(time.perf_counter() - began_s)
    return statistics.median(times[1:])


def measure() -> list[Row]:
    """Return a row for each vocabulary."""
    torch.set_num_threads(1)
    table = []
    for vocabulary in (1_000, 50_257):
        rule = rows_at_once(TrainConfig(vocab_size=vocabulary, pad_token_id=vocabulary - 1), "cpu")
        times = {rows: step(vocabulary, rows) for rows in (max(4, rule // 4), rule, rule * 4)}
        best = min(times.values())
        others = ", ".join(f"{rows}: {took:.3f} s" for rows, took in times.items() if rows != rule)
        table.append(
            Row("S1", f"rows of logits at a time, vocabulary {vocabulary:,}", f"{rule}: {times[rule]:.3f} s", others,
                f"{times[rule] / best:.2f} of the best", "≤ 1.15", times[rule] <= 1.15 * best)
        )  # fmt: skip
    return table


if __name__ == "__main__":
    print(markdown(measure()))
