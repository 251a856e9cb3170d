"""What a person is told of the records of a running experiment, and what stays to be known when it is done."""

from __future__ import annotations

import math
from typing import Any

import pytest

from launcher.engine.notices import Notices
from launcher.store.record_summary import RecordSummary
from launcher.store.records import Record

NAN, INF = math.nan, math.inf


class Watched:
    """Notices of a metric or more, and the summary of the records that they have seen."""

    def __init__(self, *metrics: str, is_stopped: bool = False) -> None:
        self.notices = Notices(metrics or ("loss",), is_stopped=is_stopped)
        self.summary = RecordSummary()

    def look(self, records: list[Record]) -> list[str]:
        self.add(records)
        return self.notices.look(records, self.summary)

    def add(self, records: list[Record]) -> None:
        self.summary.add_all({"at_s": 0.0} | record for record in records)

    @property
    def verdict(self) -> str:
        return self.notices.verdict(self.summary)


def steps(*losses: float, first: int = 1, **more: Any) -> list[Record]:
    return [{"attempt": 1, "step": step, "loss": loss} | more for step, loss in enumerate(losses, first)]


def test_finite_values_say_nothing() -> None:
    made = Watched()
    assert made.look(steps(0.5, 0.4, 1e300)) == []
    assert made.verdict == ""


def test_a_value_that_is_not_finite_is_told_once_an_attempt() -> None:
    made = Watched()
    assert made.look(steps(0.5, NAN)) == ['loss is nan since step 2; training goes on (on_nan = "stop" ends it)']
    assert made.look(steps(NAN, 0.3, INF, first=3)) == []


def test_the_first_metric_is_not_told_where_it_ends_the_experiment() -> None:
    made = Watched("loss", "norm", is_stopped=True)
    assert made.look(steps(NAN, norm=-INF)) == ["norm is -inf since step 1; training goes on"]


@pytest.mark.parametrize(
    ("losses", "verdict"),
    [
        ((0.5, NAN, NAN), "loss was nan from step 2 on"),
        ((0.5, NAN, 0.4), "loss was nan at step 2"),
        ((INF, 0.5, NAN, 0.4), "loss was not finite at 2 steps, first at step 1 (inf)"),
        ((INF, 0.5, NAN, NAN), "loss was nan from step 3 on"),
    ],
)
def test_the_verdict_says_when_it_was_not_finite(losses: tuple[float, ...], verdict: str) -> None:
    made = Watched()
    made.look(steps(*losses))
    assert made.verdict == verdict


def test_metrics_with_the_same_fate_share_a_sentence() -> None:
    made = Watched("loss", "norm", "rate")
    made.look(steps(NAN, norm=NAN, rate=0.1))
    assert made.verdict == "loss and norm were nan from step 1 on"


def test_earlier_attempts_count_up_to_the_step_from_which_the_new_one_goes_on() -> None:
    made = Watched()
    made.add(steps(NAN, 0.5, NAN, NAN))
    made.look([{"attempt": 2, "kind": "resume", "step": 2}])
    assert made.look(steps(0.4, 0.3, first=3, attempt=2)) == []
    assert made.verdict == "loss was nan at step 1", "steps 3 and 4 were trained again"


@pytest.mark.parametrize(
    ("record", "text"),
    [
        ({"num": 1, "checkpoint": 40, "why": "it is cut short", "step": 20},
         "its checkpoint 40 was passed over (it is cut short); it goes on from step 20"),
        ({"num": 2, "checkpoint": 40, "why": "it is cut short", "step": None},
         "its 2 newest checkpoints were passed over (it is cut short); it begins anew"),
    ],
)  # fmt: skip
def test_a_checkpoint_that_was_passed_over_is_told(record: Record, text: str) -> None:
    assert Watched().look([{"attempt": 1, "kind": "passed_over"} | record]) == [text]
