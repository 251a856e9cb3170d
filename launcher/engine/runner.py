"""Runs attempts: starts them on the executor, follows them, and says what follows from their ends.

The scheduler decides what starts where; the loop calls. The runner returns the events that the scheduler must know.
"""

from __future__ import annotations

import contextlib
import re
import time
from collections.abc import Sequence

from launcher.devices.device import Device
from launcher.devices.slots import Slot
from launcher.engine.announcer import summary
from launcher.engine.attempt import Attempt, make_spec
from launcher.engine.classify_ending import Ending, classify
from launcher.engine.console import Console
from launcher.engine.event_recorder import EventRecorder
from launcher.engine.experiments import Experiments
from launcher.engine.follower import Follower
from launcher.engine.listener import AttemptEnd, Listener
from launcher.engine.messages import Ended, Event, Refused, SlotsLost, StopRequested
from launcher.engine.oom_policy import OomPolicy
from launcher.engine.scheduler import Scheduler
from launcher.engine.silence import SilenceWatch
from launcher.engine.waiting import Waiting
from launcher.errors import LauncherError
from launcher.executors.base import Executor, Handle, NotReady, SlotsGone, WorkerExited
from launcher.planning.decision import Decision
from launcher.planning.plan import Plan
from launcher.search.stopper import Stopper
from launcher.store.checkpoints import Checkpoints
from launcher.store.ending import EndingKind
from launcher.store.events import DeviceLost, SetAside, Started

# Words of errors that a GPU, its driver or its libraries may be the cause of.
_OF_A_GPU = re.compile(r"CUDA|\bcu(DNN|BLAS|FFT|SOLVER|SPARSE|RAND)|NCCL|NVML|nvidia|\bHIP\b|ROCm|MIOpen|\bGPU\b", re.I)


class Runner:
    """The attempts of one launch, from their start to what follows from their end."""

    def __init__(
        self,
        plan: Plan,
        executor: Executor,
        experiments: Experiments,
        scheduler: Scheduler,
        follower: Follower,
        recorder: EventRecorder,
        console: Console,
        listeners: Sequence[Listener],
        stopper: Stopper,
    ) -> None:
        self._plan = plan
        self._settings = plan.sweep.settings
        self._executor = executor
        self._experiments = experiments
        self._scheduler = scheduler
        self._follower = follower
        self._recorder = recorder
        self._console = console
        self._listeners = [recorder, *listeners]
        self._stopper = stopper
        self._policy = OomPolicy(plan, console.message)
        self._waiting = Waiting(console.message, recorder.log_event)
        self._gone: set[str] = set()  # places of devices that are lost or set aside
        self.can_start = True  # workers, now or in a moment
        self.keeps_checkpoints = False  # of experiments that are done: the folder is not there any more

    def start(self, name: str, slot: Slot) -> list[Event]:
        """Start an attempt of an experiment; return what the scheduler must know if that was not possible."""
        demand = self._policy.demand(name)
        refused = Refused(name, slot.index)
        try:
            if (refusal := self._executor.refusal(name, slot.index, demand)) is not None:
                self._waiting.refused(name, refusal)
                return [*([self.lose(refusal.gone)] if refusal.gone else []), refused]
            entry = self._experiments[name]
            is_again = entry.ending is not None
            decision = self._policy.next_attempt(entry.decision) if is_again else entry.decision
            spec = make_spec(self._plan, decision, slot)
            self._executor.set_threads(slot.threads)  # what ran alone may have had more
            worker, failure = self._executor.start(spec, slot.index, demand), None
        except NotReady:
            return [refused]
        except LauncherError as error:
            return [*self.cannot_start(error), refused]
        except OSError as error:  # no room for a process
            worker, failure = None, error
        self._waiting.started(name, slot.device.place)
        if is_again:
            entry.ending, entry.decision = None, decision
            self._console.message(f"{name}: tried again, attempt {decision.attempt}.")
        device, goes_on, changed = str(slot.device), decision.is_resumed, decision.changes
        self._recorder.log_event(Started(name, spec.attempt, device, slot.threads, goes_on, changed))
        self._follower.open(spec, f"{slot.device} {slot.device.name} {slot.device.uuid}".rstrip())
        obstacle = self._follower.histories[name].obstacle
        if worker is None or obstacle:
            if worker is not None:
                worker.discard()
            why = obstacle or f"its worker could not be started: {failure}"
            return self._end(decision, slot, Ending(EndingKind.FAILED, why), began_s=None)
        self._begin(decision, slot, worker)
        return []

    def collect(self, name: str) -> list[Event]:
        """Take in what an experiment has recorded; return its stop, if the stopper judges so."""
        attempt = self._experiments.running.get(name)
        if attempt is None:
            return []
        num_before = self._follower.num_records[name]
        history = self._follower.read(name)
        if attempt.has_just_settled(history):
            self._executor.settled(name)
        if history.end is not None and attempt.force_at_s is None:
            # Its last word is said; an exit that hangs must not hold the slot for ever.
            attempt.force_at_s = time.monotonic() + self._settings.grace_s
        if self._follower.num_records[name] == num_before or attempt.is_asked or history.end is not None:
            return []
        return self._judge(name)

    def _judge(self, name: str) -> list[Event]:
        tracker = self._follower.newest[name]
        why = None if tracker.value is None else self._stopper.judge(name, tracker.step, tracker.value)
        if why is None:
            return []
        self._console.message(f"{name}: asked to save and end, as {why}.")
        return [StopRequested(name)]

    def exited(self, exited: WorkerExited) -> list[Event]:
        """Take in that a worker is gone; return what follows, the last its end."""
        attempt = self._experiments.running.pop(exited.experiment)
        history = self._follower.read(attempt.name)
        ending = classify(exited.exit, history, attempt.circumstances(exited))
        return self._end(attempt.decision, attempt.slot, ending, attempt.began_s)

    def stop(self, name: str, *, force: bool) -> None:
        """Ask an experiment to save and end within the grace time, or kill it."""
        attempt = self._experiments.running.get(name)
        if attempt is not None:  # else its start failed, or was refused, a moment ago
            is_over = self._follower.read(name).end is not None
            attempt.stop(force=force, grace_s=self._settings.grace_s, is_over=is_over)

    def tick(self, now_s: float) -> list[Event]:
        """Take in all records, tell of silence, and kill what is due; return the stops that the stopper judges."""
        events: list[Event] = []
        for name, attempt in list(self._experiments.running.items()):
            events += self.collect(name)
            if silence := attempt.watch(self._follower.num_records[name], now_s):
                self._console.message(f"{name}: {silence}")
            attempt.kill_if_due(now_s)
        return events

    def tries_again(self, now_s: float) -> bool:
        """Say whether refused experiments are to be tried again now."""
        is_due = self._waiting.is_due(now_s, is_idle=not self._experiments.running)
        if is_due:
            self._executor.refresh()
        return is_due

    def cannot_start(self, error: LauncherError) -> list[Event]:
        """Start nothing more: the executor makes no workers any more. What runs goes on."""
        if self.can_start:
            self.can_start = False
            self._console.message(str(error), "failure")
        return [SlotsLost(tuple(slot.index for slot in self._executor.slots))]

    def set_aside(self, slot: int, first: str, second: str) -> None:
        """Use the device of a slot no more, on which two experiments have failed at once."""
        device = self._executor.slots[slot].device
        self._executor.set_aside(slot)
        if device.uuid:
            self._gone.add(device.place)
        self._recorder.log_event(SetAside("", str(device), [first, second]))
        self._console.message(
            f"{device} is set aside: {first} and {second} both failed on it at once. What is left goes elsewhere, and "
            "what failed is tried once more there."
        )

    def lose(self, gone: SlotsGone) -> SlotsLost:
        """Take in that a device is gone."""
        places = {slot.device.place for slot in self._executor.slots}
        self._gone.add(self._executor.slots[gone.slots[0]].device.place)
        self._recorder.log_event(DeviceLost("", gone.device, gone.uuid, gone.why))
        left = "What is left goes elsewhere." if places - self._gone else "It was the last: nothing can start."
        self._console.message(f"{gone.device} is lost and set aside: {gone.why}. {left}")
        return SlotsLost(gone.slots)

    def _begin(self, decision: Decision, slot: Slot, worker: Handle) -> None:
        worker.begin()
        began_s = time.monotonic()
        silence = SilenceWatch(began_s, self._settings.stall_after_s, self._settings.kill_after_s)
        attempt = Attempt(decision, slot, worker, silence, began_s)
        self._experiments.running[attempt.name] = attempt
        for listener in self._listeners:
            listener.started(attempt)

    def _end(self, decision: Decision, slot: Slot, ending: Ending, began_s: float | None) -> list[Event]:
        name = decision.experiment.name
        history = self._follower.read(name)
        if ending.kind == EndingKind.DONE and (verdict := self._follower.verdict(name)):
            ending = Ending(EndingKind.DONE, "; ".join(filter(None, [verdict, ending.why])))
        self._experiments[name].ending = ending
        is_ending = self._settings.fail_fast or self._scheduler.is_stopping
        num_others = 0 if is_ending else len(self._experiments.running) + self._scheduler.num_waiting
        seconds = 0.0 if began_s is None else time.monotonic() - began_s
        end = AttemptEnd(decision, slot, ending, history, seconds, num_others)
        self._follower.close(name, f"{name} {summary(end)}")
        if ending.kind == EndingKind.DONE:
            self._policy.finished(name, history)
            self._forget_checkpoints(decision)
        for listener in self._listeners:
            listener.ended(end)
        return self._after(end, has_run=began_s is not None)

    def _after(self, end: AttemptEnd, *, has_run: bool) -> list[Event]:
        """Return what the scheduler must know of an end: perhaps a lost device, and the end itself."""
        events: list[Event] = []
        device, name = end.slot.device, end.name
        if end.ending.kind.is_failure and (gone := self._executor.check_device(end.slot.index, end.ending.why)):
            why = gone.why if gone.why != end.ending.why else f"{name} failed with: {gone.why}"
            events.append(self.lose(SlotsGone(gone.slots, gone.device, gone.uuid, why)))
        is_retried = None
        is_out = end.ending.kind == EndingKind.OUT_OF_MEMORY and device.place not in self._gone
        if is_out and not self._scheduler.is_last(name):
            others = self._experiments.running.values()
            had_company = any(other.slot.device.place == device.place for other in others)
            is_retried = self._policy.is_retried(end.decision, device, had_company=had_company)
        seconds = end.seconds if has_run else float("inf")
        return [*events, Ended(name, end.ending.kind, seconds, is_retried, may_be_device(end.ending, device))]

    def _forget_checkpoints(self, decision: Decision) -> None:
        experiment = decision.experiment
        if not self.keeps_checkpoints:
            with contextlib.suppress(OSError):  # they are of no use any more, but no harm either
                path = self._plan.paths.checkpoints(experiment.name)
                Checkpoints(path, experiment.name, experiment.digest).clear()


def may_be_device(ending: Ending, device: Device) -> bool:
    """Say whether a failure may come of the device: a process that died on a GPU, or an error that speaks of GPUs.

    Never on a CPU slot, of which the next is no better; nor an error of plain Python, which is the same anywhere.
    """
    return device.kind == "cuda" and (not ending.is_raised or bool(_OF_A_GPU.search(ending.why)))
