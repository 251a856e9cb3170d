"""How often an experiment goes on by itself after its node was lost, or its job was ended by the cluster.

That is no fault of the experiment. Where it gets no further, rather the cluster cannot run it.
"""

from __future__ import annotations

from collections import Counter

MOST = 3  # without a step that no attempt had recorded before


class LostAttempts:
    """The attempts of a launch that the cluster has ended."""

    def __init__(self) -> None:
        self._num: Counter[str] = Counter()
        self._furthest: dict[str, int] = {}

    def may_go_on(self, experiment: str, last_step: int) -> bool:
        """Count a lost attempt. Return whether the experiment is started again, whatever `retries` says.

        `last_step`: the largest that it has recorded.
        """
        if last_step > self._furthest.get(experiment, 0):
            self._furthest[experiment], self._num[experiment] = last_step, 0
        self._num[experiment] += 1
        return self._num[experiment] <= MOST
