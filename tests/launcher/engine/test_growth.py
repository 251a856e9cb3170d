"""What a searcher is told and when, and what becomes of what it proposes."""

from __future__ import annotations

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import pytest

from launcher.engine.experiments import Experiments
from launcher.engine.growth import Growth
from launcher.engine.launch_state import LaunchState
from launcher.engine.messages import Added, Begin, Ended, Interrupted, StopRequested
from launcher.engine.scheduler import Scheduler
from launcher.errors import InputError
from launcher.planning.decision import Decision
from launcher.search.searcher import Proposal, Result
from launcher.store.ending import EndingKind
from tests.launcher.engine.parts import decision


class Asked:
    """A searcher that proposes b once, and the launch around it: the experiment a runs on the only slot."""

    def __init__(self, error: Exception | None = None, *, retries: int = 0) -> None:
        self.told: list[Result] = []
        self.warnings: list[str] = []
        self._left, self._error = [Proposal("b", {"lr": 0.1})], error
        self.experiments = Experiments([decision("a")], ["a"], {})
        self.scheduler = Scheduler(["a"], 1, retries=retries)
        self.scheduler.handle(Begin())
        follower: Any = SimpleNamespace(newest=lambda _name: SimpleNamespace(best=0.25))
        recorder: Any = None
        state = LaunchState(self.experiments, self.scheduler, follower, recorder)
        self.growth = Growth(self, self._decide, state, self.warnings.append)

    def tell(self, result: Result) -> None:
        self.told.append(result)

    def ask(self) -> Sequence[Proposal]:
        left, self._left = self._left, []
        return left

    def _decide(self, proposals: Sequence[Proposal]) -> list[Decision]:
        if self._error is not None:
            raise self._error
        return [decision(proposal.name, 1, **proposal.overrides) for proposal in proposals]


def after(asked: Asked, ending: str) -> list[Added]:
    """Return what is added after an end of a, of which the scheduler hears first."""
    ended = Ended("a", ending)
    asked.scheduler.handle(ended)
    return asked.growth.after(ended)


def test_after_an_end_the_searcher_is_told_and_its_proposal_is_added() -> None:
    asked = Asked()
    assert after(asked, "done") == [Added("b")]
    assert asked.told == [Result("a", EndingKind.DONE, 0.25)]
    assert asked.experiments["b"].decision.experiment.config == {"lr": 0.1}
    assert asked.growth.after(Ended("a", "done")) == [], "it has nothing more to propose"


@pytest.mark.parametrize("error", [InputError("lr must be positive"), OSError(28, "No space left on device")])
def test_a_proposal_that_is_wrong_is_told_and_the_launch_goes_on(error: Exception) -> None:
    asked = Asked(error)
    assert after(asked, "done") == []
    assert asked.warnings == [f"b cannot be added: {error}"]
    assert asked.experiments.names == ["a"]


def test_an_experiment_that_is_there_already_is_not_added_again() -> None:
    asked = Asked()
    asked.experiments.add(decision("b", 1))
    assert after(asked, "done") == []


def test_a_failure_after_which_the_launch_tries_again_is_no_result() -> None:
    asked = Asked(retries=1)
    assert after(asked, "killed") == []
    assert asked.told == []


@pytest.mark.parametrize("ending", ["failed", "diverged", "interrupted"])
def test_an_end_for_good_is_a_result_whatever_it_is(ending: str) -> None:
    asked = Asked()
    assert after(asked, ending) == [Added("b")]
    assert asked.told == [Result("a", EndingKind(ending), 0.25)]


def test_an_experiment_that_was_asked_to_stop_is_a_result() -> None:
    asked = Asked(retries=1)
    asked.scheduler.handle(StopRequested("a"))
    assert after(asked, "killed") == [Added("b")]


def test_a_launch_that_is_being_stopped_tells_and_does_not_ask() -> None:
    asked = Asked()
    asked.scheduler.handle(Interrupted())
    assert after(asked, "interrupted") == []
    assert [result.name for result in asked.told] == ["a"]
