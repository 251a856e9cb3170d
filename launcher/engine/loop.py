"""The event loop of a launch: polls the executor, tells the scheduler, acts, and looks at the clock.

    executor, signals, requests, time ─▶ events ─▶ scheduler ─▶ actions ─▶ runner ─▶ executor
                                                                             └─▶ listeners

The loop owns the executor: however the loop is left, no worker lives on.
"""

from __future__ import annotations

import math
import selectors
import signal
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import replace

from launcher.devices.slots import device_numbers
from launcher.engine.announcer import Announcer
from launcher.engine.console import Console
from launcher.engine.control import Steering
from launcher.engine.event_recorder import EventRecorder
from launcher.engine.experiments import Experiments
from launcher.engine.folder_watch import FolderWatch
from launcher.engine.follower import Follower
from launcher.engine.footing import Footing
from launcher.engine.growth import Decide, Growth
from launcher.engine.listener import AttemptEnd, Listener, OnEnd
from launcher.engine.messages import (
    Action,
    Begin,
    Done,
    Ended,
    Event,
    FailFast,
    Interrupted,
    Quarantined,
    RetryRefused,
    Start,
    Stop,
)
from launcher.engine.notices import Notices
from launcher.engine.pause import PauseMeter
from launcher.engine.progress import ProgressBoard
from launcher.engine.runner import Runner
from launcher.engine.scheduler import Scheduler
from launcher.engine.signals import signals_to
from launcher.engine.summary import Summary
from launcher.engine.time_left import TimeLeft
from launcher.engine.views import Views
from launcher.errors import LauncherError
from launcher.executors.base import Executor, RecordsWritten, SlotsGone, WorkerExited
from launcher.planning.plan import Plan
from launcher.search.searcher import Searcher
from launcher.search.stopper import Stopper
from launcher.sinks.sink import MakeSink
from launcher.text import plural

TICK_S = 0.25  # between looks at the clock and at files of which no message came
STOPPED_DRAWING_S = 1.0  # after the grace time, which a stopped launch may use up in any case


class Loop:
    """One launch of a plan."""

    def __init__(
        self,
        plan: Plan,
        executor: Executor,
        *,
        is_parallel: bool,
        views: Views,
        console: Console,
        footing: Footing,
        sinks: Sequence[MakeSink],
        searcher: Searcher,
        stopper: Stopper,
        decide: Decide,
    ) -> None:
        self._plan = plan
        self._settings = settings = plan.sweep.settings
        self._executor = executor
        self._views = views
        self._console = console
        self._folders = FolderWatch(footing, console.message)
        self._recorder = EventRecorder(plan.paths, console.message)
        order = plan.order if is_parallel else [decision.experiment.name for decision in plan.to_run]
        self._experiments = Experiments(plan.to_run, order, plan.durations)
        slots = executor.slots
        self._scheduler = Scheduler(
            order,
            len(slots),
            None if is_parallel else [decision.experiment.index % len(slots) for decision in plan.to_run],
            retries=settings.retries,
            fail_fast=settings.fail_fast,
            devices=device_numbers(slots),
        )
        self._follower = Follower(plan.paths, console.message, plan.metric_tracker, self._make_notices, sinks)
        self._time_left = TimeLeft(
            self._experiments,
            slots,
            executor.set_threads,
            console.message,
            is_parallel=is_parallel,
            is_elastic=settings.elastic_threads,
        )
        self._board = ProgressBoard(
            plan, self._experiments, self._follower, self._time_left, executor.usage, console.message
        )
        listeners: list[Listener] = [
            Announcer(console, plan.paths),
            self._board,
            self._time_left,
            OnEnd(self._request_views),
        ]
        self._runner = Runner(
            plan,
            executor,
            self._experiments,
            self._scheduler,
            self._follower,
            self._recorder,
            console,
            listeners,
            stopper,
        )
        self._growth = Growth(searcher, decide, self._experiments, self._scheduler, self._follower, console.message)
        self._steering = Steering(
            plan.paths, self._scheduler, console.message, self._recorder.log_event, self._handle, self._interrupt
        )
        self._selector = selectors.DefaultSelector()
        self._actions: deque[Action] = deque()
        self._is_acting = False
        self._ended: list[str] = []  # experiments whose ends the scheduler has taken in, and nobody else yet
        self._signal: int | None = None
        self._draw_until_s = math.inf
        self._is_over = False
        self._pauses = PauseMeter()

    def run(self) -> Summary:
        """Run every experiment of the plan that is not kept, and return how they ended."""
        self._views.attach(self._selector)
        self._selector.register(self._executor.fileno(), selectors.EVENT_READ, lambda: None)
        try:
            with signals_to(self._selector, self._signalled, self._console.on_signal):
                self._handle(Begin())
                while not self._is_over:
                    self._turn()
                self._views.hurry()
                while self._views.is_working:
                    self._turn()
                    if time.monotonic() >= self._draw_until_s:
                        self._views.give_up("drawing took too long")
        finally:
            self._executor.close()
            self._views.close()
            self._selector.close()
            self._recorder.close()
        return Summary(
            endings=self._experiments.endings,
            kept=self._plan.kept,
            not_started=self._experiments.not_ended,
            signal=self._signal,
            num_unwritten=self._follower.num_unwritten + self._views.num_problems + self._recorder.num_unwritten,
            has_no_device=self._runner.can_start and not self._scheduler.has_slots,
            has_lost_folder=self._folders.has_lost,
        )

    def _turn(self) -> None:
        ready = self._selector.select(TICK_S)
        if pause_s := self._pauses.look():
            self._forgive(pause_s)
        for key, _ in ready:
            if self._selector.get_map().get(key.fd) is key:  # an earlier handler may have closed it
                key.data()
        for event in self._executor.poll():
            match event:
                case RecordsWritten(experiment):
                    self._handle(*self._runner.collect(experiment))
                case WorkerExited():
                    self._handle(*self._runner.exited(event))
                case SlotsGone():
                    self._handle(self._runner.lose(event))
        self._tick()

    def _forgive(self, pause_s: float) -> None:
        """Move what is due by the time that nothing of us ran."""
        self._draw_until_s += pause_s
        self._views.forgive(pause_s)
        for attempt in self._experiments.running.values():
            attempt.forgive(pause_s)

    def _handle(self, *events: Event) -> None:
        for event in events:
            if isinstance(event, Ended):
                self._ended.append(event.experiment)
                self._handle_all(self._growth.after(event))
            self._handle_all([event])
        if self._is_acting:
            return  # an action that failed at once has made this event; the loop below goes on with its actions
        self._is_acting = True
        while self._actions:
            match self._actions.popleft():
                case Start(experiment, slot):
                    self._handle(*self._runner.start(experiment, self._executor.slots[slot]))
                case Stop(experiment, force):
                    self._runner.stop(experiment, force=force)
                case Quarantined(slot, (first, second)):
                    self._runner.set_aside(slot, first, second)
                    self._steering.ended(first)
                case FailFast(experiment):
                    self._console.message(f"{experiment} failed: nothing more is started, what runs saves and ends.")
                case Done():
                    self._is_over = True
        self._is_acting = False
        while self._ended:
            self._steering.ended(self._ended.pop(0))
            if not self._scheduler.num_waiting:
                self._time_left.nothing_waits()

    def _handle_all(self, events: Sequence[Event]) -> None:
        self._actions.extend(action for event in events for action in self._scheduler.handle(event))

    def _tick(self) -> None:
        now_s = time.monotonic()
        if self._folders.look():
            self._leave_folder()
        self._handle(*self._runner.tick(now_s))
        if not self._folders.has_lost:  # else what is there is another launch's
            self._executor.sample()
            self._steering.advance(lambda: self._experiments.endings, is_over=lambda: self._is_over)
        if self._scheduler.num_waiting and self._runner.can_start:
            self._tend()
        if self._scheduler.is_held_back and self._runner.tries_again(now_s):
            self._handle(RetryRefused())
        self._views.advance()
        self._console.show(lambda: self._board.snapshot(self._scheduler))

    def _tend(self) -> None:
        """See to it that workers can be started when something waits."""
        try:
            self._executor.tend()
        except LauncherError as error:
            self._handle(*self._runner.cannot_start(error))

    def _leave_folder(self) -> None:
        """End the launch, as its folder was taken away: what runs goes on into the folder, wherever that is now."""
        self._runner.keeps_checkpoints = True
        if (now := self._folders.now()) is not None:
            self._follower.follow(replace(self._plan.paths, outcome=now))
        self._views.abandon()
        if not self._is_over:
            self._handle(Interrupted(force=False))

    def _request_views(self, end: AttemptEnd) -> None:
        if not self._folders.has_lost:
            self._views.request([end.name])

    def _make_notices(self) -> Notices:
        return Notices(self._settings.metrics, is_stopped=self._settings.on_nan == "stop")

    def _signalled(self, number: signal.Signals) -> None:
        self._interrupt(number, force=self._signal is not None)

    def _interrupt(self, number: signal.Signals, *, force: bool) -> None:
        self._signal = self._signal or number
        if self._is_over:
            self._views.give_up("drawing was stopped")
            return
        if force:
            self._draw_until_s = time.monotonic()
            self._console.message(f"{number.name} again: killing what runs.")
        else:
            grace_s = self._settings.grace_s
            self._draw_until_s = time.monotonic() + grace_s + STOPPED_DRAWING_S
            running = plural(len(self._experiments.running), "experiment")
            self._console.message(
                f"{number.name}: nothing more is started; {running} asked to save and end, killed after "
                f"{grace_s:.0f} s. Once more kills at once."
            )
        self._handle(Interrupted(force=force))
