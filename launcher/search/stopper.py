"""The port of stoppers, which end experiments early. Every launch uses `NeverStop` today."""

from __future__ import annotations

from typing import Protocol


class Stopper(Protocol):
    """Judges running experiments by the first metric of the job."""

    def judge(self, experiment: str, step: int, value: float) -> str | None:
        """Return why an experiment is to save and end now, as in "its loss is 9.1 at step 20"; None: it goes on.

        `value` is the newest value of the metric, perhaps NaN, and `step` its step. A launch asks when it has read new
        records, which need not be at every step.
        """


class NeverStop:
    """Lets every experiment run to its end."""

    def judge(self, experiment: str, step: int, value: float) -> str | None:
        """Return None."""
        return None
