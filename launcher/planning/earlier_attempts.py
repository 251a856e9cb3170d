"""Reads what earlier launches left of a sweep's experiments: records, checkpoints, events, attempts on a cluster.

`gather` is the only place in planning that reads records, checkpoints or the last attempt of an experiment.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from launcher.config.identity import digest_now
from launcher.planning.batch_halving import state_digest
from launcher.planning.estimate import DurationEstimate, extrapolate
from launcher.planning.evidence import Evidence, LostEnding, names_with_files, nothing_left
from launcher.planning.experiment import Experiment
from launcher.store.attempt_files import AttemptsOnCluster
from launcher.store.attempts import LastAttempt, counted_bytes, last_attempts
from launcher.store.checkpoints import Checkpoints
from launcher.store.ending import EndingKind
from launcher.store.events import LoggedEvent
from launcher.store.experiment_state import SPEED, ExperimentState, fold
from launcher.store.manifest import Manifest, ManifestExperiment
from launcher.store.paths import Paths
from launcher.store.record_facts import gpu_need
from launcher.store.record_summary import RecordSummary
from launcher.store.summary_file import read_summary
from launcher.store.sweep_state import read_events_by_experiment
from launcher.store.values import text


class EarlierAttempts:
    """What earlier launches left in the folders of a sweep, at one look."""

    def __init__(self, paths: Paths, previous: Manifest | None, metric: str, *, is_maximized: bool) -> None:
        """Read the events, and list the folders.

        `previous`: the `sweep.json` of the launch before. `metric`, `is_maximized`: as `gather` takes them.

        Raises:
            InputError: the events cannot be read.
        """
        known = (*previous.former, *previous.experiments) if previous else ()
        self._entries = {entry.name: entry for entry in known}
        self._events = read_events_by_experiment(paths.events)
        self._named, self._cluster = names_with_files(paths), AttemptsOnCluster(paths)
        self._paths, self._metric, self._is_maximized = paths, metric, is_maximized

    def of(self, experiment: Experiment) -> tuple[Experiment, Evidence]:
        """Return an experiment with the digest that its `sweep.json` entry has, if nothing that counts has changed.

        Also return what earlier launches left of it.

        Raises:
            OSError: the folder of its checkpoints cannot be read.
        """
        name = experiment.name
        entry, events = self._entries.get(name), self._events.get(name, [])
        if entry is not None and experiment.content is not None:
            experiment = replace(experiment, digest=digest_now(experiment.content, entry.before))
        is_new = self._named is not None and name not in self._named and name not in self._cluster.names
        if is_new and not events:
            left = nothing_left(experiment.work)
            return experiment, left if entry is None else replace(left, planned=entry)
        maximized = self._is_maximized
        return experiment, gather(
            experiment, entry, events, self._paths, self._metric, cluster=self._cluster, is_maximized=maximized
        )


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
        gpu_need=gpu_need(summary, counted_bytes(last, summary.attempt)),
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
