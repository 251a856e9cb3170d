"""The LM head's loss with its three matrix products in bfloat16, and everything else of it in float32.

For `precision = "bf16"`; torch's own operator rounds the loss itself to bfloat16 (an error of 2.7e-2). Called by
`minigpt.loss`. Shapes: N targets, D = embed_dim, V = vocab_size, R = rows at a time.
"""

from typing import Any

import torch
from torch import Tensor


class HeadLoss(torch.autograd.Function):
    """Mean cross-entropy of `hidden @ weight.T` (N, V) against `targets`, R rows at a time, gradients with it."""

    @staticmethod
    def forward(ctx: Any, hidden: Tensor, weight: Tensor, targets: Tensor, pad: int, rows: int) -> Tensor:
        """Return the loss, a scalar in float32, for `hidden` (N, D), `weight` (V, D) and `targets` (N,) int64."""
        half_weight = weight.to(torch.bfloat16)
        is_target = targets != pad
        count = is_target.sum()
        total = torch.zeros((), dtype=torch.float32, device=hidden.device)
        hidden_gradient = torch.empty(hidden.shape, dtype=torch.float32, device=hidden.device)
        weight_gradient = torch.zeros(weight.shape, dtype=torch.float32, device=hidden.device)
        buffer = torch.empty(min(rows, len(hidden)), len(weight), dtype=torch.float32, device=hidden.device)  # (R, V)
        for start in range(0, len(hidden), rows):
            span = slice(start, start + rows)
            half_hidden = hidden[span].to(torch.bfloat16)  # (R, D)
            target, share = targets[span, None], (is_target[span] / count)[:, None]  # (R, 1) each
            logits = buffer[: len(half_hidden)].copy_(half_hidden @ half_weight.T)
            logits.sub_(logits.amax(dim=-1, keepdim=True))
            own = logits.gather(1, target)  # (R, 1)
            powers = logits.exp_()  # in place, and the only exp: of it the loss and the gradient are made
            sums = powers.sum(dim=-1, keepdim=True)  # (R, 1)
            total += ((sums.log() - own) * share).sum()
            gradient = powers.mul_(share / sums).scatter_add_(1, target, -share)  # of the logits
            half_gradient = gradient.to(torch.bfloat16)
            hidden_gradient[span] = half_gradient @ half_weight
            weight_gradient += half_gradient.T @ half_hidden
        ctx.save_for_backward(hidden_gradient.to(hidden.dtype), weight_gradient)
        return total

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> tuple[Any, ...]:
        """Return the gradients of `hidden` and `weight`; the other arguments have none."""
        hidden_gradient, weight_gradient = ctx.saved_tensors
        return hidden_gradient * gradients[0], weight_gradient * gradients[0], None, None, None


def has_fast_bf16() -> bool:
    """Return whether this CPU multiplies bfloat16 in hardware (AMX, or AVX-512 with BF16)."""
    try:
        with open("/proc/cpuinfo") as file:
            flags = next((line for line in file if line.startswith("flags")), "")
    except OSError:
        return False
    return bool({"amx_bf16", "avx512_bf16"} & set(flags.split()))
