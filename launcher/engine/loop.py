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

from launcher.engine.announcer import Announcer
from launcher.engine.control import Control
from launcher.engine.dispatcher import Dispatcher
from launcher.engine.farewell import farewell
from launcher.engine.folder_watch import FolderWatch
from launcher.engine.growth import Decide, Growth
from launcher.engine.launch_state import LaunchState
from launcher.engine.listener import AttemptEnd, Listener, OnEnd
from launcher.engine.lost_devices import LostDevices
from launcher.engine.messages import Begin, Interrupted, RetryRefused
from launcher.engine.parts import Parts
from launcher.engine.pause import PauseMeter
from launcher.engine.progress import ProgressBoard
from launcher.engine.runner import Runner
from launcher.engine.shared_files import SharedFiles
from launcher.engine.signals import signals_to
from launcher.engine.summary import Summary
from launcher.engine.time_left import TimeLeft
from launcher.errors import LauncherError
from launcher.executors.base import LaunchTakenOver, RecordsWritten, SlotsGone, WorkerExited
from launcher.planning.plan import Plan
from launcher.text import plural

TICK_S = 0.25  # between two looks at the clock, and at files whose messages may have got lost
LEAST_TICK_S = 0.1  # the same, where the loop turns for every record that a worker writes
REMOTE_FOLDERS_S = 5.0  # between two looks whether the folders are in place, where they are on a file server
STOPPED_DRAWING_S = 1.0  # that a stopped launch may draw beyond the grace time, which it may use up in any case

_TAKEN_OVER = "another launcher works in the folder now, as this one was stopped for too long: "


class Loop:
    """One launch of a plan.

    Raises:
        OSError: `events.jsonl` cannot be opened.
    """

    def __init__(
        self,
        plan: Plan,
        parts: Parts,
        folders: FolderWatch,
        decide: Decide,
        *,
        is_parallel: bool,
        leaves: bool = False,
    ) -> None:
        """Begin. `leaves`: the launch ends as soon as the cluster has everything."""
        self._plan = plan
        self._settings = plan.sweep.settings
        self._folders = folders
        self._executor = executor = parts.executor
        self._views = parts.views
        self._console = console = parts.console
        self._state = state = LaunchState.begin(plan, parts, is_parallel=is_parallel)
        slots_each = 1 if executor.is_remote else self._settings.gpus
        self._lost_devices = LostDevices(executor, console, state.recorder.log_event, slots_each)
        time_left = TimeLeft(
            state.experiments,
            executor,
            console.message,
            is_parallel=is_parallel,
            is_elastic=self._settings.elastic_threads,
            slots_each=slots_each,
        )
        self._board = ProgressBoard(
            plan, state, time_left, executor.usage, lambda: parts.views.progress, console.message
        )
        listeners: list[Listener] = [Announcer(console, plan.paths), self._board, time_left, OnEnd(self._request_views)]
        listeners += [SharedFiles(console.message)] if self._settings.command else []
        self._runner = Runner(plan, parts, state, self._lost_devices, listeners)
        growth = Growth(parts.searcher, decide, state, console.message, slots_each)
        self._dispatcher = Dispatcher(parts, state, growth, self._runner, self._lost_devices, time_left)
        self._control = Control(
            plan.paths, state, console.message, self._dispatcher.handle, self._interrupt, is_remote=executor.is_remote
        )
        self._selector = selectors.DefaultSelector()
        self._pauses = PauseMeter()
        self._tick_due_s = 0.0
        self._signal: int | None = None  # the first that asked the launch to stop
        self._draw_until_s = math.inf
        self._folders_due_s = 0.0
        self._leaves = leaves
        self._has_left = False

    def run(self) -> Summary:
        """Run every experiment of the plan that is not kept. Return how the launch ended."""
        self._views.attach(self._selector)
        self._selector.register(self._executor.fileno(), selectors.EVENT_READ, lambda: None)
        try:
            with signals_to(self._selector, self._on_signal, self._console.on_signal):
                self._dispatcher.handle(Begin())
                while not self._dispatcher.is_over and not self._has_left:
                    self._turn()
                    if self._leaves and self._executor.has_handed_over:
                        self._leave(None)
                self._views.hurry()
                while self._views.is_working:
                    self._turn()
                    if time.monotonic() >= self._draw_until_s:
                        self._views.give_up("drawing took too long")
        finally:
            self._executor.close()
            self._views.close()
            self._selector.close()
            self._state.recorder.close()
        return self._summary()

    def _summary(self) -> Summary:
        self._folders.look()  # what follows the launch writes there
        experiments, scheduler = self._state.experiments, self._state.scheduler
        num_unwritten = self._state.follower.num_unwritten + self._state.recorder.num_unwritten
        left = list(experiments.running) if self._has_left else []
        return Summary(
            endings=experiments.endings,
            kept=self._plan.kept,
            not_started=[name for name in experiments.not_ended if name not in left],
            left=left,
            signal=self._signal,
            num_unwritten=num_unwritten + self._views.num_problems,
            has_no_device=self._lost_devices.can_start and not scheduler.has_slots,
            has_lost_folder=self._folders.has_lost,
            short=self._state.follower.short,
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
                case LaunchTakenOver() if not self._has_left:
                    self._console.message(
                        "another launcher works in the folder now: this one was stopped for too long."
                    )
                    self._leave(None)
        self._tick()

    def _add_pause(self, pause_s: float) -> None:
        """Put off everything that is due at some time by the time that the launcher did not run."""
        self._draw_until_s += pause_s
        self._views.add_pause(pause_s)
        for attempt in self._state.experiments.running.values():
            attempt.add_pause(pause_s)

    def _tick(self) -> None:
        now_s = time.monotonic()
        if now_s < self._tick_due_s:
            return
        self._tick_due_s = now_s + LEAST_TICK_S
        self._look_at_folders(now_s)
        self._dispatcher.handle(*self._runner.tick(now_s))
        if not self._folders.has_lost:  # otherwise the files at these paths may belong to another launch
            self._executor.sample()
            self._control.advance(lambda: self._dispatcher.is_over)
        if self._state.scheduler.num_waiting and self._lost_devices.can_start:
            self._tend_executor()
        if self._state.scheduler.is_held_back and self._runner.tries_again(now_s):
            self._dispatcher.handle(RetryRefused())
        self._views.advance()
        self._console.show(self._board.snapshot)

    def _look_at_folders(self, now_s: float) -> None:
        if now_s >= self._folders_due_s:
            self._folders_due_s = now_s + (REMOTE_FOLDERS_S if self._executor.is_remote else 0.0)
            if self._folders.look():
                self._leave_folder()

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
            self._state.follower.follow(replace(self._plan.paths, outcome=now))
        self._views.abandon()
        if not self._dispatcher.is_over:
            self._dispatcher.handle(Interrupted(force=False))

    def _request_views(self, end: AttemptEnd) -> None:
        if not self._folders.has_lost:
            self._views.request([end.name])

    def _on_signal(self, number: signal.Signals) -> None:
        if self._executor.is_remote and self._plan.sweep.cluster.on_leave == "go_on" and not self._dispatcher.is_over:
            self._leave(number, f"{number.name}: ")
        else:
            self._interrupt(number, force=self._signal is not None)

    def _leave(self, number: signal.Signals | None, why: str = "") -> None:
        """End the launch; what the cluster has goes on. `why`: before the words about that, if nobody asked for it."""
        self._signal, self._has_left = number, True
        running = self._state.experiments.running.values()
        self._console.message(f"{why}{farewell(running, self._plan.sweep, was_asked=not why)}")
        self._views.abandon()

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
            running = plural(len(self._state.experiments.running), "experiment")
            self._console.message(
                f"{number.name}: nothing more is started; {running} asked to save and end, killed after "
                f"{grace_s:.0f} s. Once more kills at once."
            )
        self._dispatcher.handle(Interrupted(force=force))
