"""What training asks of whoever runs it, and the smallest thing that answers: a run that prints.

Lives here: the protocol `Run` and `PrintRun`. A launcher brings its own, with durable records and
checkpoints; nothing here knows of one. Called by `minigpt.train`, which is handed a `Run` and never asks
which.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

# Tensors, numbers, strings, and lists and dicts of them: what torch.load reads with weights_only.
State = dict[str, Any]


class Run(Protocol):
    """One attempt at one experiment, as the training code sees it."""

    @property
    def name(self) -> str:
        """The experiment: a part of file names."""

    @property
    def seed(self) -> int:
        """Where every generator starts."""

    @property
    def attempt(self) -> int:
        """Which attempt this is, from 1."""

    @property
    def device(self) -> str:
        """Either "cuda", whose index 0 is this run's own GPU, or "cpu"."""

    @property
    def outcome(self) -> Path:
        """The folder for what is kept."""

    @property
    def should_save(self) -> bool:
        """Whether a checkpoint is due: the interval elapsed, or a stop was asked for."""

    @property
    def should_stop(self) -> bool:
        """Whether to return now, after saving."""

    def log(self, step: int, **metrics: float | str) -> None:
        """Record one step, counted from 1. A name that ends in `_s` is a time and differs from run to run."""

    def total(self, steps: int) -> None:
        """Say how many steps to expect."""

    def info(self, **facts: float | str) -> None:
        """Record facts that hold for the whole run."""

    def save(self, state: State, step: int) -> None:
        """Keep everything a resume needs. The tensors are live: they change once this returns."""

    def load(self) -> State | None:
        """Return what an earlier attempt saved last, or None at the first."""


@dataclass(frozen=True, kw_only=True)
class PrintRun:
    """A run that prints its records and keeps no checkpoint: never asks for one, never resumes."""

    name: str
    seed: int
    device: str
    outcome: Path
    attempt: int = 1
    should_save: bool = False
    should_stop: bool = False

    def log(self, step: int, **metrics: float | str) -> None:
        """Print one line."""
        print(f"step {step}  {_words(metrics)}", flush=True)

    def total(self, steps: int) -> None:
        """Print the number of steps."""
        print(f"{self.name}: {steps} steps on {self.device}, seed {self.seed}", flush=True)

    def info(self, **facts: float | str) -> None:
        """Print the facts."""
        print(f"{self.name}: {_words(facts)}", flush=True)

    def save(self, state: State, step: int) -> None:
        """Keep nothing: `should_save` never asks for it."""

    def load(self) -> State | None:
        """Return None: there is no earlier attempt."""
        return None


def _words(values: Mapping[str, float | str]) -> str:
    return "  ".join(
        f"{name} {value:.5g}" if isinstance(value, float) else f"{name} {value}" for name, value in values.items()
    )
