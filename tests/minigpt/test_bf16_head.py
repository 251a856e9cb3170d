"""The head in bfloat16: how far its loss and gradients may be from the exact ones."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from minigpt.bf16_head import HeadLoss
from minigpt.config import TrainConfig
from minigpt.loss import fused_loss
from minigpt.model import MiniGPT

Small = Callable[..., TrainConfig]
Draw = Callable[..., Tensor]


@pytest.mark.parametrize("rows", [1, 7, 64, 1000])
@pytest.mark.parametrize("columns", [1, 64, 100, 1000])
def test_the_half_precise_head_is_near_the_exact_one(rows: int, columns: int) -> None:
    torch.manual_seed(0)
    hidden, weight = torch.randn(50, 16, requires_grad=True), torch.randn(300, 16, requires_grad=True)
    targets = torch.randint(0, 299, (50,))
    targets[::5] = 299
    compare_heads(hidden, weight, targets, rows, columns)


def test_the_half_precise_head_is_near_where_nearly_all_is_learnt() -> None:
    hidden = torch.eye(30, 16, requires_grad=True)
    weight = (12 * torch.eye(40, 16)).requires_grad_()  # a row's own target has 99.98 %, and the gradient is the rest
    compare_heads(hidden, weight, torch.arange(30).where(torch.arange(30) < 16, 39), 8, 16)


def compare_heads(hidden: Tensor, weight: Tensor, targets: Tensor, rows: int, columns: int) -> None:
    pad = len(weight) - 1
    exact = torch.nn.functional.cross_entropy(hidden @ weight.T, targets, ignore_index=pad)
    expected = torch.autograd.grad(exact, (hidden, weight))
    half = HeadLoss.apply(hidden, weight, targets, pad, rows, columns)  # type: ignore[no-untyped-call]
    assert half.dtype == torch.float32
    torch.testing.assert_close(half, exact, rtol=5e-3, atol=0)
    for mine, reference in zip(torch.autograd.grad(half, (hidden, weight)), expected, strict=True):
        assert (mine - reference).norm() < 0.01 * reference.norm()


def test_training_in_bf16_learns_as_in_fp32(small: Small, random_ids: Draw) -> None:
    ids, last = random_ids(8, 32), {}
    for precision in ("fp32", "bf16"):
        torch.manual_seed(0)
        model = MiniGPT(small(dropout=0.0, precision=precision))
        optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2, fused=True)
        for _ in range(30):
            optimizer.zero_grad()
            value = fused_loss(model, ids)
            value.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
        last[precision] = float(value.detach())
        assert model.head.weight.dtype == torch.float32
    assert last["fp32"] < 3.2
    assert last["bf16"] == pytest.approx(last["fp32"], rel=0.03), "and the gap of a steep descent closes"
