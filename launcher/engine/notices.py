"""Finds what the user should be told of the records of a running experiment: NaN, or a checkpoint passed over.

The follower passes on every record. A few numbers are kept for each metric, however long the experiment is.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from launcher.store.history import History, numbers
from launcher.store.records import Record


@dataclass
class _Streak:
    """The values of one metric that are not finite."""

    num_bad: int = 0
    first: int = 0  # the step of the first bad value
    since: int | None = None  # the first step of the bad values at the end; None: the newest value is finite
    word: str = ""  # the first bad value: nan, inf or -inf
    is_told: bool = False

    def add(self, step: int, value: float) -> bool:
        """Add the next value. Return whether it is not finite."""
        if math.isfinite(value):
            self.since = None
            return False
        if not self.num_bad:
            self.first, self.word = step, str(value)
        self.num_bad += 1
        if self.since is None:
            self.since = step
        return True

    def __str__(self) -> str:
        if self.since is not None:
            return f"{self.word} from step {self.since} on"
        return (
            f"{self.word} at step {self.first}"
            if self.num_bad == 1
            else (f"not finite at {self.num_bad} steps, first at step {self.first} ({self.word})")
        )


class Notices:
    """Watches the records of one attempt. Each notice comes once an attempt."""

    def __init__(self, metrics: Sequence[str], *, is_stopped: bool) -> None:
        self._metrics = metrics  # of which there are plots
        self._is_stopped = is_stopped  # NaN in the first metric ends the experiment, and its ending says so
        self._streaks = {metric: _Streak() for metric in metrics}
        self._resumed_from = 0
        self._earlier: dict[str, dict[int, float]] = {}  # values of earlier attempts, until this attempt has a step

    def begin(self, history: History) -> None:
        """Take what earlier attempts have recorded: a history with its metrics."""
        self._earlier = {metric: numbers(history, metric) for metric in self._metrics}

    def look(self, records: Iterable[Record]) -> list[str]:
        """Take the next records. Return what the user should be told about them."""
        texts = []
        for record in records:
            if "kind" not in record:
                if self._earlier:
                    self._replay(record["step"])
                for metric in self._metrics:
                    value = record.get(metric)
                    if type(value) is float and self._streaks[metric].add(record["step"], value):
                        texts += self._tell(metric)
            elif record["kind"] == "resume":
                self._resumed_from = record["step"]
            elif record["kind"] == "passed_over":
                texts.append(_passed_over(record))
        return texts

    @property
    def verdict(self) -> str:
        """What the user must know of an experiment that is done; empty if all its metrics were finite."""
        by_words: dict[str, list[str]] = {}
        for metric, streak in self._streaks.items():
            if streak.num_bad:
                by_words.setdefault(str(streak), []).append(metric)
        return "; ".join(
            f"{' and '.join(names)} {'was' if len(names) == 1 else 'were'} {words}" for words, names in by_words.items()
        )

    def _replay(self, first: int) -> None:
        """Count the values of earlier attempts that stay, now that the first step of this attempt is known."""
        first = max(first, self._resumed_from + 1)
        for metric, values in self._earlier.items():
            for step, value in values.items():
                if step < first:
                    self._streaks[metric].add(step, value)
        self._earlier = {}

    def _tell(self, metric: str) -> list[str]:
        streak = self._streaks[metric]
        is_first = metric == self._metrics[0]
        if streak.is_told or (is_first and self._is_stopped):
            return []
        streak.is_told = True
        hint = ' (on_nan = "stop" ends it)' if is_first else ""
        return [f"{metric} is {streak.word} since step {streak.since}; training goes on{hint}"]


def _passed_over(record: Record) -> str:
    num, step = record.get("num"), record.get("step")
    which = f"its checkpoint {record.get('checkpoint')} was" if num == 1 else f"its {num} newest checkpoints were"
    goes_on = "it begins anew" if step is None else f"it goes on from step {step}"
    return f"{which} passed over ({record.get('why')}); {goes_on}"
