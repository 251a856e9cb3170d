"""A running attempt as the launcher sees it, and when its silence means something. The loop owns all attempts."""

from __future__ import annotations

import contextlib
import os
import time
from dataclasses import dataclass, field

from launcher.devices.slots import Slot
from launcher.engine.classify_ending import Circumstances
from launcher.executors import rendezvous
from launcher.executors.local import Worker
from launcher.executors.oom_kills import num_oom_kills
from launcher.planning.decision import Decision
from launcher.planning.estimate import DurationEstimate, extrapolate_attempt
from launcher.planning.job import SweepSettings
from launcher.planning.plan import Plan
from launcher.store.history import History
from launcher.worker.last_word import Ear
from launcher.worker.spec import Spec

_BELL_BYTES = 65536  # a pipe holds so much
STACKS_S = 0.5  # for a worker that hangs to end with its stacks; then it is killed
BUSY_SHARE = 0.01  # a worker that used this share of a core since its last record is slow, not dead


@dataclass
class Attempt:
    """One running attempt."""

    decision: Decision
    slot: Slot
    worker: Worker
    began_s: float = field(default_factory=time.monotonic)
    is_asked: bool = False
    was_asked_in_time: bool = False  # before its last word: what it says then may come of that
    is_forced: bool = False
    force_at_s: float | None = None
    hung_s: float | None = None

    def __post_init__(self) -> None:
        self._ear = Ear()
        self._oom_kills = num_oom_kills()
        self._num_records = -1
        self._is_stalled = False
        self._heard_s = self.began_s
        self._cpu_s = -1.0  # not read yet
        self._cpu_since_s = self.began_s

    @property
    def name(self) -> str:
        """The experiment's name."""
        return self.decision.experiment.name

    def known(self, history: History, now_s: float) -> DurationEstimate:
        """Return what this attempt tells of how long it takes; until its first step, what was known before."""
        known = self.decision.duration
        return extrapolate_attempt(history, self.decision.attempt, now_s - self.began_s, known.work) or known

    def hear(self) -> bool:
        """Take in what the bell has said; return whether its other end is still open."""
        with contextlib.suppress(BlockingIOError):
            while data := os.read(self.worker.bell.fileno(), _BELL_BYTES):
                self._ear.hear(data)
            return False
        return True

    def stop(self, *, force: bool, grace_s: float, is_over: bool = False) -> None:
        """Ask the worker to save and end within the grace time, or kill it. `is_over`: its last word is said."""
        self.was_asked_in_time |= not is_over
        self.is_asked = True
        self.is_forced |= force
        if not force:
            due_s = time.monotonic() + grace_s
            self.force_at_s = due_s if self.force_at_s is None else min(due_s, self.force_at_s)
        self.worker.stop(force=force)

    def kill_if_due(self, now_s: float) -> None:
        """Kill the worker when its time is over."""
        if self.force_at_s is not None and now_s >= self.force_at_s:
            self.is_forced, self.force_at_s = True, float("inf")
            self.worker.stop(force=True)

    def forgive(self, pause_s: float) -> None:
        """Take in that the launcher did not run for a while, nor perhaps this worker: that time counts for nothing."""
        self._heard_s += pause_s
        self._cpu_since_s += pause_s
        if self.force_at_s is not None:
            self.force_at_s += pause_s

    def watch(self, num_records: int, now_s: float, settings: SweepSettings) -> str:
        """Look at how long nothing was recorded; return what the user should be told, if anything.

        CPU time, which the kernel counts whatever the worker does, tells a slow step from a dead worker.
        """
        if num_records != self._num_records:
            self._num_records, self._heard_s, self._is_stalled = num_records, now_s, False
            self._cpu_s = -1.0
            return ""
        silent_s = now_s - self._heard_s
        if self._cpu_s < 0 and silent_s >= settings.stall_after_s / 2:  # reading it costs milliseconds
            self._cpu_s = self.worker.cpu_seconds()
            self._cpu_since_s = now_s
        if settings.kill_after_s is not None and silent_s >= settings.kill_after_s and self.force_at_s is None:
            self.hung_s = silent_s
            self.worker.end_with_stacks()
            self.force_at_s = now_s + STACKS_S
            what = f"{self.name}: no record for {silent_s:.0f} s"
            return f"{what}: its stacks go to its log, then it is killed (kill_after_s)."
        if silent_s >= settings.stall_after_s and not self._is_stalled and now_s > self._cpu_since_s:
            self._is_stalled = True
            used_s, of_s = self.worker.cpu_seconds() - self._cpu_s, now_s - self._cpu_since_s
            sort = (
                f"it used {used_s:.1f} s of CPU in the last {of_s:.1f} s, so it is probably a slow step"
                if used_s > BUSY_SHARE * of_s
                else "it uses no CPU, so it probably hangs"
            )
            return f"{self.name}: no record for {silent_s:.0f} s; {sort}."
        return ""

    def circumstances(self) -> Circumstances:
        """Return what the launcher knows about the end of this attempt."""
        is_memory_short = num_oom_kills() > self._oom_kills
        return Circumstances(self.was_asked_in_time, self.is_forced, self.hung_s, is_memory_short, self._ear.word)


def make_spec(plan: Plan, decision: Decision, slot: Slot) -> Spec:
    """Return what the worker of an attempt on a slot needs to know; its paths hold wherever the target changes to."""
    settings = plan.sweep.settings
    threads = str(slot.threads)
    return Spec(
        experiment=decision.experiment.name,
        attempt=decision.attempt,
        target=settings.target,
        folder=plan.sweep.job_file.parent.absolute(),
        config=decision.config,
        given=decision.given,
        left_out=tuple(decision.experiment.content.left_out if decision.experiment.content else ()),
        digest=decision.experiment.digest,
        state_digest=decision.state_digest,
        seed=settings.seed,
        device=slot.device.kind,
        uuid=slot.device.uuid,
        device_name=slot.device.name,
        environment=slot.device.environment()
        | {"OMP_NUM_THREADS": threads, "MKL_NUM_THREADS": threads}
        | rendezvous.environment(slot.index, os.environ),
        threads=slot.threads,
        paths=plan.paths.absolute(),
        checkpoint_s=settings.checkpoint_s,
        watched=settings.metrics[0] if settings.on_nan == "stop" else None,
    )
