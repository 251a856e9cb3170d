"""How often an experiment goes on by itself after its node was lost: that is no fault of the experiment."""

from __future__ import annotations

from collections import Counter

MOST = 3  # more often in one launch, and it is rather the cluster that cannot run it


class LostAttempts:
    """The attempts of a launch whose nodes were lost."""

    def __init__(self) -> None:
        self._num: Counter[str] = Counter()

    def may_go_on(self, experiment: str) -> bool:
        """Count a lost attempt. Return whether the experiment is started again, whatever `retries` says."""
        self._num[experiment] += 1
        return self._num[experiment] <= MOST
