"""One running attempt, from the launcher's side: the grace time, the kill after it, and what silence leads to."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass, field

from launcher.command.hooks import starts_ranks
from launcher.devices.slot_set import SlotSet
from launcher.engine.classify_ending import RECORDS_REMOVED, Circumstances
from launcher.engine.silence import Silence, SilenceWatch
from launcher.executors import rendezvous
from launcher.executors.base import Handle, WorkerExited
from launcher.planning.attempt_script import attempt_script
from launcher.planning.decision import Decision
from launcher.planning.estimate import DurationEstimate, extrapolate_attempt
from launcher.planning.plan import Plan
from launcher.store.paths import Paths
from launcher.store.record_facts import RecordFacts
from launcher.worker.spec import Card, Spec

STACKS_S = 0.5  # that a worker that hangs has for writing its stacks; then it is killed


@dataclass
class Attempt:
    """One running attempt."""

    decision: Decision
    slots: SlotSet
    worker: Handle
    silence: SilenceWatch
    began_s: float = field(default_factory=time.monotonic)
    is_asked: bool = False  # to save and end
    was_asked_in_time: bool = False  # before its last record, which may say so because it was asked
    is_forced: bool = False  # the launcher has killed it
    force_at_s: float | None = None  # when to kill it; None: not planned
    hung_s: float | None = None  # how long it was silent when the launcher ended it; None: it was not
    has_settled: bool = False  # its first step was recorded

    @property
    def name(self) -> str:
        """The experiment's name."""
        return self.decision.experiment.name

    def known(self, history: RecordFacts, now_s: float) -> DurationEstimate:
        """Return how long this attempt takes, extrapolated from its steps; before the first, the former estimate."""
        known = self.decision.duration
        return extrapolate_attempt(history, self.decision.attempt, now_s - self.began_s, known.work) or known

    def has_just_settled(self, history: RecordFacts) -> bool:
        """Return whether the first step of this attempt was recorded: True once."""
        if self.has_settled or history.attempt != self.decision.attempt or history.phase == "in set-up":
            return False
        self.has_settled = True
        return True

    def stop(self, *, force: bool, grace_s: float, is_over: bool = False) -> None:
        """Ask the worker to save and end within the grace time; with `force` kill it.

        `is_over`: the worker has written its last record already.
        """
        self.was_asked_in_time |= not is_over
        self.is_asked = True
        self.is_forced |= force
        if not force:
            due_s = time.monotonic() + grace_s
            self.force_at_s = due_s if self.force_at_s is None else min(due_s, self.force_at_s)
        self.worker.stop(force=force)

    def kill_if_due(self, now_s: float) -> None:
        """Kill the worker if its time is over."""
        if self.force_at_s is not None and now_s >= self.force_at_s:
            self.is_forced, self.force_at_s = True, float("inf")
            self.worker.stop(force=True)

    def add_pause(self, pause_s: float) -> None:
        """Put off what is due by a time in which the launcher, and perhaps this worker, did not run."""
        self.silence.add_pause(pause_s)
        if self.force_at_s is not None:
            self.force_at_s += pause_s

    def watch(self, num_records: int, now_s: float) -> Silence | None:
        """End the worker if nothing was recorded for too long. Return what to tell the user; None if nothing."""
        if self.worker.waits:
            self.began_s = now_s
            self.silence.has_not_begun(now_s)
            return None
        silence = self.silence.look(num_records, now_s, self.worker.cpu_seconds)
        if silence is None or not silence.is_final:
            return silence
        if self.force_at_s is not None:  # it will be killed soon in any case
            return None
        self.hung_s = silence.seconds
        self.worker.end_with_stacks()
        self.force_at_s = now_s + STACKS_S
        return silence

    def circumstances(self, exited: WorkerExited, paths: Paths) -> Circumstances:
        """Return what the launcher knows about the end of this attempt, whose worker is gone."""
        is_short = exited.exit.was_memory_short
        was_asked = self.was_asked_in_time or exited.was_stopped
        has_lost_records = exited.exit.code == 0 and not paths.records(self.name).exists()
        why = exited.why or (RECORDS_REMOVED if has_lost_records else "")
        told = (exited.last_word, why, exited.is_lost)
        return Circumstances(was_asked, self.is_forced, self.hung_s, is_short, *told)


def make_spec(plan: Plan, decision: Decision, slots: SlotSet, *, is_remote: bool = False) -> Spec:
    """Return the specification of an attempt on slots. Its paths are absolute, as the target may change the folder.

    `is_remote`: the attempt gets files of its own; see `Paths.own_attempt`.
    """
    settings = plan.sweep.settings
    threads = str(slots.threads)
    paths = plan.absolute_paths.of_attempt(decision.attempt if is_remote else 0)
    script = attempt_script(plan, decision, paths, slots.kind, slots.threads)
    return Spec(
        experiment=decision.experiment.name,
        attempt=decision.attempt,
        target=settings.target,
        script=script,
        folder=plan.absolute_target_folder,
        config=decision.experiment.defaults | decision.config,
        given=decision.given,
        left_out=tuple(decision.experiment.content.left_out if decision.experiment.content else ()),
        digest=decision.experiment.digest,
        state_digest=decision.state_digest,
        seed=decision.experiment.seed,
        device_type=slots.kind,
        cards=tuple(Card(device.uuid, device.name) for device in slots.devices if device.uuid),
        num_ranks=1 if script is not None and starts_ranks(script.argv) else settings.gpus,
        environment=slots.environment()
        | {"OMP_NUM_THREADS": threads, "MKL_NUM_THREADS": threads}
        | ({} if is_remote else rendezvous.environment(slots.indices[0], os.environ)),
        threads=slots.threads,
        paths=paths,
        checkpoint_s=settings.checkpoint_s,
        watched=settings.metrics[0] if settings.on_nan == "stop" else None,
    )
