"""Carries out the requests that other shells send to a running launch: stop or retry experiments, stop everything.

The loop calls `Control.advance` at every tick. `Control` decides what a request means for each experiment and hands
events to the scheduler. The answers go to the launcher's stderr, and to `events.jsonl`, where the process that has
sent the request reads them.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from typing import Protocol

from launcher.engine.launch_state import LaunchState
from launcher.engine.messages import Event, RetryRequested, StopRequested
from launcher.engine.scheduler import Finished, Running
from launcher.store.ending import EndingKind
from launcher.store.events import Answer, RequestAnswered, Requeued, Withdrawn
from launcher.store.paths import Paths
from launcher.store.requests import Inbox, Request
from launcher.text import did_you_mean, inline

LOOK_INTERVAL_S = 0.1  # the loop turns for every record that a worker writes, and nobody sends requests that often
REMOTE_LOOK_INTERVAL_S = 2.0  # where the folder is on a file server that others use


class Interrupt(Protocol):
    """Ends a launch."""

    def __call__(self, number: signal.Signals, *, force: bool) -> None:
        """Do what the signal does: what runs saves and ends. With `force`: what runs is killed."""


Act = Callable[[], None]  # does what an answer promises


class Control:
    """Answers the requests to one launch."""

    def __init__(
        self,
        paths: Paths,
        state: LaunchState,
        message: Callable[[str], None],
        handle: Callable[[Event], None],
        interrupt: Interrupt,
        *,
        is_remote: bool = False,
    ) -> None:
        """Begin. `is_remote`: the launch runs on a cluster."""
        self._inbox = Inbox(paths.requests, message)
        self._experiments = state.experiments
        self._scheduler = state.scheduler
        self._message = message
        self._log_event = state.recorder.log_event
        self._handle = handle
        self._interrupt = interrupt
        self._look_at_s = 0.0
        self._look_interval_s = REMOTE_LOOK_INTERVAL_S if is_remote else LOOK_INTERVAL_S

    def advance(self, is_over: Callable[[], bool]) -> None:
        """Read the requests that have come since the last call, carry them out and answer them.

        `is_over` says whether every experiment has ended, so that only drawing is left.
        """
        now_s = time.monotonic()
        if now_s < self._look_at_s:
            return
        self._look_at_s = now_s + self._look_interval_s
        for request in self._inbox.take():
            answers = []
            for answer, act in self._answers(request, is_over()):
                name = f"{inline(answer.experiment, 100)}: " if answer.experiment else ""
                self._message(f"{request.ask} (asked by pid {request.pid}): {name}{answer.answer}.")
                act()  # after the message, so that the messages of what follows, such as a start, come below it
                answers.append(answer)
            self._log_event(RequestAnswered("", request.id, request.ask, answers))

    def _answers(self, request: Request, is_over: bool) -> Iterator[tuple[Answer, Act]]:
        """Yield each answer with what to do for it. The caller does it before it takes the next answer."""
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
            names = request.experiments or self._failed()
            for name in names:
                yield self._retry(name)
            if not names:
                yield Answer("", "nothing has failed"), _nothing

    def _failed(self) -> list[str]:
        """Return the experiments that have failed and do not wait for another attempt."""
        failed = [name for name, ending in self._experiments.endings.items() if ending.kind.is_failure]
        return [name for name in failed if isinstance(self._scheduler.state(name), Finished)]

    def _stop_all(self, force: bool) -> tuple[Answer, Act]:
        if self._scheduler.is_stopping and not force:
            return Answer("", "the launch is being stopped already; stop --all --force kills what runs"), _nothing
        asked = "nothing more is started; what runs is asked to save and end, killed after its grace time"
        return Answer("", "what runs is killed" if force else asked), lambda: self._interrupt(
            signal.SIGINT, force=force
        )

    def _stop(self, name: str, force: bool) -> tuple[Answer, Act]:
        if name not in self._experiments:
            return self._unknown(name), _nothing
        match self._scheduler.state(name):
            case Finished(ending):
                return Answer(name, f"not running: {ending}"), lambda: self._handle(StopRequested(name))
            case None:
                return Answer(name, "taken out of the queue"), lambda: self._withdraw(name)
            case Running():
                attempt = self._experiments.running.get(name)
                if not force and ((attempt is not None and attempt.is_asked) or self._scheduler.is_stopping):
                    return Answer(name, "asked to end already; stop --force kills it"), _nothing
                words = "killed" if force else "asked to save and end, killed after its grace time"
                return Answer(name, words), lambda: self._handle(StopRequested(name, force))

    def _withdraw(self, name: str) -> None:
        self._log_event(Withdrawn(name, os.getpid()))
        self._handle(StopRequested(name))

    def _retry(self, name: str) -> tuple[Answer, Act]:
        if name not in self._experiments:
            return self._unknown(name), _nothing
        ending = self._experiments[name].ending
        match self._scheduler.state(name):
            case Running():
                return Answer(name, "running; nothing to retry", True), _nothing
            case None:
                return Answer(name, "in the queue already"), _nothing
            case Finished() if ending is not None and ending.kind == EndingKind.DONE:
                return Answer(name, "done; only the launch command with --fresh trains it again", True), _nothing
            case Finished():
                return Answer(name, "queued again"), lambda: self._queue(name)

    def _queue(self, name: str) -> None:
        self._log_event(Requeued(name, os.getpid()))
        self._handle(RetryRequested(name))

    def _unknown(self, name: str) -> Answer:
        hint = did_you_mean(name, self._experiments.names)
        return Answer(name, f"not run by this launch, which keeps it or does not know it.{hint}".rstrip("."), True)


def _nothing() -> None:
    """Do nothing: the answer is all that a request gets."""
