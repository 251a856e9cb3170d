"""Everything that changes while an experiment trains, as one object that can be saved and put back.

Lives here: the training state and its two directions. When to save, and where to, is the affair of
`minigpt.contract.Run`; the loop is `minigpt.train`, the only caller.

A resumed run goes on bit for bit. For that it needs, besides model and optimizer: the generator behind the
dropout masks, the generator behind the shuffle as it stood when the epoch began, and how far into that epoch
training is.
"""

from dataclasses import dataclass

import torch
from torch.optim import AdamW

from minigpt.contract import State
from minigpt.data import shuffled
from minigpt.model import MiniGPT

_COUNTERS = ("epoch", "position", "step", "tokens", "elapsed_s")


@dataclass(kw_only=True)
class Training:
    """One experiment under way."""

    model: MiniGPT
    optimizer: AdamW
    epoch_start: torch.Tensor  # the shuffle generator's state when this epoch began
    epoch: int = 0
    position: int = 0  # examples of this epoch already trained on
    step: int = 0
    tokens: int = 0  # valid targets trained on, all epochs
    elapsed_s: float = 0.0  # all attempts

    def remaining_order(self, num_examples: int) -> list[int]:
        """Return the examples still to come in this epoch."""
        order, _ = self._draw(num_examples)
        return order[self.position :]

    def end_epoch(self, num_examples: int) -> None:
        """Move on to the next epoch and its order."""
        _, self.epoch_start = self._draw(num_examples)
        self.epoch += 1
        self.position = 0

    def state(self) -> State:
        """Return tensors, numbers, strings, lists and dicts; the tensors are the live ones, not copies."""
        state: State = {name: getattr(self, name) for name in _COUNTERS}
        state["model"] = self.model.state_dict()
        state["optimizer"] = self.optimizer.state_dict()
        state["epoch_start"] = self.epoch_start
        state["rng_cpu"] = torch.get_rng_state()
        if self.model.head.weight.is_cuda:
            state["rng_cuda"] = torch.cuda.get_rng_state()
        return state

    def restore(self, state: State) -> None:
        """Become what `state` was made from."""
        for name in _COUNTERS:
            setattr(self, name, state[name])
        self.model.load_state_dict(state["model"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.epoch_start = state["epoch_start"]
        torch.set_rng_state(state["rng_cpu"])
        if "rng_cuda" in state:
            torch.cuda.set_rng_state(state["rng_cuda"])

    def _draw(self, num_examples: int) -> tuple[list[int], torch.Tensor]:
        """Return this epoch's order and the generator's state after it."""
        generator = torch.Generator()
        generator.set_state(self.epoch_start)
        return shuffled(num_examples, generator), generator.get_state()
