"""The training loss: next-token cross-entropy over the targets that are not padding.

`fused_loss` is what training uses. `plain_loss` is the textbook form, against which the other is tested and timed.

Where the time goes (batch 32, T 64, V 50,257): 94 % of the arithmetic is the LM head. Its logits take 405 MB, and the
textbook form makes four to six copies of them. So here the hidden state (D = 128 wide) is shifted by one position,
never the logits. torch's fused operator makes some rows of logits at a time, and their gradient with them: 26 MB, which
nearly fit into the cache. Left to choose for itself, the operator takes 4 rows and 3.5 times as long.

Shapes: B batch, T sequence, D = embed_dim, N = targets, V = vocab_size.
"""

import math
import sys
from functools import cache

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from minigpt.bf16_head import COLUMNS, HeadLoss
from minigpt.config import TrainConfig
from minigpt.model import MiniGPT

LOGITS_BYTES = {"cpu": 26_000_000, "cuda": 256_000_000}  # at a time; bench/chunk.py measures others on a CPU
MIN_ROWS = 128  # with fewer rows the matrix products are slow, so this many are made even if they exceed LOGITS_BYTES


def num_targets(ids: Tensor, pad_token_id: int) -> int:
    """Return how many targets a batch (B, T) has. Count before the batch goes to a GPU, which would have to wait."""
    return int((ids[:, 1:] != pad_token_id).sum())


def fused_loss(model: MiniGPT, ids: Tensor) -> Tensor:
    """Return the mean cross-entropy, a scalar, of the targets in `ids` (B, T). There must be at least one target.

    It equals `plain_loss` to 1e-5, in less than half the time and memory, and can be differentiated once. With bf16 it
    uses `bf16_head`. torch before 2.13 lacks the operator for the other precisions: then this is `plain_loss`, and says
    so once.
    """
    pad, is_bf16 = model.config.pad_token_id, model.config.precision == "bf16"
    if not is_bf16 and not hasattr(F, "linear_cross_entropy"):
        _warn_plain()
        return plain_loss(model, ids)
    with torch.autocast(ids.device.type, dtype=torch.bfloat16, enabled=is_bf16):
        hidden = model.hidden(ids)[:, :-1].flatten(0, 1)  # (B * (T-1), D)
    targets = ids[:, 1:].flatten()  # (B * (T-1),)
    # Without the padding there are fewer rows to compute. A GPU would have to wait until they are counted; there
    # ignore_index alone gives the same loss.
    if not ids.is_cuda:
        is_target = targets != pad
        hidden, targets = hidden[is_target], targets[is_target]  # (N, D), (N,)
    rows = rows_at_once(model.config, ids.device.type)
    if is_bf16:
        columns = COLUMNS[ids.device.type]
        value: Tensor = HeadLoss.apply(hidden, model.head.weight, targets, pad, rows, columns)  # type: ignore[no-untyped-call]
        return value
    return F.linear_cross_entropy(
        hidden,
        model.head.weight,  # (V, D)
        targets,
        ignore_index=pad,
        options=nn.LinearCrossEntropyOptions(batch_chunk_size=rows, chunking_method=None, acc_policy="compact"),
    )


def rows_at_once(config: TrainConfig, device: str) -> int:
    """Return how many rows of logits are made at a time: a power of two, as many as fit into LOGITS_BYTES.

    The number depends on the configuration and the device alone, so it is the same in every run: sums over blocks of
    another size would have other bits.
    """
    bytes_each = 2 if config.precision == "bf16" else 4
    rows = LOGITS_BYTES[device] // (bytes_each * config.vocab_size)
    return max(MIN_ROWS, 1 << (rows.bit_length() - 1)) if rows else MIN_ROWS


def plain_loss(model: MiniGPT, ids: Tensor) -> Tensor:
    """Return the same loss in the textbook form: logits at 0 … T-2 against ids at 1 … T-1, padding ignored."""
    logits = model(ids)[:, :-1]  # (B, T-1, V)
    targets = ids[:, 1:]  # (B, T-1)
    return F.cross_entropy(logits.flatten(0, 1), targets.flatten(), ignore_index=model.config.pad_token_id)


def perplexity(loss: float) -> float:
    """Return exp(loss), or infinity if that is too large for a float."""
    try:
        return math.exp(loss)
    except OverflowError:
        return math.inf


@cache
def _warn_plain() -> None:
    print("torch has no linear_cross_entropy (2.13 has): training goes on with the plain loss", file=sys.stderr)
