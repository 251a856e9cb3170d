"""What a plot says small in its corner: of when its newest record is, and how many experiments are running. Pure.

The clock is not asked: the same records give the same plot, to the byte.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterable

from launcher.store.experiment_state import RUNNING, ExperimentState


def as_of(experiments: Iterable[ExperimentState]) -> str:
    """Return `as of 2026-01-31 09:30:00, 3 of 24 running`, in local time. Empty if there is no record."""
    states = list(experiments)
    newest_s = max((state.spans[-1].start_s + state.last_s for state in states if state.spans), default=None)
    num_running = sum(state.state == RUNNING for state in states)
    parts = []
    if newest_s is not None and 0 < newest_s < 1e11:  # the year 5138: a record may hold anything
        parts.append(f"as of {datetime.datetime.fromtimestamp(newest_s).strftime('%Y-%m-%d %H:%M:%S')}")
    if num_running:
        parts.append("running" if len(states) == 1 else f"{num_running} of {len(states):,} running")
    return ", ".join(parts)
