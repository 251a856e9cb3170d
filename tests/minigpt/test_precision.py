"""Lower precision and compilation: what they may change of a loss and its gradients, and what is refused."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor
from torch.profiler import ProfilerActivity, profile

from minigpt.config import TrainConfig
from minigpt.device import set_precision
from minigpt.errors import ConfigError
from minigpt.half import HeadLoss
from minigpt.loss import LOGITS_BYTES, MIN_ROWS, loss, plain_loss, rows_at_once
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
            value = loss(model, ids)
            value.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
        last[precision] = float(value.detach())
        assert model.head.weight.dtype == torch.float32
    assert last["fp32"] < 3.2
    assert last["bf16"] == pytest.approx(last["fp32"], rel=0.03), "and the gap of a steep descent closes"


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


@pytest.mark.parametrize(("objective", "precision"), [(loss, "fp32"), (loss, "bf16"), (plain_loss, "fp32")])
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
    fused, plain = loss(model, ids), plain_loss(model, ids)
    torch.testing.assert_close(fused, plain, rtol=1e-12, atol=0)
    for mine, reference in zip(torch.autograd.grad(fused, weights), torch.autograd.grad(plain, weights), strict=True):
        assert (mine - reference).norm() <= 1e-6 * reference.norm()


def test_what_cannot_be_is_refused(small: Small) -> None:
    with pytest.raises(ConfigError, match="written for the fused loss"):
        small(precision="bf16", loss="plain")
    with pytest.raises(ConfigError, match="cuda_graph is a mode of compile"):
        small(cuda_graph=True)
    with pytest.raises(ConfigError, match="compile must be true or false"):
        small(compile=1)
    with pytest.raises(ConfigError, match="a mode of NVIDIA GPUs"):
        set_precision("tf32", "cpu")
