"""The state of a training: which examples are left of an epoch, and everything comes back from a checkpoint."""

from __future__ import annotations

import io
from collections.abc import Callable

import pytest
import torch
from torch.optim import AdamW

from minigpt.config import TrainConfig
from minigpt.loss import fused_loss
from minigpt.model import MiniGPT
from minigpt.training.state import TrainState

Small = Callable[..., TrainConfig]


@pytest.fixture
def make_state(small: Small) -> Callable[[int], TrainState]:
    """Make a state whose weights and order of examples follow from a seed."""

    def make(seed: int) -> TrainState:
        torch.manual_seed(seed)
        model = MiniGPT(small(dropout=0.5))
        epoch_start = torch.Generator().manual_seed(seed).get_state()
        return TrainState(model=model, optimizer=AdamW(model.parameters()), epoch_start=epoch_start)

    return make


def _train(state: TrainState, ids: torch.Tensor) -> float:
    loss = fused_loss(state.model, ids)
    state.optimizer.zero_grad()
    loss.backward()  # type: ignore[no-untyped-call]
    state.optimizer.step()
    return float(loss.detach())


def test_what_is_left_of_an_epoch_is_the_rest_of_its_order(make_state: Callable[[int], TrainState]) -> None:
    state = make_state(0)
    order = state.remaining_order(10)
    assert sorted(order) == list(range(10))
    state.position = 4
    assert state.remaining_order(10) == order[4:]
    state.position = 10
    assert state.remaining_order(10) == []


def test_each_epoch_has_an_order_of_its_own_that_follows_from_the_seed(make_state: Callable[[int], TrainState]) -> None:
    state, same, other = make_state(0), make_state(0), make_state(1)
    first = state.remaining_order(10)
    assert first == same.remaining_order(10) != other.remaining_order(10)
    state.position = 10
    state.end_epoch(10)
    same.end_epoch(10)
    assert (state.epoch, state.position) == (1, 0)
    assert state.remaining_order(10) == same.remaining_order(10) != first


def test_a_state_goes_on_from_a_checkpoint_as_if_nothing_had_happened(
    make_state: Callable[[int], TrainState], random_ids: Callable[..., torch.Tensor]
) -> None:
    ids, before = random_ids(2, 16), make_state(0)
    _train(before, ids)
    before.step, before.position, before.tokens, before.elapsed_s = 1, 2, 30, 0.5
    checkpoint = io.BytesIO()
    torch.save(before.state_dict(), checkpoint)
    checkpoint.seek(0)
    expected = _train(before, ids)  # with dropout, whose masks come from the global generator

    after = make_state(1)
    after.load_state_dict(torch.load(checkpoint, weights_only=True))
    assert (after.step, after.position, after.tokens, after.elapsed_s) == (1, 2, 30, 0.5)
    assert _train(after, ids) == expected
    assert after.remaining_order(10) == before.remaining_order(10)
    for weight, same in zip(after.model.parameters(), before.model.parameters(), strict=True):
        assert torch.equal(weight, same)


def test_the_names_in_a_checkpoint_stay_what_they_are(make_state: Callable[[int], TrainState]) -> None:
    """A checkpoint of an earlier version must still be read: these names are a file format."""
    names = {"epoch", "position", "step", "tokens", "elapsed_s", "model", "optimizer", "epoch_start", "rng_cpu"}
    assert make_state(0).state_dict().keys() == names
