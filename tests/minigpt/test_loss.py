"""The loss: the fused form is the textbook's, padding counts for nothing, and it can be driven to zero."""

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from minigpt import loss as loss_module
from minigpt.config import TrainConfig
from minigpt.loss import loss, num_targets, plain_loss
from minigpt.model import MiniGPT

Small = Callable[..., TrainConfig]
Draw = Callable[..., Tensor]
Objective = Callable[[MiniGPT, Tensor], Tensor]
PAD = 49


def _value_and_gradients(objective: Objective, model: MiniGPT, ids: Tensor) -> tuple[Tensor, list[Tensor]]:
    model.zero_grad()
    value = objective(model, ids)
    value.backward()  # type: ignore[no-untyped-call]
    return value.detach(), [weight.grad.clone() for weight in model.parameters() if weight.grad is not None]


def _half_padded(ids: Tensor) -> Tensor:
    ids = ids.clone()
    ids[::2, ids.size(1) // 2 :] = PAD
    return ids


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 1e-5), (torch.float64, 1e-12)])
@pytest.mark.parametrize("is_padded", [False, True])
def test_fused_equals_plain(
    small: Small, random_ids: Draw, dtype: torch.dtype, tolerance: float, is_padded: bool
) -> None:
    torch.manual_seed(0)
    model = MiniGPT(small(dropout=0.0)).to(dtype)
    ids = random_ids(10, 32)  # 310 targets: three chunks of 128 rows, the last one short
    ids = _half_padded(ids) if is_padded else ids
    fused, fused_gradients = _value_and_gradients(loss, model, ids)
    plain, plain_gradients = _value_and_gradients(plain_loss, model, ids)
    torch.testing.assert_close(fused, plain, rtol=tolerance, atol=0)
    assert len(fused_gradients) == len(plain_gradients) == len(list(model.parameters()))
    for mine, reference in zip(fused_gradients, plain_gradients, strict=True):
        torch.testing.assert_close(mine, reference, rtol=1e-4, atol=tolerance)


def test_plain_is_next_token_cross_entropy(small: Small, random_ids: Draw) -> None:
    model, ids = MiniGPT(small(dropout=0.0)), random_ids(2, 5)
    log_p = model(ids).log_softmax(dim=-1)
    by_hand = [-log_p[b, t, ids[b, t + 1]] for b in range(2) for t in range(4)]
    torch.testing.assert_close(plain_loss(model, ids), torch.stack(by_hand).mean())


@pytest.mark.parametrize("objective", [loss, plain_loss])
def test_padding_counts_for_nothing(small: Small, random_ids: Draw, objective: Objective) -> None:
    model, ids = MiniGPT(small(dropout=0.0)), random_ids(2, 16)
    padded = torch.cat([ids, torch.full((2, 16), PAD)], dim=1)
    torch.testing.assert_close(objective(model, padded), objective(model, ids))
    assert num_targets(padded, PAD) == num_targets(ids, PAD) == 2 * 15


def test_the_fused_loss_never_builds_the_logits(
    small: Small, random_ids: Draw, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = MiniGPT(small())
    monkeypatch.setattr(model.head, "forward", lambda *_: pytest.fail("the head was applied to every position"))
    assert loss(model, random_ids(2, 32)).isfinite()


def test_the_head_is_spared_the_padding(small: Small, random_ids: Draw, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = []
    operator = F.linear_cross_entropy

    def spy(hidden: Tensor, *args: Any, **options: Any) -> Tensor:
        rows.append(len(hidden))
        return operator(hidden, *args, **options)

    monkeypatch.setattr(F, "linear_cross_entropy", spy)
    model, ids = MiniGPT(small()), _half_padded(random_ids(2, 32))
    loss(model, ids)
    assert rows == [num_targets(ids, PAD)] == [15 + 31]


def test_without_the_operator_the_plain_loss_is_used_and_one_line_says_so(
    small: Small, random_ids: Draw, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delattr(F, "linear_cross_entropy")
    loss_module._say_plain.cache_clear()
    model, ids = MiniGPT(small(dropout=0.0)), random_ids(2, 8)
    for _ in range(2):
        assert torch.equal(loss(model, ids), plain_loss(model, ids))
    assert capsys.readouterr().err.count("plain loss") == 1


def test_the_first_loss_is_that_of_a_guess() -> None:
    torch.manual_seed(0)
    config = TrainConfig(n_layers=1)
    with torch.no_grad():
        value = loss(MiniGPT(config), torch.randint(0, 50_256, (2, 32)))
    assert float(value) == pytest.approx(math.log(50_257), abs=0.1)


@pytest.mark.parametrize("objective", [loss, plain_loss])
def test_one_batch_can_be_learnt_by_heart(small: Small, random_ids: Draw, objective: Objective) -> None:
    torch.manual_seed(0)
    model, ids = MiniGPT(small(dropout=0.0, embed_dim=32)), random_ids(2, 16)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2, fused=True)
    for _ in range(80):
        optimizer.zero_grad()
        value = objective(model, ids)
        value.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    assert float(value.detach()) < 0.1
