"""What a plot says in its corner."""

from __future__ import annotations

from dataclasses import replace

from launcher.reports.plots.as_of import as_of
from launcher.store.experiment_state import RUNNING, AttemptSpan, ExperimentState


def test_the_newest_record_is_told_and_how_many_run() -> None:
    waiting = ExperimentState(name="w")
    early = ExperimentState(name="a", last_s=5.0, spans=(AttemptSpan("a", 1, "cpu", 1_000_000.0),))
    late = replace(early, name="b", last_s=65.0, state=RUNNING)
    assert as_of([waiting]) == ""
    assert as_of([early, waiting]).startswith("as of 1970-01-12 ")
    assert as_of([early, late, waiting]) == f"{as_of([replace(late, state='done')])}, 1 of 3 running"
    assert as_of([late]).endswith(", running")


def test_an_odd_time_in_a_record_is_not_told() -> None:
    odd = ExperimentState(name="a", last_s=1e300, spans=(AttemptSpan("a", 1, "cpu", 0.0),))
    assert as_of([odd]) == ""
