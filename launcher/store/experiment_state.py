"""How one experiment stands: everything that its files say about it, added up once for every reader.

    sweep.json ──▶ ManifestExperiment ─┐
    records    ──▶ RecordSummary ──────┼─▶ fold ─▶ ExperimentState ─▶ plan, status, tables, plots, report, --json
    events     ──▶ LoggedEvent … ──────┤
    lock       ──▶ LaunchState ────────┘

`fold` reads no file. A summary of few metrics gives a state with few curves and is read in less time; all else in the
state is the same. `sweep_state` reads the files.
"""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from launcher.store import values
from launcher.store.attempts import LastAttempt, counted_bytes, last_attempts
from launcher.store.curve import Curve, curve_of, median
from launcher.store.ending import EndingKind
from launcher.store.events import Ended, LoggedEvent, MovedAside, Requeued, Started, Withdrawn
from launcher.store.launch_info import LaunchInfo
from launcher.store.manifest import ManifestExperiment
from launcher.store.record_summary import SPEED as SPEED
from launcher.store.record_summary import TOKENS as TOKENS
from launcher.store.record_summary import RecordSummary
from launcher.store.step_scale import StepScale

Phase = Literal["starting", "running", "ended", "gone", "left"]
RUNNING, WAITING, WITHDRAWN, NOT_STARTED = LIVE = ("running", "waiting", "withdrawn", "not started")


@dataclass(frozen=True, kw_only=True)
class LaunchState:
    """What the newest launch of a sweep does, and whether its launcher is still at work."""

    # starting: the launcher still checks the data; gone: it was killed before it could end; left: it has ended, and
    # experiments go on on a cluster
    phase: Phase = "ended"
    launch: LaunchInfo = field(default_factory=LaunchInfo)
    now_s: float = 0.0  # since the epoch
    on_cluster: Mapping[str, bool] = field(default_factory=dict)  # of those on a cluster: it has begun on a node

    @property
    def attempts(self) -> Mapping[str, int]:
        """The number of the first attempt of this launch, of each experiment that the launch runs."""
        return self.launch.attempts

    def is_running(self, name: str, last: LastAttempt | None) -> bool:
        """Return whether an experiment runs now: an attempt of this launch has started and has not ended.

        On a cluster an attempt that has started may still wait, and goes on without its launch.
        """
        if name in self.on_cluster:
            return self.on_cluster[name]
        first = self.attempts.get(name) if self.phase == "running" else None
        return first is not None and last is not None and last.ending is None and last.attempt >= first

    def waits_on_cluster(self, name: str) -> bool:
        """Return whether an attempt of an experiment was handed to a cluster and has not begun."""
        return not self.on_cluster.get(name, True)

    def is_own(self, event: Withdrawn | Requeued) -> bool:
        """Return whether this launch wrote an event, not an earlier launch with the same process id."""
        return event.pid == self.launch.pid and event.at >= self.launch.at


@dataclass(frozen=True)
class AttemptSpan:
    """One attempt in time."""

    experiment: str
    attempt: int
    device: str
    start_s: float  # since the epoch
    seconds: float | None = None  # None: no launcher saw the attempt end, and there are no records of it
    ending: str = ""  # RUNNING while the attempt runs
    why: str = ""


@dataclass(frozen=True, kw_only=True)
class ExperimentState:
    """How one experiment stands. What nobody recorded is None or empty."""

    name: str
    index: int = 0  # the place in the job file: gives colour and dash
    overrides: Mapping[str, Any] = field(default_factory=dict)
    config: Mapping[str, Any] = field(default_factory=dict)
    group: str = ""  # the name of its configuration, which experiments on other seeds share; empty: its own name
    seed: int = 0
    cell: Mapping[str, Any] = field(default_factory=dict)  # its place in the grid: the value or label on each axis

    state: str = NOT_STARTED  # one of LIVE, or the ending of the newest attempt
    # Of the newest attempt; None while it runs, while it waits on a cluster, and before the first.
    ending: EndingKind | None = None
    why: str = ""  # why the newest attempt ended so, or why the records cannot be read
    is_kept: bool = False  # the newest launch keeps what an earlier one has trained
    obstacle: str = ""  # why the records cannot be read; empty where they can

    digest: str | None = None  # of the configuration that the records are of; None without records
    attempt: int = 0  # the newest that has written a record
    highest_attempt: int = 0  # the highest number that any attempt has had; a number is never used again
    device: str = ""
    threads: int | None = None
    changed: Mapping[str, int] = field(default_factory=dict)  # what on_oom made other than asked
    earlier: tuple[str, ...] = ()  # how the attempts ended that the newest goes on from
    spans: tuple[AttemptSpan, ...] = ()  # the attempts that the results come from, in the order of their start
    seconds: float | None = None  # time of the newest attempt and those it goes on from; None before the first

    phase: str = "in set-up"  # what the newest attempt does, or did when it ended
    last_step: int = 0  # the largest, 0 before the first
    num_steps: int = 0
    total: int | None = None  # how many steps the experiment has, where it says so
    resumed_from: int = 0  # the step of the checkpoint that the newest attempt goes on from
    last_s: float = 0.0  # when the newest attempt wrote its last record, in seconds since it began

    curves: Mapping[str, Curve] = field(default_factory=dict)  # by metric, those that have a value
    facts: Mapping[str, Any] = field(default_factory=dict)  # of `run.info`
    logged: tuple[str, ...] = ()  # the names of all metrics
    tokens: StepScale | None = None  # the tokens that had been trained on; None if none were counted
    at_s: StepScale | None = None  # the seconds that had been spent, attempts summed; None before the first step
    num_tokens: float | None = None  # how many tokens the experiment has trained on
    tokens_per_s: float | None = None  # the median over the steps
    peak_memory_bytes: float | None = None
    peak_gpu_memory_bytes: float | None = None  # as torch in the worker tells, else as the driver counted it

    @property
    def configuration(self) -> str:
        """The name of its configuration. Experiments that differ in the seed alone share it."""
        return self.group or self.name

    @property
    def outcome(self) -> str:
        """What a table says in its column of endings: the ending of the newest attempt, or that it runs, or nothing."""
        return RUNNING if self.state == RUNNING else self.ending or ""

    @property
    def is_done(self) -> bool:
        """The newest attempt came to its end."""
        return self.outcome == EndingKind.DONE

    @property
    def has_failed(self) -> bool:
        """The newest attempt failed or diverged: the experiment is never the best one."""
        return self.ending is not None and self.ending.is_failure and self.state != RUNNING


def fold(
    planned: ManifestExperiment,
    summary: RecordSummary,
    events: Sequence[LoggedEvent],
    launch: LaunchState | None = None,
    *,
    index: int = 0,
    metrics: Sequence[str] = (),
    maximize: Sequence[str] = (),
) -> ExperimentState:
    """Return how an experiment stands.

    Records of another configuration than the planned one count as none: they are of an earlier job file, and the launch
    moves them aside when it starts the experiment.

    Args:
        summary: of its records; a summary of few metrics gives a state that has few curves.
        events: those of this experiment, in their order.
        launch: the newest launch. None: nobody is at work, and records of every configuration count.
        metrics: those to make curves of.
        maximize: the metrics whose largest value is the best.
    """
    own = _current(events)
    if launch is not None and _is_of_another(planned, summary):
        own = [event for event in own if getattr(event, "attempt", 0) > summary.attempt]
        summary = RecordSummary()
    launch = launch or LaunchState()
    last = last_attempts(own).get(planned.name)
    is_running = launch.is_running(planned.name, last)
    ending = None if is_running or launch.waits_on_cluster(planned.name) else _ending(summary, last)
    state = RUNNING if is_running else _state(planned.name, ending, last, events, launch)
    has_begun = is_running or ending is not None or summary.start is not None
    spans = _spans(own, summary, RUNNING if is_running else ending or "", launch.now_s)
    recorded = _of_records(planned, summary, metrics, maximize)
    return replace(
        recorded,
        index=index,
        state=state,
        ending=ending,
        why=summary.obstacle or (_why(ending, last, summary) if ending else ""),
        is_kept=ending is not None and state == ending and ending.is_kept and planned.name not in launch.attempts,
        highest_attempt=max([summary.attempt, *(event.attempt for event in events if isinstance(event, Started))]),
        device=last.device if last else "",
        threads=last.threads if last else None,
        changed=last.changed if last else {},
        earlier=last.earlier if last else (),
        spans=spans,
        seconds=_seconds(summary, last, spans[-1] if is_running and spans else None) if has_begun else None,
        peak_gpu_memory_bytes=recorded.peak_gpu_memory_bytes or counted_bytes(last, summary.attempt),
    )


def _of_records(
    planned: ManifestExperiment, summary: RecordSummary, metrics: Sequence[str], maximize: Sequence[str]
) -> ExperimentState:
    """Return the part of a state that the records alone tell."""
    end = summary.end or {}
    series = summary.series
    curves = {name: curve_of(series.get(name), is_maximized=name in maximize) for name in metrics}
    tokens, speeds = series.get(TOKENS), curve_of(series.get(SPEED))
    return ExperimentState(
        name=planned.name,
        overrides=planned.overrides,
        config={**planned.defaults, **planned.config},
        group=planned.group,
        seed=planned.seed,
        cell=planned.cell,
        obstacle=summary.obstacle,
        digest=None if summary.start is None else values.text(summary.start.get("digest")),
        attempt=summary.attempt,
        phase=summary.phase,
        last_step=summary.last_step,
        num_steps=summary.num_steps,
        total=summary.total,
        resumed_from=summary.resumed_from,
        last_s=summary.last_s,
        curves={name: curve for name, curve in curves.items() if curve is not None},
        facts=summary.info,
        logged=tuple(summary.logged),
        tokens=StepScale.of(tokens),
        at_s=StepScale.of(summary.times),
        num_tokens=tokens.highest if tokens is not None else None,
        tokens_per_s=median(speeds) if speeds else None,
        peak_memory_bytes=values.real(end.get("peak_memory_bytes")),
        peak_gpu_memory_bytes=values.real(end.get("peak_gpu_memory_bytes")),
    )


def _current(events: Sequence[LoggedEvent]) -> Sequence[LoggedEvent]:
    """Return the events since the experiment was begun anew and what it had left was moved aside."""
    moved = [place for place, event in enumerate(events) if isinstance(event, MovedAside)]
    return events[moved[-1] + 1 :] if moved else events


def _is_of_another(planned: ManifestExperiment, summary: RecordSummary) -> bool:
    """Return whether records are of another configuration than the planned one."""
    return summary.start is not None and summary.start.get("digest", planned.digest) != planned.digest


def _ending(summary: RecordSummary, last: LastAttempt | None) -> EndingKind | None:
    """Return how the newest attempt ended; None before the first.

    What a launcher saw counts first, then the worker's last record. Without either the attempt was interrupted. An
    attempt that was killed before it wrote a record stands in the events alone.
    """
    if last is not None and last.attempt >= summary.attempt and last.ending is not None:
        return last.ending
    if last is not None and last.attempt > summary.attempt:
        return EndingKind.INTERRUPTED
    if summary.start is None:
        return EndingKind.INTERRUPTED if last is not None and not summary.obstacle else None
    return EndingKind(summary.end["ending"]) if summary.end else EndingKind.INTERRUPTED


def _why(ending: EndingKind, last: LastAttempt | None, summary: RecordSummary) -> str:
    """Return why the newest attempt ended so, as far as it is known."""
    if last is None:
        return ""
    if ending == EndingKind.INTERRUPTED and last.ending is None:
        has_said_so = summary.end is not None and summary.attempt >= last.attempt  # it was asked to, as on a cluster
        return "" if has_said_so else "its launcher was gone"
    return last.why if last.ending == ending else ""


def _state(
    name: str, ending: EndingKind | None, last: LastAttempt | None, events: Sequence[LoggedEvent], launch: LaunchState
) -> str:
    """Return the state of an experiment that does not run."""
    steering = [event for event in events if isinstance(event, Started | Ended | Withdrawn | Requeued)]
    newest = steering[-1] if steering else None
    if isinstance(newest, Withdrawn) and launch.is_own(newest):
        return WITHDRAWN
    if name in launch.on_cluster:
        return WAITING
    if launch.phase == "starting":
        return ending if ending is not None and ending.is_kept else WAITING
    if launch.phase == "running" and (first := launch.attempts.get(name)) is not None:
        is_queued_again = isinstance(newest, Requeued) and launch.is_own(newest)
        if last is None or last.attempt < first or is_queued_again:
            return WAITING
    return ending or NOT_STARTED


def _seconds(summary: RecordSummary, last: LastAttempt | None, running: AttemptSpan | None) -> float:
    """Return the time of the newest attempt and of those it goes on from.

    An attempt that runs counts until now, one that no launcher saw end until its newest record.
    """
    # The file of events is lost, or a cluster has begun the newest attempt without a launch: the records alone say it.
    if last is None or last.attempt < summary.attempt:
        return summary.before_s + summary.last_s
    if running is not None and running.attempt == last.attempt:
        return last.seconds + (running.seconds or 0.0)
    is_open = last.ending is None and last.attempt == summary.attempt
    return last.seconds + (summary.last_s if is_open else 0.0)


def _spans(
    events: Sequence[LoggedEvent], summary: RecordSummary, outcome: str, now_s: float
) -> tuple[AttemptSpan, ...]:
    """Return the attempts that the results come from; `outcome` is that of the newest.

    Where no launcher saw an attempt end, it lasted until its newest record.
    """
    found: list[AttemptSpan] = []
    for event in events:
        match event:
            case Started():
                if not event.goes_on:
                    found.clear()
                start_s = epoch_s(event.at)
                if start_s is not None:
                    found.append(AttemptSpan(event.experiment, event.attempt, event.device, start_s))
            case Ended() if found and found[-1].attempt == event.attempt:
                found[-1] = replace(found[-1], seconds=event.seconds, ending=event.ending, why=event.why)
    for place, span in enumerate(found):
        if span.seconds is None:
            is_newest = span.attempt >= summary.attempt
            ending = outcome if is_newest else EndingKind.INTERRUPTED
            seconds = summary.last_s if span.attempt == summary.attempt else 0.0
            if ending == RUNNING:
                seconds = max(0.0, now_s - span.start_s)
            found[place] = replace(span, seconds=seconds, ending=ending)
    return tuple(found)


def epoch_s(at: str) -> float | None:
    """Return a time of an event as seconds since the epoch; None if it is no time, or beyond all clocks."""
    try:
        return datetime.datetime.fromisoformat(at).timestamp()
    except (ValueError, OverflowError):
        return None


def mark_of(outcome: str) -> str:
    """Return the sign that a page or a chart shows before an outcome."""
    if outcome == RUNNING:
        return "…"
    ending = EndingKind.from_text(outcome)
    return ending.mark if ending is not None else EndingKind.FAILED.mark
