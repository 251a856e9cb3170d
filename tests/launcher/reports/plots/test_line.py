"""The curve of an experiment as it is drawn."""

from __future__ import annotations

import math

import numpy as np

from launcher.reports.plots.line import Line
from launcher.store.curve import Curve
from launcher.store.ending import EndingKind
from launcher.store.experiment_state import ExperimentState
from launcher.store.step_scale import StepScale
from tests.launcher.reports.plots.states import line


def test_a_line_has_gaps_where_a_value_cannot_be_drawn() -> None:
    drawn = line(values=[3, math.nan, 1e300, -math.inf, 2])
    assert np.isnan(drawn.values).tolist() == [False, True, True, True, False]
    assert drawn.steps.tolist() == [1, 2, 3, 4, 5]
    assert drawn.along("tokens", drawn.steps).tolist() == [100, 200, 300, 400, 500]


def test_a_line_has_no_tokens_if_one_of_its_steps_has_none() -> None:
    state = ExperimentState(name="a", tokens=StepScale([1], [5.0]))
    drawn = Line.of(state, Curve([1, 2], [1.0, 2.0]))
    assert [x for x in ("step", "tokens", "time", "share") if drawn.knows(x)] == ["step"]


def test_the_end_of_a_line_is_its_last_number() -> None:
    assert line(values=[3.0, 1.0, math.nan]).end == (2.0, 1.0)
    assert line(values=[math.nan]).end is None


def test_a_line_is_broken_if_it_failed_or_is_no_number_any_more() -> None:
    assert not line().is_broken
    assert line(ending=EndingKind.FAILED).is_broken
    assert line(values=[1.0, math.nan]).is_broken
    assert line(values=[1.0, math.nan]).may_win
    assert not line(ending=EndingKind.DIVERGED).may_win
