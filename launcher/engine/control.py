"""Carries out what another shell asks of a running launch: stop or retry experiments, or stop everything.

Called by the loop, on its tick and when an attempt has ended. It decides what a request means for each experiment and
hands events to the scheduler; the answer goes to the launcher's stderr and to `events.jsonl`, where who asked reads it.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Protocol

from launcher.engine.classify_ending import Ending
from launcher.engine.messages import Event, RetryRequested, StopRequested
from launcher.engine.scheduler import Finished, Running, Scheduler
from launcher.store.ending import EndingKind
from launcher.store.events import Answer, LoggedEvent, RequestAnswered, Requeued, Withdrawn
from launcher.store.paths import Paths
from launcher.store.requests import Inbox, Request
from launcher.text import did_you_mean, inline

LOOK_INTERVAL_S = 0.1  # the loop ticks for every bell; nobody asks that often


class Interrupt(Protocol):
    """Ends the launch: what runs saves and ends, or with force is killed."""

    def __call__(self, number: signal.Signals, *, force: bool) -> None:
        """Do as if this signal had come, with force for the second time."""


Act = Callable[[], None]  # what is done for a request


class Steering:
    """One launch as other shells steer it."""

    def __init__(
        self,
        paths: Paths,
        scheduler: Scheduler,
        say: Callable[[str], None],
        log_event: Callable[[LoggedEvent], None],
        handle: Callable[[Event], None],
        interrupt: Interrupt,
    ) -> None:
        self._inbox = Inbox(paths.requests, say)
        self._scheduler = scheduler
        self._say = say
        self._log_event = log_event
        self._handle = handle
        self._interrupt = interrupt
        self._ending: set[str] = set()  # asked by a request to save and end, and still running
        self._look_at_s = 0.0

    def advance(self, endings: Callable[[], Mapping[str, Ending]], *, is_over: Callable[[], bool]) -> None:
        """Take what was asked since the last time, carry it out and answer; `is_over`: only drawing is left."""
        now_s = time.monotonic()
        if now_s < self._look_at_s:
            return
        self._look_at_s = now_s + LOOK_INTERVAL_S
        for request in self._inbox.take():
            answers = []
            for one, act in self._answers(request, endings(), is_over()):
                name = f"{inline(one.experiment, 100)}: " if one.experiment else ""
                self._say(f"{request.ask} (asked by pid {request.pid}): {name}{one.answer}.")
                act()  # after its answer: what follows from it, a start say, is told below it
                answers.append(one)
            self._log_event(RequestAnswered("", request.id, request.ask, answers))

    def ended(self, experiment: str) -> None:
        """Take note that an attempt is over; write down if the experiment waits to be tried again."""
        self._ending.discard(experiment)
        if self._scheduler.state(experiment) is None:
            self._log_event(Requeued(experiment, os.getpid()))

    def _answers(self, request: Request, endings: Mapping[str, Ending], is_over: bool) -> Iterator[tuple[Answer, Act]]:
        """Yield each answer with what is to be done for it; the next one is found when that is done."""
        if is_over:
            yield Answer("", "every experiment has ended, and tables and plots are being made", True), _nothing
        elif request.ask == "stop":
            if not request.experiments:
                yield self._stop_all(request.force)
            for name in request.experiments:
                yield self._stop(name, request.force)
        elif self._scheduler.is_stopping:
            yield Answer("", "the launch is being stopped; start it again instead", True), _nothing
        else:
            failed = [name for name, ending in endings.items() if ending.kind.is_failure]
            names = request.experiments or [name for name in failed if self._has_ended(name)]
            for name in names:
                yield self._retry(name, endings)
            if not names:
                yield Answer("", "nothing has failed"), _nothing

    def _has_ended(self, name: str) -> bool:
        return isinstance(self._scheduler.state(name), Finished)

    def _stop_all(self, force: bool) -> tuple[Answer, Act]:
        if self._scheduler.is_stopping and not force:
            return Answer("", "the launch is being stopped already; stop --all --force kills what runs"), _nothing
        told = "nothing more is started; what runs is asked to save and end, killed after its grace time"
        return Answer("", "what runs is killed" if force else told), lambda: self._interrupt(signal.SIGINT, force=force)

    def _stop(self, name: str, force: bool) -> tuple[Answer, Act]:
        if not self._scheduler.has(name):
            return self._unknown(name), _nothing
        match self._scheduler.state(name):
            case Finished(ending):
                return Answer(name, f"not running: {ending}"), _nothing
            case None:
                return Answer(name, "taken out of the queue"), lambda: self._take_out(name)
            case Running():
                if not force and (name in self._ending or self._scheduler.is_stopping):
                    return Answer(name, "asked to end already; stop --force kills it"), _nothing
                told = "killed" if force else "asked to save and end, killed after its grace time"
                return Answer(name, told), lambda: self._end(name, force)

    def _take_out(self, name: str) -> None:
        self._log_event(Withdrawn(name, os.getpid()))
        self._handle(StopRequested(name))

    def _end(self, name: str, force: bool) -> None:
        self._ending.add(name)
        self._handle(StopRequested(name, force))

    def _retry(self, name: str, endings: Mapping[str, Ending]) -> tuple[Answer, Act]:
        if not self._scheduler.has(name):
            return self._unknown(name), _nothing
        match self._scheduler.state(name):
            case Running():
                return Answer(name, "running; nothing to retry", True), _nothing
            case None:
                return Answer(name, "in the queue already"), _nothing
            case Finished() if name in endings and endings[name].kind == EndingKind.DONE:
                return Answer(name, "done; only the launch command with --fresh trains it again", True), _nothing
            case Finished():
                return Answer(name, "queued again"), lambda: self._queue(name)

    def _queue(self, name: str) -> None:
        self._log_event(Requeued(name, os.getpid()))
        self._handle(RetryRequested(name))

    def _unknown(self, name: str) -> Answer:
        hint = did_you_mean(name, self._scheduler.experiments)
        return Answer(name, f"not run by this launch, which keeps it or does not know it.{hint}".rstrip("."), True)


def _nothing() -> None:
    """Do nothing: the answer is all there is to a request."""
