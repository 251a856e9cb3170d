"""The port of searchers, which propose experiments. `FixedSearcher` proposes the experiments of a job file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from launcher.store.ending import EndingKind


@dataclass(frozen=True)
class Proposal:
    """An experiment to run: its name, and the keys of the shared configuration that it overrides."""

    name: str
    overrides: Mapping[str, Any]


@dataclass(frozen=True)
class Result:
    """What came out of an experiment that the launch does not try again by itself."""

    name: str
    ending: EndingKind
    best: float | None = None  # of the first metric of the job, over all steps; None if it has no finite value


class Searcher(Protocol):
    """Proposes experiments. A launch asks at its start, and again after each result.

    Example: a searcher tries a learning rate, and half of the rate if the first diverges. Its `ask` returns one
    proposal at the start. When `tell` has brought a result that diverged, the next `ask` returns another proposal.
    """

    def ask(self) -> Sequence[Proposal]:
        """Return the experiments to add now; an empty sequence if there are none now. A name is proposed once."""

    def tell(self, result: Result) -> None:
        """Take in a result. An experiment that the user has tried again brings one more."""


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
