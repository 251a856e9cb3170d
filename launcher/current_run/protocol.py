"""`CurrentRun`: what every run has, whoever has started the script. Only type checkers import this module."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol


class CurrentRun(Protocol):
    """An attempt of an experiment, as the script sees it. `worker.run.Run` describes each member."""

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
        """Either "cpu" or "cuda"."""

    @property
    def outcome(self) -> Path:
        """The folder of the sweep, which all experiments share."""

    @property
    def was_stopped(self) -> bool:
        """Whether the script has read `should_stop` as True."""

    @property
    def should_save(self) -> bool:
        """Whether to save now."""

    @property
    def should_stop(self) -> bool:
        """Whether to stop now. If it is True, save and end."""

    def log(self, /, step: int, **metrics: Any) -> None:
        """Record the metrics of a step."""

    def total(self, steps: int) -> None:
        """Record how many steps to expect."""

    def info(self, **facts: Any) -> None:
        """Record facts about the whole experiment."""

    def save(self, state: Mapping[str, Any], step: int) -> None:
        """Write a checkpoint of everything that a resume needs."""

    def load(self) -> dict[str, Any] | None:
        """Return the state of the newest usable checkpoint; None if there is none."""
