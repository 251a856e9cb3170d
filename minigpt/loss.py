"""The training loss: next-token cross-entropy over the targets that are not padding.

Lives here: `loss`, which training calls, `plain_loss`, the textbook form it is tested and timed against, and
the rule for how many rows of logits there are at a time. Called by `minigpt.train`.

Where the time goes (batch 32, T 64, V 50,257): 94 % of the arithmetic is the LM head. Its logits are 405 MB,
of which the textbook form makes four to six copies. So the hidden state is shifted (D = 128 wide), never the
logits, and torch's fused operator makes some rows of logits at a time and their gradient with them: 26 MB,
which stay in the cache's reach, where its own choice of 4 rows takes 3.5 times longer.

Shapes: B batch, T sequence, D = embed_dim, N = targets, V = vocab_size.
"""

import sys
from functools import cache

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from minigpt.config import TrainConfig
from minigpt.half import COLUMNS, HeadLoss
from minigpt.model import MiniGPT

LOGITS_BYTES = {"cpu": 26_000_000, "cuda": 256_000_000}  # at a time; bench/chunk.py measures others on a CPU
MIN_ROWS = 128  # fewer make the matrix products slow, whatever the memory


def num_targets(ids: Tensor, pad_token_id: int) -> int:
    """Return how many targets a batch (B, T) has; ask before it goes to a GPU, which would have to wait."""
    return int((ids[:, 1:] != pad_token_id).sum())


def loss(model: MiniGPT, ids: Tensor) -> Tensor:
    """Return the mean cross-entropy, a scalar, of the targets in `ids` (B, T); there must be one at least.

    Equal to `plain_loss` to 1e-5, in under half the time and memory. It can be differentiated once, as
    training does. Where torch is older than 2.13 and lacks the operator, this is `plain_loss`, and says so
    once; bf16 has a head of its own, which needs no operator.
    """
    pad, is_half = model.config.pad_token_id, model.config.precision == "bf16"
    if not is_half and not hasattr(F, "linear_cross_entropy"):
        _say_plain()
        return plain_loss(model, ids)
    with torch.autocast(ids.device.type, dtype=torch.bfloat16, enabled=is_half):
        hidden = model.hidden(ids)[:, :-1].flatten(0, 1)  # (B * (T-1), D)
    targets = ids[:, 1:].flatten()  # (B * (T-1),)
    # The head shrinks with the padding. Not on a GPU, which would have to wait for the count: there
    # ignore_index alone gives the same loss.
    if not ids.is_cuda:
        is_target = targets != pad
        hidden, targets = hidden[is_target], targets[is_target]  # (N, D), (N,)
    rows = rows_at_once(model.config, ids.device.type)
    if is_half:
        columns = COLUMNS[ids.device.type]
        half: Tensor = HeadLoss.apply(hidden, model.head.weight, targets, pad, rows, columns)  # type: ignore[no-untyped-call]
        return half
    return F.linear_cross_entropy(
        hidden,
        model.head.weight,  # (V, D)
        targets,
        ignore_index=pad,
        options=nn.LinearCrossEntropyOptions(batch_chunk_size=rows, chunking_method=None, acc_policy="compact"),
    )


def rows_at_once(config: TrainConfig, device: str) -> int:
    """Return how many rows of logits are made at a time: a power of two, LOGITS_BYTES at most.

    A function of the configuration and the device alone, so that it is the same in every run: other chunks sum in
    another order.
    """
    bytes_each = 2 if config.precision == "bf16" else 4
    rows = LOGITS_BYTES[device] // (bytes_each * config.vocab_size)
    return max(MIN_ROWS, 1 << (rows.bit_length() - 1)) if rows else MIN_ROWS


def plain_loss(model: MiniGPT, ids: Tensor) -> Tensor:
    """Return the same by the textbook: logits at 0 … T-2 against ids at 1 … T-1, padding ignored."""
    logits = model(ids)[:, :-1]  # (B, T-1, V)
    targets = ids[:, 1:]  # (B, T-1)
    return F.cross_entropy(logits.flatten(0, 1), targets.flatten(), ignore_index=model.config.pad_token_id)


@cache
def _say_plain() -> None:
    print("torch has no linear_cross_entropy (2.13 has): training goes on with the plain loss", file=sys.stderr)
