"""What sets experiments apart."""

from __future__ import annotations

from launcher.reports.differences import describe_difference, differing, reference, shared
from launcher.store.experiment_state import ExperimentState


def test_the_reference_is_the_first_without_overrides() -> None:
    wide, base = ExperimentState(name="wide", overrides={"width": 2}), ExperimentState(name="base")
    assert reference([wide, base]) is base
    assert reference([wide]) is wide
    assert reference([]) is None


def test_a_difference_names_overrides_and_a_batch_halved_for_want_of_memory() -> None:
    plain = ExperimentState(name="a", overrides={"lr": 0.1, "model": {"width": 2}})
    assert describe_difference(plain) == "lr=0.1, model.width=2"
    halved = ExperimentState(name="a", overrides={"lr": 0.1}, changed={"batch_size": 8})
    assert describe_difference(halved).startswith("lr=0.1; for want of memory ")
    assert describe_difference(ExperimentState(name="a")) == ""


def test_shared_keys_have_the_same_value_everywhere() -> None:
    assert shared([{"a": 1, "b": 2}, {"a": 1, "b": 3, "c": 4}]) == {"a": 1}
    assert shared([]) == {}


def test_differing_keys_are_those_of_any_experiment() -> None:
    assert differing([{"a": 1, "b": 1}, {"a": 1, "b": 1.0}, {"a": 1, "b": 1, "c": None}]) == ["b", "c"]
