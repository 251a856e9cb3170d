"""How a sweep stands, with the time that is left: what `status` prints and `wait` judges.

Made from the files in the sweep's folder and the kernel's lock alone, while the sweep runs or after. Nothing is
written, no process is asked, and no torch, pandas or rich is imported.
"""

from __future__ import annotations

import math
import shlex
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from launcher.planning.estimate import DurationEstimate, extrapolate, extrapolate_attempt, makespan, remaining
from launcher.shell_command import words_as_typed
from launcher.store.ending import EndingKind
from launcher.store.experiment_state import LIVE, RUNNING, WAITING, ExperimentState, Phase
from launcher.store.launch_info import LaunchInfo
from launcher.store.locks import Holder
from launcher.store.manifest import Manifest
from launcher.store.paths import Paths
from launcher.store.sweep_state import SweepState, read_sweep_state


@dataclass(frozen=True, kw_only=True)
class ExperimentStatus:
    """How one experiment stands. The fields are the keys of `status --json`."""

    name: str
    state: str  # one of LIVE, or the ending of the newest attempt
    is_kept: bool = False  # the newest launch keeps what an earlier one has trained
    device: str = ""
    attempt: int = 0
    step: int = 0
    total: int | None = None
    newest: float | None = None  # value of the sweep's first metric
    best: float | None = None  # value of the same metric
    seconds: float | None = None  # of the newest attempt and those it goes on from, so far
    seconds_left: float | None = None
    why: str = ""
    seed: int | None = None
    configuration: str = ""


@dataclass(frozen=True, kw_only=True)
class SweepStatus:
    """How a sweep stands."""

    sweep: str
    job_file: str
    metric: str | None  # the sweep's first metric
    phase: Phase
    launcher: Holder | None  # who is at work
    launch: LaunchInfo  # of sweep.json: where the newest launch was made, and with what
    experiments: Sequence[ExperimentStatus]
    states: Sequence[ExperimentState] = ()  # all that is known of the same experiments; empty before the first launch
    metrics: Sequence[str] = ()
    seconds_left: float | None = None  # until the whole launch ends

    @property
    def counts(self) -> dict[str, int]:
        """The number of experiments in each state, the live states first."""
        found = Counter(experiment.state for experiment in self.experiments)
        endings = sorted(found.keys() - set(LIVE), key=lambda state: (state != EndingKind.DONE, state))
        return {state: found[state] for state in [*LIVE, *endings] if found[state]}

    @property
    def is_done(self) -> bool:
        """Every experiment is done."""
        return all(experiment.state == EndingKind.DONE for experiment in self.experiments)

    @property
    def command(self) -> str:
        """The command that goes on with the sweep, as it was typed, for a shell in the same folder."""
        argv = [word for word in self.launch.argv if word != "--fresh"]  # it would begin anew
        typed = words_as_typed(argv)
        if typed in ([], ["python", "-m", "launcher"]):
            return shlex.join(["python", "-m", "launcher", "run", self.job_file, "--parallel"])
        return shlex.join(typed)


def read_status(paths: Paths, now_s: float) -> SweepStatus | None:
    """Return how the sweep in a folder stands; None if there is no sweep. `now_s` is the time since the epoch.

    Raises:
        InputError: `sweep.json` or the file of events cannot be read.
    """
    sweep = read_sweep_state(paths, now_s)
    if sweep is None:
        return None
    manifest = sweep.manifest
    states = sweep.read_experiments()
    estimates = {
        state.name: _estimate(sweep, state, planned.work)
        for state, planned in zip(states, manifest.experiments, strict=True)
    }
    metric = manifest.metrics[0] if manifest.metrics else None
    counted = {
        state.name: estimates[state.name]
        for state in states
        if not state.is_kept or (state.is_done and estimates[state.name].work)  # which tells how fast others are
    }
    return SweepStatus(
        sweep=manifest.name,
        job_file=manifest.job_file,
        metric=metric,
        phase=sweep.launch.phase,
        launcher=sweep.launcher,
        launch=manifest.launch,
        experiments=[_experiment_status(state, metric, estimates[state.name]) for state in states],
        states=states,
        metrics=manifest.metrics,
        seconds_left=_seconds_left(manifest, states, counted) if sweep.launcher else None,
    )


def _experiment_status(state: ExperimentState, metric: str | None, estimate: DurationEstimate) -> ExperimentStatus:
    curve = state.curves.get(metric) if metric else None
    left_s = estimate.seconds * (1 - estimate.share_done) if state.state == RUNNING and estimate.seconds else None
    return ExperimentStatus(
        name=state.name,
        state=state.state,
        is_kept=state.is_kept,
        device=state.device,
        attempt=state.attempt,
        step=state.last_step,
        total=state.total,
        newest=curve.newest if curve else None,
        best=curve.best if curve else None,
        seconds=state.seconds,
        seconds_left=left_s,
        why=state.why,
        seed=state.seed,
        configuration=state.configuration,
    )


def _estimate(sweep: SweepState, state: ExperimentState, work: float | None) -> DurationEstimate:
    """Return how long an experiment takes, judged by the attempt that runs, else by the attempts before it."""
    is_running = state.state == RUNNING
    if is_running and (known := extrapolate_attempt(state, state.highest_attempt, state.last_s, work)) is not None:
        return known
    before_s = sum(span.seconds or 0.0 for span in state.spans if span.ending != RUNNING)
    spent_s = before_s if is_running else state.seconds or 0.0
    is_earlier = is_running or state.attempt < sweep.launch.attempts.get(state.name, math.inf)
    return replace(extrapolate(spent_s, state.last_step, state.total, work), is_earlier=is_earlier)


def _seconds_left(
    manifest: Manifest, states: Sequence[ExperimentState], estimates: Mapping[str, DurationEstimate]
) -> float | None:
    """Return how long the launch still takes; None if nothing was measured yet, or nothing is left."""
    if not any(estimate.seconds for estimate in estimates.values()):
        return None
    left = remaining(estimates)
    running = [left[state.name] for state in states if state.state == RUNNING]
    waiting = [left[state.name] for state in states if state.state == WAITING]
    is_parallel = manifest.launch.is_parallel
    num_at_once = max(1, len(running), len(manifest.launch.slots) // manifest.launch.gpus if is_parallel else 1)
    return makespan(running, waiting, num_at_once) if running or waiting else None
