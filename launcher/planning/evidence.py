"""What an earlier launch left of one experiment: everything that a decision about it is made from.

`gather` is the only place in planning that reads records, checkpoints or the last attempt of an experiment.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from launcher.planning.batch_halving import state_digest
from launcher.planning.estimate import DurationEstimate, extrapolate
from launcher.planning.experiment import Experiment
from launcher.store.attempt_files import AttemptsOnCluster
from launcher.store.attempts import LastAttempt, last_attempts
from launcher.store.checkpoints import Checkpoints
from launcher.store.ending import EndingKind
from launcher.store.events import LoggedEvent
from launcher.store.experiment_state import SPEED, ExperimentState, fold
from launcher.store.manifest import ManifestExperiment
from launcher.store.paths import Paths
from launcher.store.record_facts import gpu_bytes
from launcher.store.record_summary import RecordSummary
from launcher.store.summary_file import read_summary
from launcher.store.values import text


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
    attempt: int = 0  # the number of its newest attempt in the records
    highest_attempt: int = 0  # the highest number that any attempt has had, in records or events
    changes: dict[str, int] = field(default_factory=dict)  # what `on_oom` replaced in the newest attempt
    ending: EndingKind | None = None  # how the newest attempt ended; None: no worker has begun
    lost_ending: LostEnding | None = None
    code: str = ""  # the digest of the script's source that was run; empty for a target
    digest: str = ""  # of the configuration that was trained; empty: no worker has begun
    num_steps: int = 0
    seconds: float = 0.0  # of training, the attempts that belong together summed
    has_checkpoint: bool = False  # of the configuration as it is now
    duration: DurationEstimate = field(default_factory=DurationEstimate)  # of the configuration as it is now
    peak_memory_bytes: int | None = None  # of the newest attempt, if its worker could say
    peak_gpu_memory_bytes: int | None = None
    needed_gpu_bytes: int | None = None  # the same peak, of an attempt that got all the memory it asked for
    state: ExperimentState | None = None  # how it stands, if it is done or diverged
    obstacle: str = ""  # why its records cannot be read; empty where they can
    open_attempt: int = 0  # the number of the attempt that runs or waits on a cluster
    is_claimed: bool = False  # the open attempt has begun on a node
    is_told: bool = False  # the events tell of the open attempt

    @property
    def is_kept(self) -> bool:
        """It ended in a way after which the same configuration is not trained again."""
        return self.ending is not None and self.ending.is_kept


def names_with_files(paths: Paths) -> set[str] | None:
    """Return the experiments that have left records or checkpoints; None if the folders cannot be listed.

    To list two folders takes less time than to look for the files of a thousand experiments that have not run.
    """
    found: set[str] = set()
    for folder, suffix in ((paths.records_folder, ".jsonl"), (paths.checkpoints_folder, "")):
        try:
            found |= {entry.removesuffix(suffix).partition("@")[0] for entry in os.listdir(folder)}
        except FileNotFoundError:
            continue
        except OSError:
            return None
    return found


def nothing_left(experiment: Experiment, planned: ManifestExperiment | None) -> Evidence:
    """Return the evidence of an experiment of which there are neither events nor files."""
    return Evidence(planned=planned, duration=DurationEstimate(experiment.work, is_earlier=True))


def gather(
    experiment: Experiment,
    planned: ManifestExperiment | None,
    events: Sequence[LoggedEvent],
    paths: Paths,
    metric: str = "",
    *,
    cluster: AttemptsOnCluster | None = None,
    is_maximized: bool = False,
) -> Evidence:
    """Read what an earlier launch left of an experiment.

    Args:
        planned: its entry in `sweep.json`, if there is one.
        events: those of this experiment, in their order.
        metric: the job's first metric, of which the live view shows the best value; empty if the job names none.
        cluster: the attempts of the sweep on a cluster; None: look which there are.
        is_maximized: the largest value of the metric is the best.

    Raises:
        OSError: the folder of its checkpoints cannot be read.
    """
    name, cluster = experiment.name, cluster or AttemptsOnCluster(paths)
    files, own, last = cluster.of(name), cluster.paths(name), last_attempts(events).get(name)
    summary = read_summary(own.records(name), (metric, SPEED), paths.summary(name))
    state = _state(experiment, planned, events, summary, metric, is_maximized=is_maximized)
    changes, seconds = dict(state.changed), round(state.seconds or 0.0, 3)
    ending = state.ending if state.digest is not None else None
    return Evidence(
        planned=planned,
        attempt=state.attempt,
        highest_attempt=state.highest_attempt,
        changes=changes,
        ending=ending,
        lost_ending=None if summary.obstacle or files.open_attempt else _lost_ending(state, last),
        digest=state.digest or "",
        code=text((summary.start or {}).get("code")),
        num_steps=state.num_steps,
        seconds=seconds,
        has_checkpoint=Checkpoints(own.checkpoints(name), name, state_digest(experiment.digest, changes)).has_any(),
        duration=_duration(experiment, state, seconds, planned),
        peak_memory_bytes=_whole(state.peak_memory_bytes),
        peak_gpu_memory_bytes=_whole(state.peak_gpu_memory_bytes),
        needed_gpu_bytes=gpu_bytes(summary),
        state=state if ending is not None and ending.is_kept else None,
        obstacle=state.obstacle,
        open_attempt=files.open_attempt,
        is_claimed=files.open_attempt in files.claims,
        is_told=last is not None and last.attempt >= files.open_attempt > 0,
    )


def _state(
    experiment: Experiment,
    planned: ManifestExperiment | None,
    events: Sequence[LoggedEvent],
    summary: RecordSummary,
    metric: str,
    *,
    is_maximized: bool,
) -> ExperimentState:
    """Return how an experiment stands; one that `sweep.json` does not know, as it is configured now."""
    entry = planned or ManifestExperiment(experiment.name, experiment.overrides, experiment.config, experiment.digest)
    return fold(entry, summary, events, metrics=(metric, SPEED), maximize=[metric] if is_maximized else [])


def _lost_ending(state: ExperimentState, last: LastAttempt | None) -> LostEnding | None:
    """Return how the newest attempt ended if no launcher saw it end; None if one did, or there was no attempt."""
    if last is None or last.ending is not None or state.ending is None:
        return None
    seconds = state.last_s if last.attempt == state.attempt else 0.0  # 0: its worker was killed before its first record
    return LostEnding(last.attempt, state.ending, round(seconds, 3))


def _duration(
    experiment: Experiment, state: ExperimentState, seconds: float, planned: ManifestExperiment | None
) -> DurationEstimate:
    """Return how long the experiment takes as it is configured now, judged by its earlier attempts.

    If it was another configuration that was trained, its time is scaled by the work of the two: 40 s for a work of 100
    become 60 s for a work of 150. Without the work of both, the time is not known.
    """
    total = state.total or (state.last_step if state.ending is EndingKind.DONE else None)
    estimate = replace(extrapolate(seconds, state.last_step, total, experiment.work), is_earlier=True)
    if estimate.seconds and experiment.work and state.digest != experiment.digest:
        work = planned.work if planned and planned.digest == state.digest else None
        estimate = replace(estimate, seconds=estimate.seconds * experiment.work / work if work else None)
    return estimate


def _whole(peak: float | None) -> int | None:
    return None if peak is None else int(peak)
