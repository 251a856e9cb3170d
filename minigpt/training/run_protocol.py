"""What training asks of its caller: the protocol `Run`; and `PrintRun`, a small implementation that prints.

A launcher brings a `Run` of its own, with durable records and checkpoints. Training takes any `Run` and knows no
launcher.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

# Tensors, numbers, strings, and lists and dicts of them: torch.load reads all of these with weights_only=True.
State = dict[str, Any]


class Run(Protocol):
    """An attempt at an experiment, as training code sees it."""

    @property
    def name(self) -> str:
        """The name of the experiment. It can be a part of a file name."""

    @property
    def seed(self) -> int:
        """The seed of every generator."""

    @property
    def attempt(self) -> int:
        """The number of this attempt, from 1."""

    @property
    def device(self) -> str:
        """Either "cpu" or "cuda". The GPU with index 0 belongs to this run."""

    @property
    def outcome(self) -> Path:
        """The folder for files that are kept."""

    @property
    def should_save(self) -> bool:
        """Whether a checkpoint is due, because some time has passed or the run is to stop."""

    @property
    def should_stop(self) -> bool:
        """Whether training should return now, after saving."""

    def log(self, step: int, **metrics: float | str) -> None:
        """Record a step, counted from 1. A metric whose name ends in `_s` is a time, which differs from run to run."""

    def total(self, steps: int) -> None:
        """Say how many steps the whole training has."""

    def info(self, **facts: float | str) -> None:
        """Record facts that hold for the whole run."""

    def save(self, state: State, step: int) -> None:
        """Keep `state`, from which a later attempt resumes. Its tensors are live: they change after this returns."""

    def load(self) -> State | None:
        """Return the state that an earlier attempt saved last, or None if there is none."""


@dataclass(frozen=True, kw_only=True)
class PrintRun:
    """A run that prints its records. It keeps no checkpoint and never resumes."""

    name: str
    seed: int
    device: str
    outcome: Path
    attempt: int = 1
    should_save: bool = False
    should_stop: bool = False

    def log(self, step: int, **metrics: float | str) -> None:
        """Print a line about the step."""
        print(f"step {step}  {_words(metrics)}", flush=True)

    def total(self, steps: int) -> None:
        """Print the number of steps."""
        print(f"{self.name}: {steps} steps on {self.device}, seed {self.seed}", flush=True)

    def info(self, **facts: float | str) -> None:
        """Print the facts."""
        print(f"{self.name}: {_words(facts)}", flush=True)

    def save(self, state: State, step: int) -> None:
        """Keep nothing. It is never called, because `should_save` is False."""

    def load(self) -> State | None:
        """Return None: there is no earlier attempt."""
        return None


def _words(values: Mapping[str, float | str]) -> str:
    return "  ".join(
        f"{name} {value:.5g}" if isinstance(value, float) else f"{name} {value}" for name, value in values.items()
    )
