"""The LM head's loss with its three matrix products in bfloat16, and everything else of it in float32.

For `precision = "bf16"`; torch's own operator rounds the loss itself to bfloat16 (an error of 2.7e-2). Called by
`minigpt.loss`. Shapes: N targets, D = embed_dim, V = vocab_size, R = rows at a time, C = columns at a time.

What would cost most is not arithmetic, which bfloat16 makes cheap, but passes over (R, V) of memory. So the logits are
made in pieces (R, C), of which a float32 copy stays in the cache, and the powers that replace them are never divided by
their sums: the rows of what they are multiplied with are. The logit of the target itself is left out of the pieces and
added by itself in float32: of a target that is nearly sure, 1 - p is then as exact as p.
"""

from typing import Any

import torch
from torch import Tensor

COLUMNS = {"cpu": 2048, "cuda": 8192}  # of logits at a time: few enough for the cache, many enough to be busy


class HeadLoss(torch.autograd.Function):
    """Mean cross-entropy of `hidden @ weight.T` (N, V) against `targets`, R rows at a time, gradients with it."""

    @staticmethod
    def forward(ctx: Any, hidden: Tensor, weight: Tensor, targets: Tensor, pad: int, rows: int, columns: int) -> Tensor:
        """Return the loss, a scalar in float32, for `hidden` (N, D), `weight` (V, D) and `targets` (N,) int64."""
        half_weight = weight.to(torch.bfloat16)
        is_target = targets != pad
        count = is_target.sum()
        total = torch.zeros((), dtype=torch.float32, device=hidden.device)
        hidden_gradient = torch.zeros(hidden.shape, dtype=torch.float32, device=hidden.device)
        weight_gradient = torch.zeros(weight.shape, dtype=torch.float32, device=hidden.device)
        store = torch.empty(min(rows, len(hidden)) * len(weight), dtype=torch.bfloat16, device=hidden.device)
        buffer = torch.empty(min(rows, len(hidden)) * min(columns, len(weight)), device=hidden.device)
        for start in range(0, len(hidden), rows):
            span = slice(start, start + rows)
            exact, target = hidden[span].float(), targets[span]  # (R, D), (R,)
            near = exact.to(torch.bfloat16)
            share = (is_target[span] / count)[:, None]  # (R, 1)
            logits = _logits(near, half_weight, target, columns, store)
            own_weight = half_weight[target].float()  # (R, D)
            own = (near.float() * own_weight).sum(-1, keepdim=True)  # (R, 1)
            top = torch.stack([piece.amax(-1, keepdim=True) for piece in logits]).amax(0).float().maximum(own)
            own -= top
            others = torch.zeros_like(own)
            for piece in logits:
                powers = buffer[: piece.numel()].view(piece.shape).copy_(piece).sub_(top).exp_()
                others += powers.sum(-1, keepdim=True)
                piece.copy_(powers)
            sums = others + own.exp()
            total += ((sums.log() - own) * share).sum()
            scale, own_gradient = share / sums, -share * others / sums
            scaled = (exact * scale).to(torch.bfloat16)
            gradient = hidden_gradient[span]
            for first, piece in zip(range(0, len(weight), columns), logits, strict=True):
                gradient += piece @ half_weight[first : first + columns]
                weight_gradient[first : first + columns] += piece.T @ scaled
            gradient.mul_(scale).add_(own_gradient * own_weight)
            weight_gradient.index_add_(0, target, own_gradient * exact)
        ctx.save_for_backward(hidden_gradient.to(hidden.dtype), weight_gradient)
        return total

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> tuple[Any, ...]:
        """Return the gradients of `hidden` and `weight`; the other arguments have none."""
        hidden_gradient, weight_gradient = ctx.saved_tensors
        return hidden_gradient * gradients[0], weight_gradient * gradients[0], None, None, None, None


def _logits(hidden: Tensor, weight: Tensor, target: Tensor, columns: int, store: Tensor) -> list[Tensor]:
    """Return the logits as pieces (R, C) in `store`, one after the other; -inf is in the place of the target's own."""
    num_rows, size = len(hidden), len(weight)
    pieces = []
    for first in range(0, size, columns):
        weights = weight[first : first + columns]
        out = store[num_rows * first : num_rows * (first + len(weights))].view(num_rows, len(weights))
        pieces.append(torch.mm(hidden, weights.T, out=out))
    column = target % columns
    first_columns = target - column
    widths = (size - first_columns).clamp(max=columns)
    row = torch.arange(num_rows, device=hidden.device)
    store.index_fill_(0, num_rows * first_columns + row * widths + column, -torch.inf)
    return pieces


def has_fast_bf16() -> bool:
    """Return whether this CPU multiplies bfloat16 in hardware (AMX, or AVX-512 with BF16)."""
    try:
        with open("/proc/cpuinfo") as file:
            flags = next((line for line in file if line.startswith("flags")), "")
    except OSError:
        return False
    return bool({"amx_bf16", "avx512_bf16"} & set(flags.split()))
