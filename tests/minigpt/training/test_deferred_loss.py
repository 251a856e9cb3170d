"""Losses that are read late: all of them, in order, one step late, and none late at a checkpoint."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from minigpt.training.deferred_loss import DeferredLoss

Written = list[tuple[int, float | None, dict[str, Any]]]


def make(delay: int) -> tuple[DeferredLoss, Written]:
    written: Written = []
    return DeferredLoss(lambda *step: written.append(step), delay=delay), written


@pytest.mark.parametrize("delay", [0, 1, 2])
def test_every_step_is_written_once_and_in_order(delay: int) -> None:
    losses, written = make(delay)
    for step in range(1, 11):
        losses.put(step, None if step == 4 else torch.tensor(step / 2), {"tokens": step})
        assert [step for step, _, _ in written] == list(range(1, step + 1 - delay))
    losses.flush()
    assert written == [(step, None if step == 4 else step / 2, {"tokens": step}) for step in range(1, 11)]
    losses.flush()
    assert len(written) == 10


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_a_loss_on_a_gpu_is_the_same_number_a_step_later() -> None:
    losses, written = make(1)
    for step in range(1, 4):
        losses.put(step, torch.full((), step / 3, device="cuda"), {})
    losses.flush()
    assert [value for _, value, _ in written] == [torch.tensor(step / 3).item() for step in range(1, 4)]
