"""The event loop of a launch: one consumer of deaths, bells, signals and time, one handler for each.

It carries out what the scheduler decides. It owns the workers: however it is left, none of them lives on.
"""

from __future__ import annotations

import contextlib
import math
import selectors
import shlex
import signal
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from launcher.devices.slots import Slot
from launcher.engine.attempt import Attempt, make_spec
from launcher.engine.classify_ending import Ending, classify, failure_report
from launcher.engine.console import Console
from launcher.engine.containment import Containment
from launcher.engine.control import Steering
from launcher.engine.device_guard import DeviceGuard
from launcher.engine.follower import Collector
from launcher.engine.footing import Footing
from launcher.engine.messages import (
    Action,
    Begin,
    Done,
    Event,
    FailFast,
    Interrupted,
    Quarantined,
    Refused,
    SlotsLost,
    Start,
    Stop,
)
from launcher.engine.notices import Notices
from launcher.engine.pause import PauseMeter
from launcher.engine.progress import ProgressBoard
from launcher.engine.report_process import ReportProcess
from launcher.engine.scheduler import Scheduler
from launcher.engine.signals import signals_to
from launcher.engine.snapshot import Snapshot
from launcher.engine.summary import Summary
from launcher.engine.time_left import TimeLeft
from launcher.errors import LauncherError
from launcher.executors.forkserver import ServerDied, ServerSilent
from launcher.executors.local import Workers
from launcher.executors.telemetry import Telemetry
from launcher.planning.decision import Decision
from launcher.planning.plan import Plan
from launcher.store.checkpoints import Checkpoints
from launcher.store.ending import EndingKind
from launcher.store.locks import Lock
from launcher.store.state import EventLog
from launcher.text import plural

TICK_S = 0.25  # between looks at the clock and at files whose bell was not heard
STOPPED_DRAWING_S = 1.0  # after the grace time, which a stopped launch may use up in any case


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
        drawing: ReportProcess,
        console: Console,
        footing: Footing,
    ) -> None:
        self._plan = plan
        self._footing = footing
        self._has_lost_folder = False
        self._settings = plan.sweep.settings
        self._slots = slots
        self._workers = workers
        self._locks = locks  # by device UUID
        self._console = console
        self._decisions = {decision.experiment.name: decision for decision in plan.to_run}
        designated = [decision.experiment.index % len(slots) for decision in plan.to_run]
        names = self._order = plan.order if is_parallel else list(self._decisions)
        self._outlook = TimeLeft(plan, slots, console.message, is_parallel=is_parallel)
        self._collector = Collector(plan.paths, console.message, plan.metric_tracker, self._make_notices)
        self._telemetry = Telemetry(plan.paths, self._settings.telemetry_s, console.message)
        self._contained = Containment(console.message)
        self._live = ProgressBoard(plan, self._collector, self._telemetry.latest.get, self._contained)
        has_stepped = self._collector.has_stepped
        self._cards = DeviceGuard(plan, slots, console.message, self._note, has_stepped, may_choose=is_parallel)
        turn, numbers = None if is_parallel else designated, self._cards.numbers
        retries, fail_fast = self._settings.retries, self._settings.fail_fast
        self._scheduler = Scheduler(names, len(slots), turn, retries=retries, fail_fast=fail_fast, devices=numbers)
        talk = (console.message, self._note)
        self._steering = Steering(plan.paths, self._scheduler, *talk, self._handle, self._interrupt)
        self._drawing = drawing
        self._selector = drawing.selector
        self._events = EventLog(plan.paths.events)
        self._actions: deque[Action] = deque()
        self._is_acting = False
        self._num_events_lost = 0
        self._running: dict[str, Attempt] = {}
        self._endings: dict[str, Ending] = {}
        self._signal: int | None = None
        self._draw_until_s = math.inf
        self._is_over = False
        self._pauses = PauseMeter()
        self._has_server = True  # that workers can come from, now or in a moment

    def run(self) -> Summary:
        """Run every experiment of the plan that is not kept, and return how they ended."""
        try:
            with self._telemetry, signals_to(self._selector, self._signalled, self._console.on_signal):
                self._handle(Begin())
                while not self._is_over:
                    self._turn()
                self._drawing.hurry()
                while self._drawing.is_working:
                    self._turn()
                    if time.monotonic() >= self._draw_until_s:
                        self._drawing.give_up("drawing took too long")
        finally:
            for attempt in self._running.values():
                attempt.worker.stop(force=True)
                attempt.worker.collect()
            self._outlook.close()
            self._cards.close()
            self._drawing.close()
            self._workers.close()
            self._selector.close()
            self._events.close()
        return Summary(
            endings={name: self._endings[name] for name in self._decisions if name in self._endings},
            kept=self._plan.kept,
            not_started=[name for name in self._decisions if name not in self._endings],
            signal=self._signal,
            num_unwritten=self._collector.num_unwritten + self._drawing.num_problems + self._num_events_lost,
            has_no_device=self._has_server and not self._scheduler.has_slots,
            has_lost_folder=self._has_lost_folder,
        )

    def _turn(self) -> None:
        ready = self._selector.select(TICK_S)
        if pause_s := self._pauses.look():
            self._forgive(pause_s)
        for key, _ in ready:
            if self._selector.get_map().get(key.fd) is key:  # an earlier handler may have closed it
                key.data()
        self._tick()

    def _forgive(self, pause_s: float) -> None:
        """Move what is due by the time that nothing of us ran."""
        self._draw_until_s += pause_s
        self._drawing.forgive(pause_s)
        for attempt in self._running.values():
            attempt.forgive(pause_s)

    def _handle(self, *events: Event) -> None:
        self._actions.extend(action for event in events for action in self._scheduler.handle(event))
        if self._is_acting:
            return  # an action that failed at once has made this event; the loop below goes on with its actions
        self._is_acting = True
        while self._actions:
            match self._actions.popleft():
                case Start(experiment, slot) if obstacles := self._obstacles(experiment, slot):
                    self._handle(*obstacles)
                case Start(experiment, slot):
                    self._start(self._next_decision(experiment), self._slots[slot])
                case Stop(experiment, force):
                    if experiment in self._running:  # else its start failed, or was refused, a moment ago
                        is_over = self._collector.read(experiment).end is not None
                        self._running[experiment].stop(force=force, grace_s=self._settings.grace_s, is_over=is_over)
                case Quarantined() as action:
                    self._cards.set_aside(action)
                    self._steering.ended(action.experiments[0])
                case FailFast(experiment):
                    self._console.message(f"{experiment} failed: nothing more is started, what runs saves and ends.")
                case Done():
                    self._is_over = True
        self._is_acting = False

    def _obstacles(self, experiment: str, slot: int) -> list[Event]:
        """Return what the scheduler must know if an experiment cannot start on a slot now; nothing if it can."""
        try:
            if self._workers.is_ready():
                return self._cards.obstacles(experiment, slot)
        except LauncherError as error:
            return [*self._without_server(error), Refused(experiment, slot)]
        return [Refused(experiment, slot)]

    def _without_server(self, error: LauncherError) -> list[Event]:
        """Start nothing more: no fork server lives. What runs goes on."""
        if self._has_server:
            self._has_server = False
            self._console.message(str(error), "failure")
        return [SlotsLost(tuple(range(len(self._slots))))]

    def _next_decision(self, experiment: str) -> Decision:
        """Return the decision for the attempt to start: one after another attempt of this launch goes on from that."""
        decision = self._decisions[experiment]
        return self._cards.next_attempt(decision) if experiment in self._endings else decision

    def _start(self, decision: Decision, slot: Slot) -> None:
        name = decision.experiment.name
        self._outlook.something_starts()
        spec = make_spec(self._plan, decision, slot)
        worker = failure = None
        try:
            worker = self._workers.fork_attempt(spec, self._locks.get(slot.device.uuid), self._outlook.share)
        except (ServerDied, ServerSilent):
            self._handle(Refused(name, slot.index))
            return
        except LauncherError as error:
            self._handle(*self._without_server(error), Refused(name, slot.index))
            return
        except OSError as error:  # no room for a process
            failure = error
        if self._endings.pop(name, None) is not None:
            self._decisions[name] = decision
            self._console.message(f"{name}: tried again, attempt {decision.attempt}.")
        device, threads, goes_on = str(slot.device), slot.threads, decision.is_resumed
        details = {"threads": threads, "goes_on": goes_on, "changed": decision.changes}
        self._note("started", name, attempt=spec.attempt, device=device, **details)
        self._collector.open(spec, f"{device} {slot.device.name} {slot.device.uuid}".rstrip())
        obstacle = self._collector.histories[name].obstacle
        if worker is None or obstacle:
            if worker is not None:  # it waits still, and has done nothing
                worker.stop(force=True)
                worker.collect()
            why = obstacle or f"its worker could not be started: {failure}"
            self._end(decision, slot, Ending(EndingKind.FAILED, why), math.inf)
            return
        worker.begin()
        attempt = Attempt(decision, slot, worker)
        self._running[name] = attempt
        self._telemetry.watch(name, spec.attempt, worker.pid, slot.device.uuid, attempt.began_s)
        self._cards.started(name, slot, worker.pid)
        self._console.message(f"{name}: started on {slot}, {plural(threads, 'thread')}, pid {worker.pid}", "routine")
        self._selector.register(worker.bell, selectors.EVENT_READ, lambda: self._heard(attempt))
        self._selector.register(worker.pidfd, selectors.EVENT_READ, lambda: self._died(attempt))

    def _heard(self, attempt: Attempt) -> None:
        if attempt.hear():
            self._collect(attempt)
        else:  # its other end is closed: the worker is ending
            self._selector.unregister(attempt.worker.bell)

    def _collect(self, attempt: Attempt) -> None:
        history = self._collector.read(attempt.name)
        if history.end is not None and attempt.force_at_s is None:
            # Its last word is said; an exit that hangs must not hold the slot for ever.
            attempt.force_at_s = time.monotonic() + self._settings.grace_s

    def _died(self, attempt: Attempt) -> None:
        for source in (attempt.worker.pidfd, attempt.worker.bell):
            with contextlib.suppress(KeyError):  # its other end is closed
                self._selector.unregister(source)
        attempt.hear()  # what it said last
        exit = attempt.worker.collect()
        del self._running[attempt.name]
        self._telemetry.forget(attempt.name)
        history = self._collector.read(attempt.name)
        self._learn(attempt)
        ending = classify(exit, history, attempt.circumstances())
        self._end(attempt.decision, attempt.slot, ending, time.monotonic() - attempt.began_s)

    def _end(self, decision: Decision, slot: Slot, ending: Ending, seconds: float) -> None:
        name = decision.experiment.name
        history = self._collector.read(name)
        if ending.kind == EndingKind.DONE and (verdict := self._collector.verdict(name)):
            ending = Ending(EndingKind.DONE, "; ".join(filter(None, [verdict, ending.why])))
        self._endings[name] = ending
        ran_s = 0.0 if math.isinf(seconds) else seconds
        details = {"why": ending.why, "seconds": round(ran_s, 3), "last_step": history.last_step}
        self._note("ended", name, attempt=decision.attempt, ending=ending.kind, **details)
        summary = f"{ending}, {plural(len(history.steps), 'step')}, {ran_s:.1f} s"
        self._collector.close(name, f"{name} {summary}")
        self._contained.run(name, "its row", lambda: self._live.ended(name, slot, ending, ran_s), None)
        if ending.kind == EndingKind.DONE and not self._has_lost_folder:
            self._forget_checkpoints(decision)
        if ending.kind.is_failure:
            is_ending = self._settings.fail_fast or self._scheduler.is_stopping
            num_others = 0 if is_ending else len(self._running) + self._scheduler.num_waiting
            log = self._plan.paths.log(name)
            self._console.message(failure_report(name, str(slot), ending, history, log, num_others), "failure")
        else:
            self._console.message(f"{name}: {summary}", "done" if ending == Ending(EndingKind.DONE) else "news")
        is_last = self._scheduler.is_last(name)
        self._handle(*self._cards.ended(name, slot, ending, seconds, history, is_last=is_last))
        self._steering.ended(name)
        if not self._scheduler.num_waiting:
            self._outlook.nothing_waits(self._running)
        if not self._has_lost_folder:
            self._drawing.request([name])

    def _make_notices(self) -> Notices:
        return Notices(self._settings.metrics, is_stopped=self._settings.on_nan == "stop")

    def _forget_checkpoints(self, decision: Decision) -> None:
        one = decision.experiment
        with contextlib.suppress(OSError):  # of no use any more, but no harm either
            Checkpoints(self._plan.paths.checkpoints(one.name), one.name, one.digest).clear()

    def _note(self, event: str, experiment: str, **data: Any) -> None:
        """Write an event down; a full disk must not end what runs."""
        try:
            self._events.append(event, experiment=experiment, **data)
        except OSError as error:
            self._num_events_lost += 1
            if self._num_events_lost == 1:
                file = self._plan.paths.events
                self._console.message(f"{file} cannot be written: {error.strerror}. Training goes on.")

    def _tick(self) -> None:
        now_s = time.monotonic()
        if not self._has_lost_folder:
            self._look_at_folders()
        for attempt in list(self._running.values()):
            self._collect(attempt)
            if said := attempt.watch(self._collector.num_records[attempt.name], now_s, self._settings):
                self._console.message(said)
            attempt.kill_if_due(now_s)
        if not self._has_lost_folder:  # else what is there is another launch's
            self._telemetry.tick(now_s)
            self._steering.advance(self._endings, is_over=lambda: self._is_over)
        if self._scheduler.num_waiting and self._has_server:
            self._tend_server()
        if self._scheduler.is_held_back:
            self._handle(*self._cards.look_again(now_s))
        self._drawing.advance()
        self._console.show(self._snapshot)

    def _tend_server(self) -> None:
        """See to it that a fork server is there when something can start."""
        try:
            self._workers.is_ready()
        except LauncherError as error:
            self._handle(*self._without_server(error))

    def _look_at_folders(self) -> None:
        """End the launch if its folder was taken away: another launch may be at work in the place by now."""
        if not (lost := self._footing.lost()):
            if logs := self._footing.lost_logs():
                self._console.message(
                    f"{logs}: what runs writes on there, what starts later in a new folder of that name."
                )
            return
        self._has_lost_folder = True
        if (now := self._footing.outcome()) is not None:
            self._collector.follow(replace(self._plan.paths, outcome=now))
        where = f"What was recorded is in {now}. To go on, put it back, or add --outcome {shlex.quote(str(now))}."
        self._console.message(
            f"{lost}. Nothing more is started, what runs is asked to save and end; tables and plots are not renewed."
            f"\n  {where if now is not None else 'What was recorded is gone with it. The same command begins anew.'}"
        )
        self._drawing.abandon()
        if not self._is_over:
            self._handle(Interrupted(force=False))

    def _snapshot(self) -> Snapshot:
        for attempt in self._running.values():
            self._learn(attempt)
        waiting = [name for name in self._order if self._scheduler.state(name) is None]
        to_come = [] if self._scheduler.is_stopping else waiting
        left_s = self._contained.run(
            self._plan.sweep.name, "the time left", lambda: self._outlook.seconds_left(self._running, to_come), None
        )
        return self._live.snapshot(self._running, waiting, left_s)

    def _learn(self, attempt: Attempt) -> None:
        history = self._collector.histories[attempt.name]
        self._contained.run(attempt.name, "its pace", lambda: self._outlook.learn(attempt, history), None)

    def _signalled(self, number: signal.Signals) -> None:
        self._interrupt(number, force=self._signal is not None)

    def _interrupt(self, number: signal.Signals, *, force: bool) -> None:
        self._signal = self._signal or number
        if self._is_over:
            self._drawing.give_up("drawing was stopped")
            return
        if force:
            self._draw_until_s = time.monotonic()
            self._console.message(f"{number.name} again: killing what runs.")
        else:
            grace_s = self._settings.grace_s
            self._draw_until_s = time.monotonic() + grace_s + STOPPED_DRAWING_S
            self._console.message(
                f"{number.name}: nothing more is started; {plural(len(self._running), 'experiment')} asked to save "
                f"and end, killed after {grace_s:.0f} s. Once more kills at once."
            )
        self._handle(Interrupted(force=force))
