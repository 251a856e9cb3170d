"""Which curves stand out."""

from __future__ import annotations

from launcher.reports.html.highlights import Highlights
from launcher.store.curve import Curve
from launcher.store.ending import EndingKind
from launcher.store.experiment_state import ExperimentState


def state(index: int, value: float | None, ending: EndingKind = EndingKind.DONE) -> ExperimentState:
    curves = {} if value is None else {"loss": Curve((1, 2), (900.0, value))}
    overrides = {"lr": index} if index else {}
    return ExperimentState(
        name=f"e{index}", index=index, overrides=overrides, state=ending, ending=ending, curves=curves
    )


def test_up_to_a_dozen_experiments_all_have_a_colour() -> None:
    found = Highlights.of([state(index, 5.0 - index) for index in range(3)], "loss")
    assert found.colours == [0, 1, 2]
    assert found.order == [2, 1, 0], "the best first"


def test_of_many_the_best_few_and_the_reference_stand_out() -> None:
    found = Highlights.of([state(index, 100.0 - index) for index in range(20)], "loss")
    assert [index for index, colour in enumerate(found.colours) if colour is not None] == [0, 15, 16, 17, 18, 19]
    assert found.colours[0] == 0, "the reference is black"
    assert len({colour for colour in found.colours if colour is not None}) == 6


def test_who_failed_or_diverged_is_never_among_the_best() -> None:
    experiments = [state(index, 100.0 - index) for index in range(18)]
    experiments += [state(18, 0.1, EndingKind.FAILED), state(19, 0.2, EndingKind.DIVERGED), state(20, None)]
    found = Highlights.of(experiments, "loss")
    assert found.order[-3:] == [20, 18, 19]
    assert found.colours[18] is found.colours[19] is found.colours[20] is None


def test_without_a_metric_the_order_is_that_of_the_job_file() -> None:
    assert Highlights.of([state(0, 2.0), state(1, 1.0)], None).order == [0, 1]
