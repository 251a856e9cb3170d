"""Which experiments have retries left."""

from __future__ import annotations

from launcher.engine.retry_budget import RetryBudget


def test_an_experiment_has_so_many_retries_and_one_free_of_charge() -> None:
    budget = RetryBudget(["a"], retries=1)
    assert budget.use("a")
    assert not budget.use("a")
    assert budget.use_free("a"), "its device was the cause, whatever retries says"
    assert not budget.use_free("a")
    budget.add("b")
    assert budget.use("b"), "an experiment that came later has its own"


def test_an_experiment_that_was_asked_to_stop_has_none_until_it_is_readmitted() -> None:
    budget = RetryBudget(["a"], retries=1)
    budget.withdraw("a")
    assert budget.is_withdrawn("a")
    assert not budget.use("a")
    assert not budget.use_free("a")
    budget.readmit("a")
    assert budget.use("a")
