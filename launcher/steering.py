"""Carries out what another shell asks of a running launch: stop or retry experiments, or stop everything.

Called by the loop, on its tick and when an attempt has ended. It decides what a request means for each experiment and
hands events to the scheduler; the answer goes to the launcher's stderr and to `events.jsonl`, where who asked reads it.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from launcher.endings import FAILURES, Ending
from launcher.errors import did_you_mean, inline
from launcher.paths import Paths
from launcher.protocol import Event, Requeued, Withdrawn
from launcher.requests import Inbox, Request
from launcher.scheduler import Finished, Running, Scheduler

LOOK_INTERVAL_S = 0.1  # the loop ticks for every bell; nobody asks that often


class Note(Protocol):
    """Writes an event down."""

    def __call__(self, event: str, experiment: str, **data: object) -> None:
        """Write an event of an experiment, or of the launch where that is empty."""


class Interrupt(Protocol):
    """Ends the launch: what runs saves and ends, or with force is killed."""

    def __call__(self, number: signal.Signals, *, force: bool) -> None:
        """Do as if this signal had come, with force for the second time."""


@dataclass(frozen=True)
class Answer:
    """What became of a request, for one experiment."""

    experiment: str
    answer: str
    is_refused: bool = False


class Steering:
    """One launch as other shells steer it."""

    def __init__(
        self,
        paths: Paths,
        scheduler: Scheduler,
        say: Callable[[str], None],
        note: Note,
        handle: Callable[[Event], None],
        interrupt: Interrupt,
    ) -> None:
        self._inbox = Inbox(paths.requests, say)
        self._scheduler = scheduler
        self._say = say
        self._note = note
        self._handle = handle
        self._interrupt = interrupt
        self._ending: set[str] = set()  # asked by a request to save and end, and still running
        self._look_at_s = 0.0

    def advance(self, endings: Mapping[str, Ending], *, is_over: Callable[[], bool]) -> None:
        """Take what was asked since the last time, carry it out and answer; `is_over`: only drawing is left."""
        now_s = time.monotonic()
        if now_s < self._look_at_s:
            return
        self._look_at_s = now_s + LOOK_INTERVAL_S
        for request in self._inbox.take():
            answers = self._carry_out(request, endings, is_over())
            for one in answers:
                name = f"{inline(one.experiment, 100)}: " if one.experiment else ""
                self._say(f"{request.ask} (asked by pid {request.pid}): {name}{one.answer}.")
            self._note("request", "", id=request.id, ask=request.ask, answers=[one.__dict__ for one in answers])

    def ended(self, experiment: str) -> None:
        """Take note that an attempt is over; write down if the experiment waits to be tried again."""
        self._ending.discard(experiment)
        if self._scheduler.state(experiment) is None:
            self._note("requeued", experiment, pid=os.getpid())

    def _carry_out(self, request: Request, endings: Mapping[str, Ending], is_over: bool) -> list[Answer]:
        if is_over:
            return [Answer("", "every experiment has ended, and tables and plots are being made", is_refused=True)]
        if request.ask == "stop":
            if not request.experiments:
                return [self._stop_all(request.force)]
            return [self._stop(name, request.force) for name in request.experiments]
        if self._scheduler.is_stopping:
            return [Answer("", "the launch is being stopped; start it again instead", is_refused=True)]
        failed = [name for name, ending in endings.items() if ending.kind in FAILURES]
        names = request.experiments or [name for name in failed if self._has_ended(name)]
        return [self._retry(name, endings) for name in names] or [Answer("", "nothing has failed")]

    def _has_ended(self, name: str) -> bool:
        return isinstance(self._scheduler.state(name), Finished)

    def _stop_all(self, force: bool) -> Answer:
        if self._scheduler.is_stopping and not force:
            return Answer("", "the launch is being stopped already; stop --all --force kills what runs")
        self._interrupt(signal.SIGINT, force=force)
        if force:
            return Answer("", "what runs is killed")
        return Answer("", "nothing more is started; what runs is asked to save and end, killed after its grace time")

    def _stop(self, name: str, force: bool) -> Answer:
        if not self._scheduler.has(name):
            return self._unknown(name)
        match self._scheduler.state(name):
            case Finished(ending):
                return Answer(name, f"not running: {ending}")
            case None:
                self._note("withdrawn", name, pid=os.getpid())
                self._handle(Withdrawn(name))
                return Answer(name, "taken out of the queue")
            case Running():
                if not force and (name in self._ending or self._scheduler.is_stopping):
                    return Answer(name, "asked to end already; stop --force kills it")
                self._ending.add(name)
                self._handle(Withdrawn(name, force))
                return Answer(name, "killed" if force else "asked to save and end, killed after its grace time")

    def _retry(self, name: str, endings: Mapping[str, Ending]) -> Answer:
        if not self._scheduler.has(name):
            return self._unknown(name)
        match self._scheduler.state(name):
            case Running():
                return Answer(name, "running; nothing to retry", is_refused=True)
            case None:
                return Answer(name, "in the queue already")
            case Finished() if name in endings and endings[name].kind == "done":
                return Answer(name, "done; only the launch command with --fresh trains it again", is_refused=True)
            case Finished():
                self._note("requeued", name, pid=os.getpid())
                self._handle(Requeued(name))
                return Answer(name, "queued again")

    def _unknown(self, name: str) -> Answer:
        hint = did_you_mean(name, self._scheduler.experiments)
        return Answer(name, f"not run by this launch, which keeps it or does not know it.{hint}".rstrip("."), True)
