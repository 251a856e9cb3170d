"""The LM head's loss with its three matrix products in bfloat16, and everything else in float32.

It is used for `precision = "bf16"`, because torch's own operator also rounds the loss itself to bfloat16, an error of
2.7e-2. docs/decisions/0011 has the measurements.

For one row with hidden state h and target t, z = W h are its logits, m their maximum, and

    e_v = exp(z_v - m)      S = sum of all e_v      loss = log S - (z_t - m)      d loss / d z_v = e_v / S - [v = t]

Bfloat16 makes the arithmetic cheap, so passes over (R, V) of memory cost most. Two things save passes:

- The logits are made in pieces (R, C). The float32 copy of a piece stays in the cache.
- The e_v are never divided by S. Both products that need e_v / S have a factor of width D, which is divided instead.

The target's own logit z_t is not taken from the pieces but computed in float32. Then 1 - p_t, the sum of the other e_v
over S, is as exact for a target that is nearly certain as p_t is for an unlikely one.

Shapes: N targets, D = embed_dim, V = vocab_size, R = rows at a time, C = columns at a time.
"""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

COLUMNS = {"cpu": 2048, "cuda": 8192}  # of logits at a time: few enough for the cache, many enough to keep cores busy


class HeadLoss(torch.autograd.Function):
    """Mean cross-entropy of `hidden @ weight.T` (N, V) against `targets`. The gradients are computed with the loss."""

    @staticmethod
    def forward(ctx: Any, hidden: Tensor, weight: Tensor, targets: Tensor, pad: int, rows: int, columns: int) -> Tensor:
        """Return the loss, a float32 scalar, for `hidden` (N, D), `weight` (V, D) and `targets` (N,) int64.

        Targets equal to `pad` do not count. `rows` and `columns` of logits are made at a time.
        """
        is_target = targets != pad
        count = is_target.sum()
        total = torch.zeros((), dtype=torch.float32, device=hidden.device)
        hidden_gradient = torch.zeros(hidden.shape, dtype=torch.float32, device=hidden.device)
        work = _workspace(weight, min(rows, len(hidden)), columns)
        for start in range(0, len(hidden), rows):
            span = slice(start, start + rows)
            share = (is_target[span] / count)[:, None]  # (R, 1)
            total += _add_rows(work, hidden[span].float(), targets[span], share, hidden_gradient[span])
        ctx.save_for_backward(hidden_gradient.to(hidden.dtype), work.weight_gradient)
        return total

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> tuple[Any, ...]:
        """Return the gradients of `hidden` and `weight`. The other arguments have none."""
        hidden_gradient, weight_gradient = ctx.saved_tensors
        return hidden_gradient * gradients[0], weight_gradient * gradients[0], None, None, None, None


@dataclass(frozen=True, kw_only=True)
class _Workspace:
    """The weight, its gradient, and memory that every block of rows uses anew."""

    weight: Tensor  # (V, D) bfloat16
    weight_gradient: Tensor  # (V, D) float32, a sum over the blocks
    store: Tensor  # (R * V,) bfloat16: the pieces of logits, one after the other
    buffer: Tensor  # (R * C,) float32: one piece
    columns: int


def _workspace(weight: Tensor, rows: int, columns: int) -> _Workspace:
    return _Workspace(
        weight=weight.to(torch.bfloat16),
        weight_gradient=torch.zeros(weight.shape, dtype=torch.float32, device=weight.device),
        store=torch.empty(rows * len(weight), dtype=torch.bfloat16, device=weight.device),
        buffer=torch.empty(rows * min(columns, len(weight)), device=weight.device),
        columns=columns,
    )


def _add_rows(work: _Workspace, hidden: Tensor, target: Tensor, share: Tensor, hidden_gradient: Tensor) -> Tensor:
    """Return the loss of a block of rows, and add its gradients to `hidden_gradient` and `work.weight_gradient`.

    `hidden` is (R, D) float32, `target` (R,). `share` (R, 1) is a row's part of the mean: 1 / count, or 0 for padding.
    """
    rounded = hidden.to(torch.bfloat16)
    pieces = _logit_pieces(work, rounded, target)
    own_weight = work.weight[target].float()  # (R, D)
    own = (rounded.float() * own_weight).sum(-1, keepdim=True)  # (R, 1): z_t
    top = torch.stack([piece.amax(-1, keepdim=True) for piece in pieces]).amax(0).float().maximum(own)  # m
    own -= top
    others = torch.zeros_like(own)  # (R, 1): the sum of e_v over all v but the target
    for piece in pieces:
        powers = work.buffer[: piece.numel()].view(piece.shape).copy_(piece).sub_(top).exp_()
        others += powers.sum(-1, keepdim=True)
        piece.copy_(powers)
    sums = others + own.exp()  # S
    scale, own_gradient = share / sums, -share * others / sums
    scaled = (hidden * scale).to(torch.bfloat16)
    for first, piece in zip(range(0, len(work.weight), work.columns), pieces, strict=True):
        hidden_gradient += piece @ work.weight[first : first + work.columns]
        work.weight_gradient[first : first + work.columns] += piece.T @ scaled
    hidden_gradient.mul_(scale).add_(own_gradient * own_weight)
    work.weight_gradient.index_add_(0, target, own_gradient * hidden)
    return ((sums.log() - own) * share).sum()


def _logit_pieces(work: _Workspace, hidden: Tensor, target: Tensor) -> list[Tensor]:
    """Return the logits of bfloat16 `hidden` (R, D) as pieces (R, C), with -inf in place of the target's own logit."""
    num_rows, size, columns = len(hidden), len(work.weight), work.columns
    pieces = []
    for first in range(0, size, columns):
        weights = work.weight[first : first + columns]
        out = work.store[num_rows * first : num_rows * (first + len(weights))].view(num_rows, len(weights))
        pieces.append(torch.mm(hidden, weights.T, out=out))
    column = target % columns
    first_columns = target - column
    widths = (size - first_columns).clamp(max=columns)  # the last piece may be narrower
    row = torch.arange(num_rows, device=hidden.device)
    work.store.index_fill_(0, num_rows * first_columns + row * widths + column, -torch.inf)
    return pieces
