"""The table of the experiments of a launch: the decision about each, its running attempt, and its ending."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from launcher.engine.attempt import Attempt
from launcher.engine.classify_ending import Ending
from launcher.planning.decision import Decision
from launcher.planning.estimate import DurationEstimate


@dataclass
class Entry:
    """One experiment of a launch."""

    decision: Decision  # about the attempt that runs, or ran last; before the first attempt about that
    ending: Ending | None = None  # of the newest attempt of this launch; None while it runs, and before the first

    @property
    def name(self) -> str:
        """The experiment's name."""
        return self.decision.experiment.name


class Experiments:
    """Every experiment that a launch runs, in the order in which they are started.

    `known` has their duration estimates, and those of finished experiments that calibrate them. The table can grow.
    """

    def __init__(self, decisions: Iterable[Decision], order: Sequence[str], known: dict[str, DurationEstimate]) -> None:
        entries = {decision.experiment.name: Entry(decision) for decision in decisions}
        self._listed = list(entries)  # in the order of the job
        self._entries = {name: entries[name] for name in order}
        self.known = known
        self.running: dict[str, Attempt] = {}  # in the order of their start

    def add(self, decision: Decision) -> None:
        """Add an experiment; it is the last to be started."""
        name = decision.experiment.name
        assert name not in self._entries, f"{name} is in the table already"
        self._listed.append(name)
        self._entries[name] = Entry(decision)
        self.known[name] = decision.duration

    def __getitem__(self, name: str) -> Entry:
        return self._entries[name]

    def __contains__(self, name: object) -> bool:
        return name in self._entries

    def __iter__(self) -> Iterator[Entry]:
        """Iterate over the entries in the order of their start."""
        return iter(self._entries.values())

    def __len__(self) -> int:
        return len(self._entries)

    @property
    def names(self) -> list[str]:
        """The names, in the order of their start."""
        return list(self._entries)

    @property
    def endings(self) -> dict[str, Ending]:
        """How the newest attempt of each experiment ended, in the order of the job."""
        found = ((name, self._entries[name].ending) for name in self._listed)
        return {name: ending for name, ending in found if ending is not None}

    @property
    def not_ended(self) -> list[str]:
        """The experiments that no attempt of this launch has brought to an end, in the order of the job."""
        return [name for name in self._listed if self._entries[name].ending is None]
