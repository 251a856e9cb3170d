"""Says when a running experiment is not worth going on. `NeverStop` lets every experiment run to its end."""

from __future__ import annotations

from typing import Protocol


class Stopper(Protocol):
    """Judges running experiments by the first metric of the job."""

    def judge(self, experiment: str, step: int, value: float) -> str | None:
        """Return why an experiment is to save and end now; None to let it go on.

        `step` is its newest step with the metric and `value` the metric there, perhaps NaN. A launch asks each time
        that it has read new records, so not at every step.
        """


class NeverStop:
    """Lets every experiment run to its end."""

    def judge(self, experiment: str, step: int, value: float) -> str | None:
        """Return None."""
        return None
