"""Everything that changes while an experiment trains, as an object that can be saved and restored.

A resumed run goes on bit for bit. Besides model and optimizer it needs the generator that draws the dropout masks, the
state that the shuffle generator had when the epoch began, and how far into that epoch training is.

The caller decides when a checkpoint is saved and where it is kept: `minigpt.training.run_protocol.Run`.
"""

from dataclasses import dataclass

import torch
from torch.optim import AdamW

from minigpt.data.loader import shuffled
from minigpt.model import MiniGPT
from minigpt.training.run_protocol import State

_COUNTERS = ("epoch", "position", "step", "tokens", "elapsed_s")  # the names stand in checkpoints


@dataclass(kw_only=True)
class TrainState:
    """The state of an experiment under way."""

    model: MiniGPT
    optimizer: AdamW
    epoch_start: torch.Tensor  # the shuffle generator's state when this epoch began
    epoch: int = 0
    position: int = 0  # examples of this epoch that were trained on
    step: int = 0
    tokens: int = 0  # targets that were trained on, in all epochs
    elapsed_s: float = 0.0  # in all attempts

    def remaining_order(self, num_examples: int) -> list[int]:
        """Return the examples that are left of this epoch, in their order."""
        order, _ = self._draw(num_examples)
        return order[self.position :]

    def end_epoch(self, num_examples: int) -> None:
        """Go on to the next epoch, which has another order."""
        _, self.epoch_start = self._draw(num_examples)
        self.epoch += 1
        self.position = 0

    def state_dict(self) -> State:
        """Return the state as tensors, numbers, strings, lists and dicts. The tensors are the live ones, not copies."""
        state: State = {name: getattr(self, name) for name in _COUNTERS}
        state["model"] = self.model.state_dict()
        state["optimizer"] = self.optimizer.state_dict()
        state["epoch_start"] = self.epoch_start
        state["rng_cpu"] = torch.get_rng_state()
        if self.model.head.weight.is_cuda:
            state["rng_cuda"] = torch.cuda.get_rng_state()
        return state

    def load_state_dict(self, state: State) -> None:
        """Take over the state that `state_dict` returned."""
        for name in _COUNTERS:
            setattr(self, name, state[name])
        self.model.load_state_dict(state["model"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.epoch_start = state["epoch_start"]
        torch.set_rng_state(state["rng_cpu"])
        if "rng_cuda" in state:
            torch.cuda.set_rng_state(state["rng_cuda"])

    def _draw(self, num_examples: int) -> tuple[list[int], torch.Tensor]:
        """Return the order of this epoch, and the generator's state after it was drawn."""
        generator = torch.Generator()
        generator.set_state(self.epoch_start)
        return shuffled(num_examples, generator), generator.get_state()
