"""What an earlier launch left of one experiment: everything that a decision about it is made from.

`gather` is the only place in planning that reads records, checkpoints or the last attempt of an experiment.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from launcher.planning.batch_halving import state_digest
from launcher.planning.estimate import DurationEstimate, extrapolate
from launcher.planning.experiment import Experiment
from launcher.store.attempts import LastAttempt, last_ending
from launcher.store.checkpoints import Checkpoints
from launcher.store.ending import EndingKind
from launcher.store.history import History, gpu_bytes, read_history
from launcher.store.manifest import ManifestExperiment
from launcher.store.metric_tracker import MetricTracker
from launcher.store.paths import Paths


@dataclass(frozen=True)
class LostEnding:
    """How an attempt ended whose launcher died first, as its records tell it. Its fields are those of the event."""

    attempt: int
    ending: EndingKind
    seconds: float


@dataclass(frozen=True)
class Evidence:
    """What an earlier launch left of one experiment. The defaults are those of an experiment that has never run."""

    planned: ManifestExperiment | None = None  # its entry in `sweep.json`
    last_attempt: LastAttempt | None = None  # its newest attempt, as `events.jsonl` tells it
    attempt: int = 0  # the number of its newest attempt in the records
    ending: EndingKind | None = None  # how the newest attempt ended; None: no worker has begun
    lost_ending: LostEnding | None = None
    digest: str = ""  # of the configuration that was trained; empty: no worker has begun
    num_steps: int = 0
    seconds: float = 0.0  # of training, the attempts that belong together summed
    has_checkpoint: bool = False  # of the configuration as it is now
    duration: DurationEstimate = field(default_factory=DurationEstimate)  # of the configuration as it is now
    peak_memory_bytes: int | None = None  # of the newest attempt, if its worker could say
    peak_gpu_memory_bytes: int | None = None
    needed_gpu_bytes: int | None = None  # the same peak, of an attempt that got all the memory it asked for
    tracker: MetricTracker | None = None  # of an experiment that is done or diverged
    obstacle: str = ""  # why its records cannot be read; empty where they can

    @property
    def is_kept(self) -> bool:
        """It ended in a way after which the same configuration is not trained again."""
        return self.ending is not None and self.ending.is_kept

    @property
    def changes(self) -> dict[str, int]:
        """The keys of its configuration that `on_oom` replaced in the newest attempt, with their values."""
        return self.last_attempt.changed if self.last_attempt else {}


def gather(
    experiment: Experiment,
    planned: ManifestExperiment | None,
    last_attempt: LastAttempt | None,
    paths: Paths,
    tracker: MetricTracker,
) -> Evidence:
    """Read what an earlier launch left of an experiment. `tracker` is a new one; it is fed if the experiment ended.

    Raises:
        OSError: the folder of its checkpoints cannot be read.
    """
    history = read_history(paths.records(experiment.name))
    ending = last_ending(history, last_attempt)
    lost_ending = _lost_ending(history, last_attempt)
    seconds = (last_attempt.seconds if last_attempt else 0.0) + (lost_ending.seconds if lost_ending else 0.0)
    changes = last_attempt.changed if last_attempt else {}
    digest = state_digest(experiment.digest, changes)
    checkpoints = Checkpoints(paths.checkpoints(experiment.name), experiment.name, digest)
    is_kept = ending is not None and ending.is_kept
    if is_kept:
        tracker.begin(history)
    return Evidence(
        planned=planned,
        last_attempt=last_attempt,
        attempt=history.attempt,
        ending=ending,
        lost_ending=lost_ending,
        digest=str(history.start["digest"]) if history.start else "",
        num_steps=len(history.steps),
        seconds=seconds,
        has_checkpoint=checkpoints.has_any(),
        duration=_duration(experiment, history, seconds, planned),
        peak_memory_bytes=_peak(history, "peak_memory_bytes"),
        peak_gpu_memory_bytes=_peak(history, "peak_gpu_memory_bytes"),
        needed_gpu_bytes=gpu_bytes(history),
        tracker=tracker if is_kept else None,
        obstacle=history.obstacle,
    )


def _lost_ending(history: History, last_attempt: LastAttempt | None) -> LostEnding | None:
    """Return how the newest attempt ended if no launcher saw it end; None if one did, or nothing is readable."""
    if last_attempt is None or last_attempt.ending is not None or history.obstacle:
        return None
    if last_attempt.attempt != history.attempt:  # its worker was killed before it had written a record
        return LostEnding(last_attempt.attempt, EndingKind.INTERRUPTED, 0.0)
    ending = EndingKind(history.end["ending"]) if history.end else EndingKind.INTERRUPTED
    return LostEnding(last_attempt.attempt, ending, round(history.last_s, 3))


def _duration(
    experiment: Experiment, history: History, seconds: float, planned: ManifestExperiment | None
) -> DurationEstimate:
    """Return how long the experiment takes as it is configured now, judged by its earlier attempts.

    If it was another configuration that was trained, its time is scaled by the work of the two: 40 s for a work of 100
    become 60 s for a work of 150. Without the work of both, the time is not known.
    """
    estimate = replace(extrapolate(seconds, history.last_step, history.total, experiment.work), is_earlier=True)
    digest = history.start["digest"] if history.start else None
    if estimate.seconds and experiment.work and digest != experiment.digest:
        work = planned.work if planned and planned.digest == digest else None
        estimate = replace(estimate, seconds=estimate.seconds * experiment.work / work if work else None)
    return estimate


def _peak(history: History, key: str) -> int | None:
    value = (history.end or {}).get(key)
    return int(value) if isinstance(value, int | float) else None
