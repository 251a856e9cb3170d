"""Gathers what is known of every experiment of a launch into a snapshot, for the screen and for SIGUSR1.

The loop asks for it a few times a second at most. Rows of experiments that wait or have ended are made once; a snapshot
makes new ones of those that run. Nothing is decided here and no file is read.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from launcher.devices.slots import Slot
from launcher.engine.attempt import Attempt
from launcher.engine.classify_ending import Ending
from launcher.engine.containment import Containment
from launcher.engine.follower import Collector
from launcher.engine.snapshot import Group, Snapshot, SnapshotRow
from launcher.executors.telemetry import Sample
from launcher.planning.decision import Decision, PlannedAction
from launcher.planning.plan import Plan
from launcher.store.ending import EndingKind
from launcher.store.metric_tracker import MetricTracker


class ProgressBoard:
    """Knows how every experiment of a launch stands."""

    def __init__(
        self, plan: Plan, collector: Collector, usage: Callable[[str], Sample | None], contained: Containment
    ) -> None:
        self._sweep, self._logs = plan.sweep.name, str(plan.paths.logs)
        self._metric = plan.metric_tracker().metric
        self._collector = collector
        self._usage = usage  # of an experiment that runs
        self._contained = contained
        self._began_s = time.monotonic()
        self._waiting = {
            one.experiment.name: SnapshotRow(experiment=one.experiment.name, group="waiting", state="waiting")
            for one in plan.to_run
        }
        self._kept = [_kept(one) for one in plan.decisions if one.action is PlannedAction.KEEP]
        self._ended: dict[str, SnapshotRow] = {}  # by when they ended

    def ended(self, experiment: str, slot: Slot, ending: Ending, seconds: float) -> None:
        """Note how an attempt ended; the collector still knows its last values."""
        self._ended.pop(experiment, None)
        newest, state = self._collector.newest[experiment], ending.kind.short_label
        self._ended[experiment] = _row(experiment, _group(ending.kind), state, newest, str(slot.device), seconds)

    def snapshot(self, running: Mapping[str, Attempt], waiting: Sequence[str], left_s: float | None) -> Snapshot:
        """Return how all experiments stand: those that run by slot, waiting ones as given, ended ones newest first."""
        now_s = time.monotonic()
        in_order = sorted(running.values(), key=lambda attempt: attempt.slot.index)
        rows = [self._running_or_bare(attempt, now_s) for attempt in in_order]
        rows += [self._waiting[name] for name in waiting]
        again = {*running, *waiting}
        rows += [row for name, row in reversed(self._ended.items()) if name not in again]
        rows += [
            replace(row, group="interrupted", state="withdrawn")
            for name, row in self._waiting.items()
            if name not in again and name not in self._ended
        ]
        return Snapshot(
            sweep=self._sweep,
            rows=(*rows, *self._kept),
            metric=self._metric,
            time_s=now_s - self._began_s,
            left_s=left_s,
            logs=self._logs,
            pid=os.getpid(),
        )

    def _running_or_bare(self, attempt: Attempt, now_s: float) -> SnapshotRow:
        device = str(attempt.slot.device)
        bare = SnapshotRow(experiment=attempt.name, group="running", state="running", device=device)
        return self._contained.run(attempt.name, "its row", lambda: self._running(attempt, now_s), bare)

    def _running(self, attempt: Attempt, now_s: float) -> SnapshotRow:
        history = self._collector.histories[attempt.name]
        known = attempt.known(history, now_s)
        usage = self._usage(attempt.name)
        state = "stopping" if attempt.is_asked else _doing(history.phase)
        newest, device = self._collector.newest[attempt.name], str(attempt.slot.device)
        return replace(
            _row(attempt.name, "running", state, newest, device, now_s - attempt.began_s),
            left_s=known.seconds * (1.0 - known.share_done) if known.seconds else None,
            memory_bytes=usage.memory_bytes if usage else None,
            gpu_memory_bytes=usage.gpu_memory_bytes if usage else None,
            cpu_percent=usage.cpu_percent if usage else None,
        )


def _row(
    experiment: str, group: Group, state: str, newest: MetricTracker, device: str, time_s: float | None
) -> SnapshotRow:
    return SnapshotRow(
        experiment=experiment,
        group=group,
        state=state,
        device=device,
        step=newest.step,
        total=newest.total,
        value=newest.value,
        best=newest.best,
        tokens_per_s=newest.tokens_per_s,
        time_s=time_s,
    )


def _kept(decision: Decision) -> SnapshotRow:
    evidence = decision.evidence
    kind, newest, seen = (
        evidence.ending or EndingKind.DONE,
        evidence.tracker or MetricTracker(""),
        evidence.last_attempt,
    )
    device, time_s = (seen.device, seen.seconds or None) if seen else ("", None)
    state = "kept" if kind == EndingKind.DONE else kind.short_label
    return _row(decision.experiment.name, _group(kind), state, newest, device, time_s)


def _group(kind: EndingKind) -> Group:
    if kind.is_failure:
        return "failed"
    return "done" if kind.is_kept else "interrupted"


def _doing(phase: str) -> str:
    """Return in a word what a worker does, from the phase its history knows."""
    if phase in ("in set-up", "in teardown"):
        return "starting" if phase == "in set-up" else "ending"
    return "saving" if phase.startswith("in the checkpoint") else "running"
