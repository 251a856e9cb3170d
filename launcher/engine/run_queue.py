"""The experiments that wait, in the order in which they are to start."""

from __future__ import annotations

import bisect
from collections import deque
from collections.abc import Iterable, Iterator
from itertools import islice


class RunQueue:
    """A queue in which each experiment has a rank. An experiment that is put back gets its old place again."""

    def __init__(self, experiments: Iterable[str]) -> None:
        self._waiting: deque[str] = deque()  # in order of rank
        self._rank: dict[str, int] = {}
        self._num_ranks = 0  # given so far: the next rank
        for experiment in experiments:
            self.append(experiment)

    def __len__(self) -> int:
        return len(self._waiting)

    def __iter__(self) -> Iterator[str]:
        """Iterate over the experiments in their order."""
        return iter(self._waiting)

    def append(self, experiment: str) -> None:
        """Add an experiment behind all others."""
        self._rank[experiment] = self._num_ranks
        self._num_ranks += 1
        self._waiting.append(experiment)

    def put_back(self, experiment: str) -> None:
        """Add an experiment that was taken out, at its former place."""
        bisect.insort(self._waiting, experiment, key=self._rank.__getitem__)

    def remove(self, experiment: str) -> None:
        """Take an experiment out."""
        self._waiting.remove(experiment)

    def first(self, num: int) -> Iterator[str]:
        """Iterate over the first `num` experiments."""
        return islice(self._waiting, num)
