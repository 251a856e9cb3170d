"""The event loop of a launch: reads what has happened, has it dispatched, and looks at the clock.

    executor, signals, requests, time ─▶ events ─▶ dispatcher ─▶ runner ─▶ executor
                                                                  └─▶ listeners

The loop owns the executor: when the loop is left, in whatever way, no worker lives on.
"""

from __future__ import annotations

import math
import selectors
import signal
import time
from dataclasses import replace

from launcher.devices.slots import device_numbers
from launcher.engine.announcer import Announcer
from launcher.engine.control import Control
from launcher.engine.dispatcher import Dispatcher
from launcher.engine.event_recorder import EventRecorder
from launcher.engine.experiments import Experiments
from launcher.engine.folder_watch import FolderWatch
from launcher.engine.follower import Follower
from launcher.engine.growth import Decide, Growth
from launcher.engine.listener import AttemptEnd, Listener, OnEnd
from launcher.engine.lost_devices import LostDevices
from launcher.engine.messages import Begin, Interrupted, RetryRefused
from launcher.engine.notices import Notices
from launcher.engine.parts import Parts
from launcher.engine.pause import PauseMeter
from launcher.engine.progress import ProgressBoard
from launcher.engine.runner import Runner
from launcher.engine.scheduler import Scheduler
from launcher.engine.signals import signals_to
from launcher.engine.summary import Summary
from launcher.engine.time_left import TimeLeft
from launcher.errors import LauncherError
from launcher.executors.base import RecordsWritten, SlotsGone, WorkerExited
from launcher.planning.plan import Plan
from launcher.text import plural

TICK_S = 0.25  # between two looks at the clock, and at files whose messages may have got lost
STOPPED_DRAWING_S = 1.0  # that a stopped launch may draw beyond the grace time, which it may use up in any case


class Loop:
    """One launch of a plan.

    Raises:
        OSError: `events.jsonl` cannot be opened.
    """

    def __init__(self, plan: Plan, parts: Parts, folders: FolderWatch, decide: Decide, *, is_parallel: bool) -> None:
        self._plan = plan
        self._settings = settings = plan.sweep.settings
        self._folders = folders
        self._executor = executor = parts.executor
        self._views = parts.views
        self._console = console = parts.console
        message, slots = console.message, executor.slots
        self._recorder = EventRecorder(plan.paths, message)
        order = plan.order if is_parallel else [decision.experiment.name for decision in plan.to_run]
        self._experiments = Experiments(plan.to_run, order, plan.durations)
        self._scheduler = Scheduler(
            order,
            len(slots),
            None if is_parallel else [decision.experiment.index % len(slots) for decision in plan.to_run],
            retries=settings.retries,
            fail_fast=settings.fail_fast,
            devices=device_numbers(slots),
        )
        self._follower = Follower(plan.paths, message, plan.metric_tracker, self._make_notices, parts.sinks)
        self._lost_devices = LostDevices(executor, console, self._recorder.log_event)
        time_left = TimeLeft(
            self._experiments, executor, message, is_parallel=is_parallel, is_elastic=settings.elastic_threads
        )
        self._board = ProgressBoard(
            plan, self._experiments, self._scheduler, self._follower, time_left, executor.usage, message
        )
        listeners: list[Listener] = [Announcer(console, plan.paths), self._board, time_left, OnEnd(self._request_views)]
        self._runner = Runner(
            plan,
            parts,
            self._experiments,
            self._scheduler,
            self._follower,
            self._recorder,
            self._lost_devices,
            listeners,
        )
        self._dispatcher = Dispatcher(
            slots,
            self._scheduler,
            Growth(parts.searcher, decide, self._experiments, self._scheduler, self._follower, message),
            self._runner,
            self._lost_devices,
            time_left,
            message,
            self._recorder.log_event,
        )
        self._control = Control(
            plan.paths,
            self._experiments,
            self._scheduler,
            message,
            self._recorder.log_event,
            self._dispatcher.handle,
            self._interrupt,
        )
        self._selector = selectors.DefaultSelector()
        self._pauses = PauseMeter()
        self._signal: int | None = None  # the first that asked the launch to stop
        self._draw_until_s = math.inf

    def run(self) -> Summary:
        """Run every experiment of the plan that is not kept. Return how the launch ended."""
        self._views.attach(self._selector)
        self._selector.register(self._executor.fileno(), selectors.EVENT_READ, lambda: None)
        try:
            with signals_to(self._selector, self._on_signal, self._console.on_signal):
                self._dispatcher.handle(Begin())
                while not self._dispatcher.is_over:
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
            has_no_device=self._lost_devices.can_start and not self._scheduler.has_slots,
            has_lost_folder=self._folders.has_lost,
        )

    def _turn(self) -> None:
        ready = self._selector.select(TICK_S)
        if pause_s := self._pauses.look():
            self._add_pause(pause_s)
        for key, _ in ready:
            if self._selector.get_map().get(key.fd) is key:  # the call before may have closed it
                key.data()
        for event in self._executor.poll():
            match event:
                case RecordsWritten(experiment):
                    self._dispatcher.handle(*self._runner.collect(experiment))
                case WorkerExited():
                    self._dispatcher.handle(*self._runner.exited(event))
                case SlotsGone():
                    self._dispatcher.handle(self._lost_devices.lose(event))
        self._tick()

    def _add_pause(self, pause_s: float) -> None:
        """Put off everything that is due at some time by the time that the launcher did not run."""
        self._draw_until_s += pause_s
        self._views.add_pause(pause_s)
        for attempt in self._experiments.running.values():
            attempt.add_pause(pause_s)

    def _tick(self) -> None:
        now_s = time.monotonic()
        if self._folders.look():
            self._leave_folder()
        self._dispatcher.handle(*self._runner.tick(now_s))
        if not self._folders.has_lost:  # otherwise the files at these paths may belong to another launch
            self._executor.sample()
            self._control.advance(lambda: self._dispatcher.is_over)
        if self._scheduler.num_waiting and self._lost_devices.can_start:
            self._tend_executor()
        if self._scheduler.is_held_back and self._runner.tries_again(now_s):
            self._dispatcher.handle(RetryRefused())
        self._views.advance()
        self._console.show(self._board.snapshot)

    def _tend_executor(self) -> None:
        """Have the executor repair what new workers need, because experiments wait."""
        try:
            self._executor.tend()
        except LauncherError as error:
            self._dispatcher.handle(self._lost_devices.cannot_start(error))

    def _leave_folder(self) -> None:
        """End the launch because its folder was taken away. Workers go on writing into the folder where it is now."""
        self._runner.keeps_checkpoints = True
        if (now := self._folders.now()) is not None:
            self._follower.follow(replace(self._plan.paths, outcome=now))
        self._views.abandon()
        if not self._dispatcher.is_over:
            self._dispatcher.handle(Interrupted(force=False))

    def _request_views(self, end: AttemptEnd) -> None:
        if not self._folders.has_lost:
            self._views.request([end.name])

    def _make_notices(self) -> Notices:
        return Notices(self._settings.metrics, is_stopped=self._settings.on_nan == "stop")

    def _on_signal(self, number: signal.Signals) -> None:
        self._interrupt(number, force=self._signal is not None)

    def _interrupt(self, number: signal.Signals, *, force: bool) -> None:
        self._signal = self._signal or number
        if self._dispatcher.is_over:
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
        self._dispatcher.handle(Interrupted(force=force))
