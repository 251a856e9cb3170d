"""What `Control` answers to each request in each state of an experiment, and what it hands to the scheduler."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import Any

import pytest

from launcher.engine import control
from launcher.engine.classify_ending import Ending
from launcher.engine.control import Control
from launcher.engine.experiments import Experiments
from launcher.engine.launch_state import LaunchState
from launcher.engine.messages import Begin, Ended, Event, Interrupted, RetryRequested, StopRequested
from launcher.engine.scheduler import Scheduler
from launcher.store.ending import EndingKind
from launcher.store.events import LoggedEvent, RequestAnswered
from launcher.store.paths import Paths
from launcher.store.requests import Ask, make_request, send
from tests.launcher.engine.parts import NotedWorker, attempt, decision

NAMES = ("alpha", "beta", "gamma")


class Recorder:
    """Keeps events in memory."""

    def __init__(self) -> None:
        self.events: list[LoggedEvent] = []

    def log_event(self, event: LoggedEvent) -> None:
        self.events.append(event)


class Asked:
    """Three experiments: alpha runs, beta has failed, gamma waits."""

    def __init__(self, folder: Path) -> None:
        paths = Paths(folder / "outcome", folder / "logs")
        paths.create()
        self._requests = paths.requests
        self.experiments = Experiments([decision(name) for name in NAMES], NAMES, {})
        self.scheduler = Scheduler(["beta", "alpha", "gamma"], 1)
        self.scheduler.handle(Begin())
        self.scheduler.handle(Ended("beta", "failed"))
        self.experiments["beta"].ending = Ending(EndingKind.FAILED)
        self.experiments.running["alpha"] = attempt(NotedWorker())
        self.messages: list[str] = []
        self.recorder: Any = Recorder()
        self.handled: list[Event] = []
        self.interrupts: list[tuple[signal.Signals, bool]] = []
        unused: Any = None
        state = LaunchState(self.experiments, self.scheduler, unused, self.recorder)
        self._control = Control(paths, state, self.messages.append, self.handled.append, self._interrupt)

    def _interrupt(self, number: signal.Signals, *, force: bool) -> None:
        self.interrupts.append((number, force))

    def ask(self, ask: Ask, *names: str, force: bool = False, is_over: bool = False) -> list[str]:
        """Send a request; return the answers, those that refuse marked with a "!"."""
        send(self._requests, make_request(ask, names, force=force))
        self._control.advance(lambda: is_over)
        answered = self.recorder.events[-1]
        assert isinstance(answered, RequestAnswered)
        return ["!" * answer.is_refused + answer.answer for answer in answered.answers]


@pytest.fixture
def asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Asked:
    monkeypatch.setattr(control, "LOOK_INTERVAL_S", 0.0)
    return Asked(tmp_path)


def test_stop_depends_on_the_state_of_each_experiment(asked: Asked) -> None:
    assert asked.ask("stop", *NAMES, "omicron") == [
        "asked to save and end, killed after its grace time",
        "not running: failed",
        "taken out of the queue",
        "!not run by this launch, which keeps it or does not know it",
    ]
    # beta would be tried again if its device turned out to be the cause.
    assert asked.handled == [StopRequested("alpha", force=False), StopRequested("beta"), StopRequested("gamma")]
    assert [event.kind for event in asked.recorder.events] == ["withdrawn", "request"]
    assert asked.messages[0].endswith("alpha: asked to save and end, killed after its grace time.")


def test_a_second_stop_needs_force(asked: Asked) -> None:
    asked.experiments.running["alpha"].is_asked = True
    assert asked.ask("stop", "alpha") == ["asked to end already; stop --force kills it"]
    assert asked.ask("stop", "alpha", force=True) == ["killed"]
    assert asked.handled == [StopRequested("alpha", force=True)]


def test_stop_of_everything_is_an_interrupt(asked: Asked) -> None:
    assert asked.ask("stop")[0].startswith("nothing more is started; what runs is asked to save and end")
    asked.scheduler.handle(Interrupted())
    assert asked.ask("stop")[0].startswith("the launch is being stopped already")
    assert asked.ask("stop", force=True) == ["what runs is killed"]
    assert asked.interrupts == [(signal.SIGINT, False), (signal.SIGINT, True)]


def test_retry_depends_on_the_state_of_each_experiment(asked: Asked) -> None:
    assert asked.ask("retry", *NAMES, "bet") == [
        "!running; nothing to retry",
        "queued again",
        "in the queue already",
        '!not run by this launch, which keeps it or does not know it. Did you mean "beta"?',
    ]
    assert asked.handled == [RetryRequested("beta")]


def test_retry_without_names_is_about_what_has_failed(asked: Asked) -> None:
    assert asked.ask("retry") == ["queued again"]
    asked.experiments["beta"].ending = Ending(EndingKind.INTERRUPTED)
    assert asked.ask("retry") == ["nothing has failed"]


def test_what_is_done_is_not_retried(asked: Asked) -> None:
    asked.experiments["beta"].ending = Ending(EndingKind.DONE)
    assert asked.ask("retry", "beta") == ["!done; only the launch command with --fresh trains it again"]


def test_a_launch_that_is_being_stopped_retries_nothing(asked: Asked) -> None:
    asked.scheduler.handle(Interrupted())
    assert asked.ask("retry", "beta") == ["!the launch is being stopped; start it again instead"]


@pytest.mark.parametrize("ask", ["stop", "retry"])
def test_when_every_experiment_has_ended_nothing_is_carried_out(asked: Asked, ask: Ask) -> None:
    assert asked.ask(ask, "beta", is_over=True) == ["!every experiment has ended, and tables and plots are being made"]
    assert asked.handled == []
