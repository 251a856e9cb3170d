"""Hands events to the scheduler and carries out its actions.

Read the drawing from the left; growth, which hears of ends, may add experiments to the launch:

    event ─▶ scheduler ─▶ actions ─▶ runner ─▶ executor
      ▲          │                      │
      │          └──▶ growth ──▶ event  │
      └── event, if an action has failed at once
"""

from __future__ import annotations

import os
from collections import deque

from launcher.devices.slot_set import SlotSet
from launcher.engine.growth import Growth
from launcher.engine.launch_state import LaunchState
from launcher.engine.lost_devices import LostDevices
from launcher.engine.messages import Action, Done, Ended, Event, FailFast, Quarantined, Start, Stop
from launcher.engine.parts import Parts
from launcher.engine.runner import Runner
from launcher.engine.time_left import TimeLeft
from launcher.store.events import Requeued


class Dispatcher:
    """Carries out what the scheduler of one launch decides.

    An action may fail at once, and that is an event again: `handle` may be called while it carries out actions. The
    outer call then goes on with all actions, in the order in which the scheduler has decided them.
    """

    def __init__(
        self,
        parts: Parts,
        state: LaunchState,
        growth: Growth,
        runner: Runner,
        lost_devices: LostDevices,
        time_left: TimeLeft,
    ) -> None:
        self._slots = parts.executor.slots
        self._message = parts.console.message
        self._scheduler = state.scheduler
        self._log_event = state.recorder.log_event
        self._growth = growth
        self._runner = runner
        self._lost_devices = lost_devices
        self._time_left = time_left
        self._actions: deque[Action] = deque()
        self._is_acting = False
        self._ended: deque[str] = deque()  # experiments whose ends the scheduler knows, and nobody else yet
        self.is_over = False  # nothing runs, and nothing will start

    def handle(self, *events: Event) -> None:
        """Tell the scheduler what has happened, and carry out what it decides."""
        for event in events:
            self._actions += self._decide(event)
        if self._is_acting:
            return
        self._is_acting = True
        while self._actions:
            self._carry_out(self._actions.popleft())
        self._is_acting = False
        while self._ended:
            self._log_if_requeued(self._ended.popleft())
            if not self._scheduler.num_waiting:
                self._time_left.nothing_waits()

    def _decide(self, event: Event) -> list[Action]:
        actions = self._scheduler.handle(event)
        if isinstance(event, Ended):
            self._ended.append(event.experiment)
            for added in self._growth.after(event):  # then the launch is not done
                actions = [action for action in actions if not isinstance(action, Done)]
                actions += self._scheduler.handle(added)
        return actions

    def _carry_out(self, action: Action) -> None:
        match action:
            case Start(experiment, slots):
                self.handle(*self._runner.start(experiment, SlotSet.of(self._slots, slots)))
            case Stop(experiment, force):
                self._runner.stop(experiment, force=force)
            case Quarantined(slots, (first, second)):
                self._lost_devices.set_aside(slots, first, second)
                self._log_if_requeued(first)
            case FailFast(experiment):
                self._message(f"{experiment} failed: nothing more is started, what runs saves and ends.")
            case Done():
                self.is_over = True

    def _log_if_requeued(self, experiment: str) -> None:
        """Write down that an experiment whose attempt is over waits for another attempt, if that is so."""
        if self._scheduler.state(experiment) is None:
            self._log_event(Requeued(experiment, os.getpid()))
