"""The loss: the fused form equals the textbook's, padding counts for nothing, and it can be driven to zero."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor
from torch.profiler import ProfilerActivity, profile

from minigpt import loss as loss_module
from minigpt.config import TrainConfig
from minigpt.loss import LOGITS_BYTES, MIN_ROWS, fused_loss, num_targets, perplexity, plain_loss, rows_at_once
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
    fused, fused_gradients = _value_and_gradients(fused_loss, model, ids)
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


@pytest.mark.parametrize("objective", [fused_loss, plain_loss])
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
    assert fused_loss(model, random_ids(2, 32)).isfinite()


def test_the_head_is_spared_the_padding(small: Small, random_ids: Draw, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = []
    operator = F.linear_cross_entropy

    def spy(hidden: Tensor, *args: Any, **options: Any) -> Tensor:
        rows.append(len(hidden))
        return operator(hidden, *args, **options)

    monkeypatch.setattr(F, "linear_cross_entropy", spy)
    model, ids = MiniGPT(small()), _half_padded(random_ids(2, 32))
    fused_loss(model, ids)
    assert rows == [num_targets(ids, PAD)] == [15 + 31]


def test_without_the_operator_the_plain_loss_is_used_and_one_line_says_so(
    small: Small, random_ids: Draw, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delattr(F, "linear_cross_entropy")
    loss_module._warn_plain.cache_clear()
    model, ids = MiniGPT(small(dropout=0.0)), random_ids(2, 8)
    for _ in range(2):
        assert torch.equal(fused_loss(model, ids), plain_loss(model, ids))
    assert capsys.readouterr().err.count("plain loss") == 1


def test_the_first_loss_is_that_of_a_guess() -> None:
    torch.manual_seed(0)
    config = TrainConfig(n_layers=1)
    with torch.no_grad():
        value = fused_loss(MiniGPT(config), torch.randint(0, 50_256, (2, 32)))
    assert float(value) == pytest.approx(math.log(50_257), abs=0.1)


@pytest.mark.parametrize("objective", [fused_loss, plain_loss])
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


@pytest.mark.parametrize("vocabulary", [2, 50, 1_000, 50_257, 250_000, 10_000_000])
@pytest.mark.parametrize("device", ["cpu", "cuda"])
@pytest.mark.parametrize(("precision", "bytes_each"), [("fp32", 4), ("bf16", 2)])
def test_rows_of_logits_fit_their_memory_and_never_run_out(
    small: Small, vocabulary: int, device: str, precision: str, bytes_each: int
) -> None:
    config = small(vocab_size=vocabulary, pad_token_id=vocabulary - 1, precision=precision)
    rows = rows_at_once(config, device)
    assert rows >= MIN_ROWS
    assert rows & (rows - 1) == 0, "a power of two"
    if rows > MIN_ROWS:
        assert 0.5 * LOGITS_BYTES[device] < bytes_each * rows * vocabulary <= LOGITS_BYTES[device]


def test_the_report_has_128_rows_at_a_time() -> None:
    assert rows_at_once(TrainConfig(), "cpu") == 128


@pytest.mark.parametrize(("objective", "precision"), [(fused_loss, "fp32"), (fused_loss, "bf16"), (plain_loss, "fp32")])
def test_only_the_plain_loss_has_a_buffer_of_all_logits(
    small: Small, random_ids: Draw, objective: Callable[[MiniGPT, Tensor], Tensor], precision: str
) -> None:
    config = small(vocab_size=60_000, pad_token_id=59_999, precision=precision)
    model, ids = MiniGPT(config), random_ids(20, 32)
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as allocations:
        objective(model, ids).backward()  # type: ignore[no-untyped-call]
    largest = max(event.self_cpu_memory_usage for event in allocations.events())
    if objective is plain_loss:
        assert largest >= ids[:, 1:].numel() * config.vocab_size * 4
    else:
        bytes_each = 2 if precision == "bf16" else 4
        assert 1.0 <= largest / (rows_at_once(config, "cpu") * config.vocab_size * bytes_each) <= 1.1


@pytest.mark.parametrize(("vocabulary", "batch"), [(20, 2), (500, 4), (3_000, 3), (50, 16)])
def test_fused_is_plain_for_other_vocabularies_and_batches(
    small: Small, vocabulary: int, batch: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(LOGITS_BYTES, "cpu", 80_000)
    torch.manual_seed(0)
    model = MiniGPT(small(vocab_size=vocabulary, pad_token_id=vocabulary - 1, dropout=0.0)).double()
    ids = torch.randint(0, vocabulary, (batch, 32))
    weights = list(model.parameters())
    fused, plain = fused_loss(model, ids), plain_loss(model, ids)
    torch.testing.assert_close(fused, plain, rtol=1e-12, atol=0)
    for mine, reference in zip(torch.autograd.grad(fused, weights), torch.autograd.grad(plain, weights), strict=True):
        assert (mine - reference).norm() <= 1e-6 * reference.norm()


def test_perplexity_overflows_to_infinity_and_keeps_nan() -> None:
    assert perplexity(1000.0) == math.inf
    assert math.isnan(perplexity(math.nan))
    assert perplexity(0.0) == 1.0
