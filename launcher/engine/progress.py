"""Makes snapshots of how every experiment of a launch stands, for the screen and for SIGUSR1.

The loop asks for a snapshot a few times a second at most. The row of an experiment that has ended is made once; each
snapshot makes the other rows anew. This module decides nothing and reads no file.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache

from launcher.engine.attempt import Attempt
from launcher.engine.fault_isolation import FaultIsolation
from launcher.engine.launch_state import LaunchState
from launcher.engine.listener import AttemptEnd
from launcher.engine.newest import Newest
from launcher.engine.snapshot import Group, Snapshot, SnapshotRow
from launcher.engine.time_left import TimeLeft
from launcher.planning.decision import Decision, PlannedAction
from launcher.planning.plan import Plan
from launcher.store.ending import EndingKind
from launcher.store.experiment_state import SPEED, ExperimentState
from launcher.store.samples import Sample


class ProgressBoard:
    """Knows how every experiment of a launch stands."""

    def __init__(
        self,
        plan: Plan,
        state: LaunchState,
        time_left: TimeLeft,
        usage: Callable[[str], Sample | None],
        drawing: Callable[[], tuple[int, int] | None],
        warn: Callable[[str], None],
    ) -> None:
        self._sweep, self._logs = plan.sweep.name, str(plan.paths.logs)
        self._metric, self._is_maximized = plan.metric, plan.is_maximized
        self._names = [decision.experiment.name for decision in plan.decisions]
        self._experiments = state.experiments
        self._scheduler = state.scheduler
        self._follower = state.follower
        self._time_left = time_left
        self._usage = usage  # returns the newest sample of a running experiment
        self._drawing = drawing  # returns how many views are drawn, of how many
        self._isolation = FaultIsolation(warn)
        self._began_s = time.monotonic()
        self._kept = [
            _kept(decision, self._metric) for decision in plan.decisions if decision.action is PlannedAction.KEEP
        ]
        self._ended: dict[str, SnapshotRow] = {}  # in the order of their ends

    def started(self, attempt: Attempt) -> None:
        """Do nothing: snapshots read the table of running attempts."""

    def ended(self, end: AttemptEnd) -> None:
        """Keep the row of an attempt that is over."""
        self._isolation.run(end.name, "its row", lambda: self._keep(end), None)

    def snapshot(self) -> Snapshot:
        """Return how all experiments stand: those that run by slot, those that wait in order, the last to end first."""
        now_s = time.monotonic()
        running, names = self._experiments.running, self._experiments.names
        for attempt in running.values():
            self._learn(attempt)
        waiting = [name for name in names if self._scheduler.state(name) is None]
        is_stopping = self._scheduler.is_stopping
        begun = [attempt for attempt in running.values() if not attempt.worker.waits]
        rows = [self._running_or_bare(attempt, now_s) for attempt in sorted(begun, key=lambda each: each.slots.indices)]
        rows += [_waiting("queued", name) for name, attempt in running.items() if attempt.worker.waits]
        rows += [_waiting("not started" if is_stopping else "waiting", name) for name in waiting]
        again = {*running, *waiting}
        rows += [row for name, row in reversed(self._ended.items()) if name not in again]
        rows += [
            SnapshotRow(experiment=name, group="interrupted", state="withdrawn")
            for name in names
            if name not in again and name not in self._ended
        ]
        return Snapshot(
            sweep=self._sweep,
            rows=(*rows, *self._kept),
            names=tuple(dict.fromkeys([*self._names, *names])),
            metric=self._metric,
            is_maximized=self._is_maximized,
            time_s=now_s - self._began_s,
            left_s=None if is_stopping else self._left_s(waiting),
            is_stopping=is_stopping,
            drawing=self._drawing(),
            logs=self._logs,
            pid=os.getpid(),
        )

    def _left_s(self, waiting: list[str]) -> float | None:
        return self._isolation.run(self._sweep, "the time left", lambda: self._time_left.seconds_left(waiting), None)

    def _keep(self, end: AttemptEnd) -> None:
        self._ended.pop(end.name, None)
        kind = end.ending.kind
        newest, state = self._follower.newest(end.name), kind.short_label
        self._ended[end.name] = _row(end.name, _group(kind), state, newest, end.slots.device, end.seconds)

    def _learn(self, attempt: Attempt) -> None:
        history = self._follower.summary(attempt.name)
        self._isolation.run(attempt.name, "its pace", lambda: self._time_left.learn(attempt, history), None)

    def _running_or_bare(self, attempt: Attempt, now_s: float) -> SnapshotRow:
        device = attempt.slots.device
        bare = SnapshotRow(experiment=attempt.name, group="running", state="running", device=device)
        return self._isolation.run(attempt.name, "its row", lambda: self._running(attempt, now_s), bare)

    def _running(self, attempt: Attempt, now_s: float) -> SnapshotRow:
        history = self._follower.summary(attempt.name)
        known = attempt.known(history, now_s)
        usage = self._usage(attempt.name)
        state = "stopping" if attempt.is_asked else _doing(history.phase)
        newest, device = self._follower.newest(attempt.name), attempt.slots.device
        return replace(
            _row(attempt.name, "running", state, newest, device, now_s - attempt.began_s),
            left_s=known.seconds * (1.0 - known.share_done) if known.seconds else None,
            memory_bytes=usage.memory_bytes if usage else None,
            gpu_memory_bytes=usage.gpu_memory_bytes if usage else None,
            cpu_percent=usage.cpu_percent if usage else None,
        )


@lru_cache(maxsize=10_000)
def _waiting(state: str, name: str) -> SnapshotRow:
    return SnapshotRow(experiment=name, group="waiting", state=state)


def _row(experiment: str, group: Group, state: str, newest: Newest, device: str, time_s: float | None) -> SnapshotRow:
    return SnapshotRow(
        experiment=experiment,
        group=group,
        state=state,
        device=device,
        step=newest.step,
        total=newest.total,
        value=newest.value,
        best=newest.best,
        best_step=newest.best_step,
        tokens_per_s=newest.tokens_per_s,
        time_s=time_s,
    )


def _kept(decision: Decision, metric: str) -> SnapshotRow:
    state = decision.evidence.state or ExperimentState(name=decision.experiment.name)
    ending = decision.evidence.ending or EndingKind.DONE
    curve, speeds = state.curves.get(metric), state.curves.get(SPEED)
    return SnapshotRow(
        experiment=decision.experiment.name,
        group=_group(ending),
        state="kept" if ending == EndingKind.DONE else ending.short_label,
        device=state.device,
        step=state.last_step,
        total=state.total,
        value=curve.newest if curve else None,
        best=curve.best if curve else None,
        best_step=curve.best_step if curve else None,
        tokens_per_s=speeds.newest if speeds else None,
        time_s=state.seconds or None,
    )


def _group(kind: EndingKind) -> Group:
    if kind.is_failure:
        return "failed"
    return "done" if kind.is_kept else "interrupted"


def _doing(phase: str) -> str:
    """Return in a word what a worker does, from the phase in its history."""
    if phase in ("in set-up", "in teardown"):
        return "starting" if phase == "in set-up" else "ending"
    return "saving" if phase.startswith("in the checkpoint") else "running"
