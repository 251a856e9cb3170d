"""Runs attempts: starts them on the executor, follows them, and finds out what follows from their ends.

The scheduler decides what starts where, and the loop and the dispatcher call. The methods return the events that the
scheduler must know.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Sequence

from launcher.devices.slot_set import SlotSet
from launcher.engine.announcer import summary
from launcher.engine.attempt import Attempt, make_spec
from launcher.engine.attempt_ending import classify_attempt
from launcher.engine.classify_ending import Ending, classify
from launcher.engine.launch_state import LaunchState
from launcher.engine.listener import AttemptEnd, Listener, Ran
from launcher.engine.lost_attempts import LostAttempts
from launcher.engine.lost_devices import LostDevices, may_be_device
from launcher.engine.messages import Ended, Event, Refused, StopRequested
from launcher.engine.oom_policy import OomPolicy
from launcher.engine.parts import Parts
from launcher.engine.port_retry import PortRetry
from launcher.engine.script_records import complete
from launcher.engine.silence import SilenceWatch
from launcher.engine.waiting import Waiting
from launcher.errors import LauncherError
from launcher.executors.base import Handle, NotReady, WorkerExited
from launcher.planning.decision import Decision
from launcher.planning.plan import Plan
from launcher.store.checkpoints import Checkpoints
from launcher.store.ending import EndingKind
from launcher.store.events import Started

REMOTE_TICK_S = 5.0  # between two looks at the silence of attempts on a cluster; there may be thousands
REMOTE_EXTRA_S = 30.0  # that a cluster has for passing a stop on, and for telling of the end


class Runner:
    """The attempts of one launch, from their start to what follows from their end."""

    def __init__(
        self,
        plan: Plan,
        parts: Parts,
        state: LaunchState,
        lost_devices: LostDevices,
        listeners: Sequence[Listener],
    ) -> None:
        self._plan = plan
        self._settings = plan.sweep.settings
        self._executor = parts.executor
        self._experiments = state.experiments
        self._scheduler = state.scheduler
        self._follower = state.follower
        self._log_event = state.recorder.log_event
        self._lost_devices = lost_devices
        self._console = parts.console
        self._listeners = [state.recorder, *listeners]
        self._stopper = parts.stopper
        self._policy = OomPolicy(plan, parts.console.message)
        self._port_retry = PortRetry(parts.console.message)
        self._lost = LostAttempts()
        self._tick_due_s = 0.0
        self._waiting = Waiting(parts.console.message, state.recorder.log_event)
        self.keeps_checkpoints = False  # of experiments that are done, because the folder was taken away

    def start(self, name: str, slots: SlotSet) -> list[Event]:
        """Start an attempt of an experiment. Return the events for the scheduler if it could not be started."""
        demand = self._policy.demand(name)
        refused = Refused(name, slots.indices)
        try:
            if (refusal := self._executor.refusal(name, slots.indices, demand)) is not None:
                self._waiting.refused(name, refusal)
                lost = [self._lost_devices.lose(refusal.gone)] if refusal.gone else []
                return [*lost, Refused(name, refusal.slots or slots.indices)]
            decision = self._next_decision(name)
            spec = make_spec(self._plan, decision, slots, is_remote=self._executor.is_remote)
            self._executor.set_threads(slots.threads)  # an experiment that ran alone may have had more
            worker, failure = self._executor.start(spec, slots.indices, demand), ""
        except NotReady:
            return [refused]
        except LauncherError as error:
            return [self._lost_devices.cannot_start(error), refused]
        except OSError as error:  # no room for a process
            worker, failure = None, f"its worker could not be started: {error}"
        self._waiting.started(name, slots.places)
        self._take_up(decision)
        if not decision.is_told:
            self._log_event(_started(decision, slots))
        self._follower.open(spec, slots.about_devices, is_there=decision.is_followed or not self._executor.is_remote)
        why = self._follower.summary(name).obstacle or failure
        if worker is None or why:
            if worker is not None:
                worker.discard()
            return self._end(decision, slots, Ending(EndingKind.FAILED, why), Ran())
        self._begin(decision, slots, worker)
        return []

    def _next_decision(self, name: str) -> Decision:
        entry = self._experiments[name]
        decision = entry.decision if entry.ending is None else self._policy.next_attempt(entry.decision)
        return decision.numbered(self._executor.open_attempt(name))

    def _take_up(self, decision: Decision) -> None:
        """Enter the decision about an attempt into the table of experiments; tell the user of a further attempt."""
        entry = self._experiments[decision.experiment.name]
        if entry.ending is not None:
            entry.ending, entry.decision = None, decision
            self._console.message(f"{entry.name}: {decision.again}, attempt {decision.attempt}.")

    def _begin(self, decision: Decision, slots: SlotSet, worker: Handle) -> None:
        worker.begin()
        began_s = time.monotonic()
        end_after_s = None if self._executor.is_remote else self._settings.kill_after_s  # else its supervisor does it
        silence = SilenceWatch(began_s, self._settings.stall_after_s, end_after_s)
        attempt = Attempt(decision, slots, worker, silence, began_s)
        self._experiments.running[attempt.name] = attempt
        for listener in self._listeners:
            listener.started(attempt)

    def collect(self, name: str) -> list[Event]:
        """Read what an experiment has recorded. Return a request to stop it, if the stopper judges so."""
        attempt = self._experiments.running.get(name)
        if attempt is None:
            return []
        num_before = self._follower.num_records[name]
        history = self._follower.read(name)
        if attempt.has_just_settled(history):
            self._executor.settled(name)
        if history.end is not None and attempt.force_at_s is None and not self._executor.is_remote:
            # The worker has written its last record. If its exit hangs, it must not hold the slot for ever.
            attempt.force_at_s = time.monotonic() + self._settings.grace_s
        if self._follower.num_records[name] == num_before or attempt.is_asked or history.end is not None:
            return []
        return self._judge(name)

    def _judge(self, name: str) -> list[Event]:
        tracker = self._follower.newest(name)
        why = None if tracker.value is None else self._stopper.judge(name, tracker.step, tracker.value)
        if why is None:
            return []
        self._console.message(f"{name}: asked to save and end, as {why}.")
        return [StopRequested(name)]

    def stop(self, name: str, *, force: bool) -> None:
        """Ask an experiment to save and end within the grace time; with `force` kill it."""
        attempt = self._experiments.running.get(name)
        if attempt is not None:  # otherwise its start failed or was refused a moment ago
            is_over = self._follower.read(name).end is not None
            grace_s = self._settings.grace_s + (REMOTE_EXTRA_S if self._executor.is_remote else 0.0)
            attempt.stop(force=force, grace_s=grace_s, is_over=is_over)

    def tick(self, now_s: float) -> list[Event]:
        """Read all records, tell of silence, and kill what is due. Return the stops that the stopper judges."""
        events: list[Event] = []
        if self._executor.is_remote and now_s < self._tick_due_s:
            return events
        self._tick_due_s = now_s + REMOTE_TICK_S
        for name, attempt in list(self._experiments.running.items()):
            if not self._executor.is_remote:
                events += self.collect(name)
            if silence := attempt.watch(self._signs_of_life(name), now_s):
                self._console.message(f"{name}: {silence}")
            attempt.kill_if_due(now_s)
        return events

    def _signs_of_life(self, name: str) -> int:
        """Return a number that changes when an experiment records something; of a script, also when it prints."""
        num_bytes = 0
        if self._settings.command and not self._executor.is_remote:
            with contextlib.suppress(OSError):
                num_bytes = self._plan.paths.log(name).stat().st_size
        return self._follower.num_records[name] + num_bytes

    def tries_again(self, now_s: float) -> bool:
        """Return whether to try refused experiments again now."""
        is_due = self._waiting.is_due(now_s, is_idle=not self._experiments.running)
        if is_due:
            self._executor.refresh()
        return is_due

    def exited(self, exited: WorkerExited) -> list[Event]:
        """Take in that an attempt is over. Return the events that follow; the last is its end."""
        attempt = self._experiments.running.pop(exited.experiment)
        history = self._follower.read(attempt.name, exited.ended.last_records if exited.ended else None)
        is_local_script = bool(self._settings.command) and not self._executor.is_remote
        if is_local_script and history.end is None and complete(self._plan.paths, attempt.name):
            history = self._follower.read(attempt.name)
        if (ended := exited.ended) is not None:
            ending = classify_attempt(ended, history, exited.why)
            seconds, node, peak = ended.seconds, ended.node, ended.peak_gpu_bytes
        else:
            ending = classify(exited.exit, history, attempt.circumstances(exited, self._plan.paths))
            seconds, node, peak = time.monotonic() - attempt.began_s, "", exited.peak_gpu_bytes
        is_lost = exited.is_lost and not (attempt.is_asked or ending.kind.is_kept)
        goes_on = exited.goes_on or (is_lost and self._lost.may_go_on(attempt.name, history.last_step))
        ran = Ran(seconds, node, goes_on, peak)
        return self._end(attempt.decision, attempt.slots, ending, ran)

    def _end(self, decision: Decision, slots: SlotSet, ending: Ending, ran: Ran) -> list[Event]:
        name = decision.experiment.name
        history = self._follower.summary(name)
        if ending.kind == EndingKind.DONE and (verdict := self._follower.verdict(name)):
            ending = Ending(EndingKind.DONE, "; ".join(filter(None, [verdict, ending.why])))
        self._experiments[name].ending = ending
        is_ending = self._settings.fail_fast or self._scheduler.is_stopping
        num_others = 0 if is_ending else len(self._experiments.running) + self._scheduler.num_waiting
        end = AttemptEnd(decision, slots, ending, history, ran.seconds or 0.0, num_others, ran.node, ran.peak_gpu_bytes)
        self._follower.close(name, f"{name} {summary(end)}")
        if ending.kind == EndingKind.DONE:
            self._policy.finished(name, history, ran.peak_gpu_bytes)
            if not self.keeps_checkpoints and not self._executor.is_remote:
                _remove_checkpoints(self._plan, decision)
        for listener in self._listeners:
            listener.ended(end)
        return self._events_after(end, ran)

    def _events_after(self, end: AttemptEnd, ran: Ran) -> list[Event]:
        """Return the events that follow from an end: perhaps the loss of devices, and the end itself."""
        lost = self._lost_devices.check(end)
        may_have_device_fault = not self._executor.is_remote and may_be_device(end.ending, end.slots.kind)
        seconds = float("inf") if ran.seconds is None else ran.seconds
        is_retried = True if ran.goes_on else self._is_retried(end)
        ended = Ended(end.name, end.ending.kind, seconds, is_retried, may_have_device_fault)
        return [*lost, ended]

    def _is_retried(self, end: AttemptEnd) -> bool | None:
        """Return whether an experiment is tried again for a reason of its own; None: `retries` decides."""
        if not self._scheduler.is_last(end.name) and self._port_retry.is_due(end):
            return True
        are_there = not any(device in self._lost_devices for device in end.slots.devices)
        is_out_of_memory = end.ending.kind == EndingKind.OUT_OF_MEMORY and are_there
        if not is_out_of_memory or self._scheduler.is_last(end.name):
            return None
        others = self._experiments.running.values()
        had_company = any(other.slots.places & end.slots.places for other in others)
        return self._policy.is_retried(end.decision, end.slots, had_company=had_company)


def _remove_checkpoints(plan: Plan, decision: Decision) -> None:
    """Remove the checkpoints of an experiment that is done: they are of no use any more, and do no harm either."""
    experiment = decision.experiment
    with contextlib.suppress(OSError):
        Checkpoints(plan.paths.checkpoints(experiment.name), experiment.name, experiment.digest).clear()


def _started(decision: Decision, slots: SlotSet) -> Started:
    return Started(
        decision.experiment.name,
        decision.attempt,
        slots.device,
        slots.threads,
        goes_on=decision.is_resumed,
        changed=decision.changes,
    )
