"""One training step: loss, gradients, AdamW. Shapes: B batch, T sequence."""

import torch
from torch import Tensor

from minigpt.config import TrainConfig
from minigpt.loss import fused_loss, num_targets, plain_loss
from minigpt.training.state import TrainState


def train_step(config: TrainConfig, state: TrainState, ids: Tensor, device: str) -> Tensor:
    """Take a step on `ids` (B, T), in host memory, and return the loss before the step, a scalar on `device`.

    There must be at least one target in `ids`.
    """
    if config.accumulation > 1:
        return _accumulated_step(config, state, ids, device)
    value = _loss(config, state, ids, device)
    state.optimizer.zero_grad()
    value.backward()  # type: ignore[no-untyped-call]
    state.optimizer.step()
    return value.detach()


def _accumulated_step(config: TrainConfig, state: TrainState, ids: Tensor, device: str) -> Tensor:
    """Take a step whose gradients are computed from `batch_size` examples at a time and added up.

    The mean over all targets is the mean of each part, weighted by the part's share of the targets. So the step is that
    of the whole batch, to rounding; but dropout masks are drawn part by part.
    """
    state.optimizer.zero_grad()
    pad, num_all = config.pad_token_id, num_targets(ids, config.pad_token_id)
    total = torch.zeros((), device=device, dtype=state.model.head.weight.dtype)
    for part in ids.split(config.batch_size):  # type: ignore[no-untyped-call]
        if num := num_targets(part, pad):
            value = _loss(config, state, part, device) * (num / num_all)
            value.backward()  # type: ignore[no-untyped-call]
            total += value.detach()
    state.optimizer.step()
    return total


def _loss(config: TrainConfig, state: TrainState, ids: Tensor, device: str) -> Tensor:
    objective = fused_loss if config.loss == "fused" else plain_loss
    return objective(state.model, ids.to(device, non_blocking=True))
