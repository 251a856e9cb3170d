"""Proposes the experiments of a sweep. `FixedSearcher` proposes those that a job file lists."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from launcher.store.ending import EndingKind


@dataclass(frozen=True)
class Proposal:
    """An experiment to run: its name, and its overrides of the shared configuration."""

    name: str
    overrides: Mapping[str, Any]


@dataclass(frozen=True)
class Result:
    """What came out of an experiment that is not tried again."""

    name: str
    ending: EndingKind
    best: float | None = None  # of the first metric of the job, over all steps; None if it has no finite value


class Searcher(Protocol):
    """Proposes experiments. A launch asks at its start, and again each time after it has told a result.

    Example of a searcher that tries a rate, and half of it if the first has failed: `ask` returns one proposal at the
    start, and after `tell` of a failure another.
    """

    def ask(self) -> Sequence[Proposal]:
        """Return the experiments to add now, none of them twice; empty if there are none for now."""

    def tell(self, result: Result) -> None:
        """Take in what came out of an experiment."""


class FixedSearcher:
    """Proposes a fixed set of experiments, once."""

    def __init__(self, experiments: Mapping[str, Mapping[str, Any]]) -> None:
        self._left = [Proposal(name, overrides) for name, overrides in experiments.items()]

    def ask(self) -> Sequence[Proposal]:
        """Return all experiments the first time, and none later."""
        asked, self._left = self._left, []
        return asked

    def tell(self, result: Result) -> None:
        """Do nothing: the set is fixed."""
