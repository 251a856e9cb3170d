"""The event loop of a launch: one consumer of deaths, bells, signals and time, one handler for each.

It carries out what the scheduler decides. It owns the workers: however it is left, none of them lives on.
"""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

from launcher.checkpoints import Checkpoints
from launcher.collector import Collector
from launcher.drawing import Drawing
from launcher.endings import Ending, classify, failure_report
from launcher.locks import Lock
from launcher.plan import Decision, Plan
from launcher.process import Worker, Workers
from launcher.scheduler import Action, Begin, Done, Ended, Event, Interrupted, Scheduler, Start, Stop
from launcher.signals import signals_to
from launcher.slots import Slot
from launcher.spec import Spec
from launcher.state import EventLog
from launcher.summary import Summary
from launcher.views.progress import Progress, Status

TICK_S = 0.25  # between looks at the clock and at files whose bell was not heard
DRAWING_LIMIT_S = 600.0
STOPPED_DRAWING_LIMIT_S = 5.0  # after Ctrl-C


@dataclass
class Attempt:
    """A running attempt and what the loop must remember about it."""

    decision: Decision
    slot: Slot
    worker: Worker
    began_s: float
    is_asked: bool = False
    is_forced: bool = False
    force_at_s: float | None = None


class Loop:
    """One launch of a plan."""

    def __init__(
        self,
        plan: Plan,
        slots: Sequence[Slot],
        *,
        is_parallel: bool,
        workers: Workers,
        locks: dict[str, Lock],
        progress: Progress,
    ) -> None:
        self._plan = plan
        self._slots = slots
        self._workers = workers
        self._locks = locks  # by device UUID
        self._progress = progress
        self._decisions = {decision.experiment.name: decision for decision in plan.to_run}
        designated = [decision.experiment.index % len(slots) for decision in plan.to_run]
        self._scheduler = Scheduler(list(self._decisions), len(slots), None if is_parallel else designated)
        self._collector = Collector(plan.paths, progress.say)
        self._selector = selectors.DefaultSelector()
        self._drawing = Drawing(plan.paths, progress.say, self._selector)
        self._events = EventLog(plan.paths.events)
        self._actions: deque[Action] = deque()
        self._is_acting = False
        self._running: dict[str, Attempt] = {}
        self._endings: dict[str, Ending] = {}
        self._signal: int | None = None
        self._is_over = False

    def run(self) -> Summary:
        """Run every experiment of the plan that is not kept, and return how they ended."""
        try:
            with signals_to(self._selector, self._signalled):
                self._handle(Begin())
                while not self._is_over:
                    self._turn()
                self._drawing.hurry()
                deadline_s = time.monotonic() + (DRAWING_LIMIT_S if self._signal is None else STOPPED_DRAWING_LIMIT_S)
                while self._drawing.is_working:
                    self._turn()
                    if time.monotonic() > deadline_s:
                        self._drawing.give_up("drawing took too long")
        finally:
            for attempt in self._running.values():
                attempt.worker.stop(force=True)
                attempt.worker.collect()
            self._drawing.close()
            self._selector.close()
            self._events.close()
            self._progress.close()
        return Summary(
            endings={name: self._endings[name] for name in self._decisions if name in self._endings},
            kept=[one.experiment.name for one in self._plan.decisions if one.action == "keep"],
            not_started=[name for name in self._decisions if name not in self._endings],
            signal=self._signal,
            num_unwritten=self._collector.num_failed_views + self._drawing.num_problems,
        )

    def _turn(self) -> None:
        for key, _ in self._selector.select(TICK_S):
            key.data()
        self._tick()

    def _handle(self, event: Event) -> None:
        self._actions.extend(self._scheduler.handle(event))
        if self._is_acting:
            return  # an action that failed at once has made this event; the loop below goes on with its actions
        self._is_acting = True
        while self._actions:
            match self._actions.popleft():
                case Start(experiment, slot):
                    self._start(self._decisions[experiment], self._slots[slot])
                case Stop(experiment, force):
                    self._stop(self._running[experiment], force=force)
                case Done():
                    self._is_over = True
        self._is_acting = False

    def _start(self, decision: Decision, slot: Slot) -> None:
        name = decision.experiment.name
        spec = make_spec(self._plan, decision, slot)
        if decision.action == "redo":
            self._plan.paths.records(name).unlink(missing_ok=True)
            Checkpoints(self._plan.paths.checkpoints(name), name, spec.digest).clear()
        self._events.append(
            "started", experiment=name, attempt=spec.attempt, device=str(slot.device), threads=slot.threads
        )
        described = f"{slot.device} {slot.device.name} {slot.device.uuid}".rstrip()
        self._collector.open(spec, described)
        try:
            worker = self._workers.start(spec, self._locks.get(slot.device.uuid))
        except (OSError, EOFError) as error:  # no room for a process, or the fork server died under our hands
            self._end(decision, slot, Ending("failed", f"its worker could not be started: {error}"), 0.0)
            return
        attempt = Attempt(decision, slot, worker, time.monotonic())
        self._running[name] = attempt
        self._progress.say(f"{name}: started on {slot.device}, {_plural(slot.threads, 'thread')}, pid {worker.pid}")
        self._selector.register(worker.bell, selectors.EVENT_READ, lambda: self._heard(attempt))
        if worker.pidfd is None:
            self._died(attempt)
        else:
            self._selector.register(worker.pidfd, selectors.EVENT_READ, lambda: self._died(attempt))

    def _stop(self, attempt: Attempt, *, force: bool) -> None:
        attempt.is_asked = True
        attempt.is_forced |= force
        if not force:
            attempt.force_at_s = time.monotonic() + self._plan.sweep.settings.grace_s
        attempt.worker.stop(force=force)

    def _heard(self, attempt: Attempt) -> None:
        with contextlib.suppress(OSError):
            if os.read(attempt.worker.bell.fileno(), 65536):
                self._collect(attempt)
                return
        self._selector.unregister(attempt.worker.bell)  # its other end is closed: the worker is ending

    def _collect(self, attempt: Attempt) -> None:
        name = attempt.decision.experiment.name
        self._collector.read(name)
        if self._collector.histories[name].end is not None and attempt.force_at_s is None:
            # Its last word is said; an exit that hangs must not hold the slot for ever.
            attempt.force_at_s = time.monotonic() + self._plan.sweep.settings.grace_s

    def _died(self, attempt: Attempt) -> None:
        name = attempt.decision.experiment.name
        for source in (attempt.worker.pidfd, attempt.worker.bell):
            with contextlib.suppress(KeyError):
                self._selector.unregister(source)  # type: ignore[arg-type]
        exit = attempt.worker.collect()
        del self._running[name]
        self._collector.read(name)
        last_word = self._collector.histories[name].end
        ending = classify(exit, last_word, was_asked=attempt.is_asked, was_forced=attempt.is_forced)
        self._end(attempt.decision, attempt.slot, ending, time.monotonic() - attempt.began_s)

    def _end(self, decision: Decision, slot: Slot, ending: Ending, seconds: float) -> None:
        name = decision.experiment.name
        history = self._collector.histories[name]
        self._endings[name] = ending
        self._events.append(
            "ended",
            experiment=name,
            attempt=decision.attempt,
            ending=ending.kind,
            why=ending.why,
            seconds=round(seconds, 3),
        )
        summary = f"{ending}, {_plural(len(history.steps), 'step')}, {seconds:.1f} s"
        self._collector.close(name, f"{name} {summary}")
        if ending.kind == "done":
            Checkpoints(self._plan.paths.checkpoints(name), name, decision.experiment.digest).clear()
        if ending.kind in ("failed", "killed"):
            num_others = len(self._running) + self._scheduler.num_waiting
            log = self._plan.paths.log(name)
            self._progress.say(failure_report(name, str(slot.device), ending, history, log, num_others))
        else:
            self._progress.say(f"{name}: {summary}")
        self._handle(Ended(name, ending.kind))
        self._drawing.request([name])

    def _tick(self) -> None:
        now_s = time.monotonic()
        for attempt in list(self._running.values()):
            self._collect(attempt)
            if attempt.force_at_s is not None and now_s >= attempt.force_at_s:
                attempt.is_forced, attempt.force_at_s = True, float("inf")
                attempt.worker.stop(force=True)
        self._drawing.advance()
        histories = self._collector.histories
        statuses = [Status(name, histories[name].last_step, histories[name].total) for name in self._running]
        self._progress.show(statuses, len(self._endings), len(self._decisions))

    def _signalled(self, number: signal.Signals) -> None:
        is_second, self._signal = self._signal is not None, self._signal or number
        if self._is_over:
            self._drawing.give_up("drawing was stopped")
            return
        if is_second:
            self._progress.say(f"{number.name} again: killing what runs.")
        else:
            grace_s = self._plan.sweep.settings.grace_s
            self._progress.say(
                f"{number.name}: nothing more is started; {_plural(len(self._running), 'experiment')} asked to save "
                f"and end, killed after {grace_s:.0f} s. Once more kills at once."
            )
        self._handle(Interrupted(force=is_second))


def make_spec(plan: Plan, decision: Decision, slot: Slot) -> Spec:
    """Return what the worker of an attempt on a slot needs to know."""
    settings = plan.sweep.settings
    threads = str(slot.threads)
    return Spec(
        experiment=decision.experiment.name,
        attempt=decision.attempt,
        target=settings.target,
        folder=plan.sweep.job_file.parent,
        config=decision.experiment.config,
        digest=decision.experiment.digest,
        seed=settings.seed,
        device=slot.device.kind,
        environment=slot.device.environment() | {"OMP_NUM_THREADS": threads, "MKL_NUM_THREADS": threads},
        threads=slot.threads,
        paths=plan.paths,
        checkpoint_s=settings.checkpoint_s,
    )


def _plural(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
