"""How many rows of logits at a time: the rule of minigpt.loss against a quarter and four times as many rows.

    python bench/chunk.py [PAIRS]

Measured for two vocabularies, and for bfloat16 where the CPU has it.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from functools import partial

import torch
import torch.nn.functional as F
from rows import Row, alternate, markdown
from torch import nn

from minigpt.bf16_head import COLUMNS, HeadLoss
from minigpt.config import TrainConfig
from minigpt.device import has_fast_bf16
from minigpt.loss import rows_at_once

TARGETS, WIDTH = 2016, 128  # batch 32 of 63 targets, embed_dim 128


def head_seconds(vocabulary: int, rows: int, columns: int | None) -> float:
    """Return the seconds of the head, forward and backward. `columns` None: in float32; else in bfloat16."""
    torch.manual_seed(0)
    hidden = torch.randn(TARGETS, WIDTH, requires_grad=True)
    weight = (0.05 * torch.randn(vocabulary, WIDTH)).requires_grad_()
    targets = torch.randint(0, vocabulary - 1, (TARGETS,))
    options = nn.LinearCrossEntropyOptions(batch_chunk_size=rows, chunking_method=None, acc_policy="compact")
    began_s = time.perf_counter()
    if columns is None:
        value = F.linear_cross_entropy(hidden, weight, targets, options=options)
    else:
        value = HeadLoss.apply(hidden, weight, targets, vocabulary - 1, rows, columns)  # type: ignore[no-untyped-call]
    value.backward()  # type: ignore[no-untyped-call]
    return time.perf_counter() - began_s


def compare(goal: str, what: str, rule: int, sides: dict[int, Callable[[], float]], pairs: int) -> Row:
    """Return a row that compares the choice of the rule with other choices."""
    times = alternate(sides, pairs)
    best = min(times.values())
    others = ", ".join(f"{size}: {took:.3f} s" for size, took in times.items() if size != rule)
    return Row(
        goal, what, f"{rule}: {times[rule]:.3f} s", others,
        f"{times[rule] / best:.2f} of the best", "≤ 1.15", times[rule] <= 1.15 * best,
    )  # fmt: skip


def measure(pairs: int = 5) -> list[Row]:
    """Return a row for each vocabulary. A CPU with fast bfloat16 adds two: for its rows and its columns."""
    torch.set_num_threads(1)
    table = []
    for vocabulary in (1_000, 50_257):
        rule = rows_at_once(TrainConfig(vocab_size=vocabulary, pad_token_id=vocabulary - 1), "cpu")
        sides = {rows: partial(head_seconds, vocabulary, rows, None) for rows in (max(4, rule // 4), rule, rule * 4)}
        table.append(compare("S1", f"rows of logits at a time, vocabulary {vocabulary:,}", rule, sides, pairs))
    if has_fast_bf16():
        rows, columns = rows_at_once(TrainConfig(precision="bf16"), "cpu"), COLUMNS["cpu"]
        sides = {size: partial(head_seconds, 50_257, size, columns) for size in (rows // 4, rows, rows * 4)}
        table.append(compare("", "the same with bf16", rows, sides, pairs))
        sides = {size: partial(head_seconds, 50_257, rows, size) for size in (columns // 4, columns, columns * 8)}
        table.append(compare("", "columns of logits at a time with bf16", columns, sides, pairs))
    return table


if __name__ == "__main__":
    print(markdown(measure(*map(int, sys.argv[1:]))))
