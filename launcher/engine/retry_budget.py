"""How often each experiment may be tried again after a failure. One that was asked to stop is not tried again."""

from __future__ import annotations

from collections.abc import Iterable


class RetryBudget:
    """The retries that are left: `retries` for each experiment, and a free one where its device was the cause."""

    def __init__(self, experiments: Iterable[str], retries: int) -> None:
        self._retries = retries
        self._left: dict[str, int] = {}
        self._had_free_retry: set[str] = set()
        self._withdrawn: set[str] = set()
        for experiment in experiments:
            self.add(experiment)

    def add(self, experiment: str) -> None:
        """Take in an experiment."""
        assert experiment not in self._left, f"{experiment} is known already"
        self._left[experiment] = self._retries

    def withdraw(self, experiment: str) -> None:
        """Let an experiment have no retries: somebody has asked that it stop."""
        self._withdrawn.add(experiment)

    def readmit(self, experiment: str) -> None:
        """Let an experiment have its retries again."""
        self._withdrawn.discard(experiment)

    def is_withdrawn(self, experiment: str) -> bool:
        """Return whether an experiment was asked to stop."""
        return experiment in self._withdrawn

    def use(self, experiment: str) -> bool:
        """Return whether a retry was left, which is used now."""
        if self._left[experiment] <= 0 or experiment in self._withdrawn:
            return False
        self._left[experiment] -= 1
        return True

    def use_free(self, experiment: str) -> bool:
        """Return whether the free retry was left, which is used now."""
        if experiment in self._had_free_retry or experiment in self._withdrawn:
            return False
        self._had_free_retry.add(experiment)
        return True
