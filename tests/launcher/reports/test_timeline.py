"""Who ran where and when."""

from __future__ import annotations

from launcher.reports.timeline import idle_gaps, lanes, spans_of
from launcher.store.experiment_state import AttemptSpan, ExperimentState


def span(experiment: str, start_s: float, seconds: float = 1.0) -> AttemptSpan:
    return AttemptSpan(experiment, 1, "GPU 0", start_s, seconds)


def test_the_attempts_of_all_experiments_are_in_the_order_of_their_start() -> None:
    first, second, third = span("a", 0.0), span("b", 5.0), span("a", 9.0)
    states = [ExperimentState(name="a", spans=(first, third)), ExperimentState(name="b", spans=(second,))]
    assert spans_of(states) == [first, second, third]


def test_overlapping_attempts_on_a_device_get_lanes_and_long_pauses_are_gaps() -> None:
    spans = [span("a", 0.0, 10.0), span("b", 5.0, 10.0), span("c", 10.0, 3.0)]
    assert [[attempt.experiment for attempt in lane] for lane in lanes(spans)["GPU 0"]] == [["a", "c"], ["b"]]
    assert idle_gaps([*spans, span("d", 1000.0)]) == [(15.0, 1000.0)]
