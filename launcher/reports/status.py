"""How a sweep stands: from the files in its folder and the kernel's lock alone, while it runs or after.

Reads and writes nothing else, asks no process, imports no torch, pandas or rich. `status` prints it, `wait` judges it.
"""

from __future__ import annotations

import datetime
import math
import shlex
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from launcher.planning.estimate import DurationEstimate, extrapolate, extrapolate_attempt, makespan, remaining
from launcher.shell_command import words_as_typed
from launcher.store.attempts import AtWork, LastAttempt, at_work, last_attempts, last_ending, spent_s, why_ended
from launcher.store.curve import curve_of
from launcher.store.ending import KEPT, EndingKind
from launcher.store.events import Ended, LoggedEvent, Requeued, Started, Withdrawn, read_events
from launcher.store.history import History, read_history
from launcher.store.locks import Holder, find_holder
from launcher.store.manifest import Manifest, ManifestExperiment, read_manifest
from launcher.store.paths import Paths

Phase = Literal["starting", "running", "ended", "gone"]
LIVE = ("running", "waiting", "withdrawn", "not started")  # states that are no ending


@dataclass(frozen=True, kw_only=True)
class ExperimentStatus:
    """How one experiment stands."""

    name: str
    state: str  # one of LIVE, or how its newest attempt ended
    is_kept: bool = False  # by the newest launch, from an earlier one
    device: str = ""
    attempt: int = 0
    step: int = 0
    total: int | None = None
    newest: float | None = None  # of the sweep's first metric
    best: float | None = None
    seconds: float | None = None  # of the newest attempt and those it goes on from, so far
    seconds_left: float | None = None
    why: str = ""


@dataclass(frozen=True, kw_only=True)
class SweepStatus:
    """How a sweep stands."""

    sweep: str
    job_file: str
    metric: str | None
    phase: Phase  # gone: the launcher was killed before it could end
    launcher: Holder | None
    launch: Mapping[str, Any]  # of sweep.json: where the newest launch was made, and with what
    experiments: Sequence[ExperimentStatus]
    seconds_left: float | None = None

    @property
    def counts(self) -> dict[str, int]:
        """How many experiments are in each state, the live states first."""
        found = Counter(one.state for one in self.experiments)
        order = [*LIVE, *sorted(found.keys() - set(LIVE), key=lambda state: (state != EndingKind.DONE, state))]
        return {state: found[state] for state in order if found[state]}

    @property
    def is_done(self) -> bool:
        """Every experiment is done."""
        return all(one.state == EndingKind.DONE for one in self.experiments)

    @property
    def command(self) -> str:
        """The command that goes on with the sweep, as it was typed, for a shell in the same folder."""
        argv = [str(word) for word in self.launch.get("argv", []) if word != "--fresh"]  # which would begin anew
        typed = words_as_typed(argv)
        if typed in ([], ["python", "-m", "launcher"]):
            return shlex.join(["python", "-m", "launcher", "run", self.job_file, "--parallel"])
        return shlex.join(typed)


@dataclass
class _Sweep:
    """What is the same for all experiments of a sweep."""

    paths: Paths
    document: Manifest
    phase: Phase
    now_s: float
    seen: Mapping[str, LastAttempt] = field(default_factory=dict)
    newest: Mapping[str, LoggedEvent] = field(default_factory=dict)
    at_work: AtWork = field(default_factory=AtWork)

    @property
    def attempts(self) -> Mapping[str, int]:
        """The first attempt of the newest launch, of each experiment that it runs."""
        return self.document.launch.get("attempts") or {}

    def state(self, name: str, ending: str | None) -> str:
        """Return the state of an experiment whose newest attempt ended so, or never began."""
        first = self.attempts.get(name)  # None: this launch does not run it
        seen, newest = self.seen.get(name, LastAttempt(0, "", 0)), self.newest.get(name)
        launch = self.document.launch
        if isinstance(newest, Withdrawn) and _is_of(newest, launch):
            return "withdrawn"
        if self.phase == "starting":
            return ending if ending in KEPT else "waiting"
        if self.phase == "running" and first is not None:
            if self.at_work.is_running(name, self.seen.get(name)):
                return "running"
            if seen.attempt < first or (isinstance(newest, Requeued) and _is_of(newest, launch)):
                return "waiting"
        return ending or "not started"


def read_overview(paths: Paths, now_s: float) -> SweepStatus | None:
    """Return how the sweep in a folder stands at a time in seconds since the epoch; None where there is no sweep.

    Raises:
        InputError: its sweep.json is not one of ours.
        OSError: a file cannot be read.
    """
    launcher = find_holder(paths.lock)  # first: what a launcher wrote before it let go is all there when we read
    document = read_manifest(paths)
    if document is None:
        return None
    events = list(read_events(paths.events))
    newest, seen = _newest(events), last_attempts(events)
    phase = _phase(document, launcher, seen)
    sweep = _Sweep(paths, document, phase, now_s, seen, newest, at_work(document, launcher))
    metric = document.metrics[0] if document.metrics else None
    standings, known = [], {}
    for planned in document.experiments:
        one, tells = _standing(sweep, planned, metric)
        if not one.is_kept or (one.state == EndingKind.DONE and tells.work):
            known[planned.name] = tells
        standings.append(one)
    return SweepStatus(
        sweep=document.name,
        job_file=document.job_file,
        metric=metric,
        phase=sweep.phase,
        launcher=launcher,
        launch=document.launch,
        experiments=standings,
        seconds_left=_seconds_left(document, standings, known) if launcher else None,
    )


def _phase(document: Manifest, launcher: Holder | None, seen: Mapping[str, LastAttempt]) -> Phase:
    launch = document.launch
    if launcher is not None:
        is_same = (launcher.pid, launcher.host) == (launch.get("pid"), launch.get("host"))
        return "running" if is_same else "starting"
    begun = [name for name, first in launch.get("attempts", {}).items() if name in seen and seen[name].attempt >= first]
    return "gone" if any(seen[name].ending is None for name in begun) else "ended"


def _is_of(event: Withdrawn | Requeued, launch: Mapping[str, Any]) -> bool:
    """Return whether an event is of the newest launch, not of an earlier one with the same process id."""
    return event.pid == launch.get("pid") and event.at >= launch.get("at", "")


def _newest(events: Iterable[LoggedEvent]) -> dict[str, LoggedEvent]:
    return {event.experiment: event for event in events if isinstance(event, Started | Ended | Withdrawn | Requeued)}


def _standing(
    sweep: _Sweep, planned: ManifestExperiment, metric: str | None
) -> tuple[ExperimentStatus, DurationEstimate]:
    name = planned.name
    seen = sweep.seen.get(name)
    history = read_history(sweep.paths.records(name), sweep.document.metrics[:1])
    if history.start is not None and history.start.get("digest") != planned.digest:
        history = History()  # of another configuration, which the launch had no time to remove
    curve = curve_of(history, metric, is_maximized=metric in sweep.document.maximize) if metric else None
    state = sweep.state(name, last_ending(history, seen))
    is_begun = history.start is not None or state == "running"
    seconds = _seconds(sweep, name, history, state) if is_begun else None
    known = (
        extrapolate_attempt(history, seen.attempt, history.last_s, planned.work)
        if seen is not None and state == "running"
        else None
    )
    if known is None:  # what its earlier attempts tell
        is_earlier = state == "running" or history.attempt < sweep.attempts.get(name, math.inf)
        spent_s = seen.seconds if seen is not None and state == "running" else seconds or 0.0
        known = replace(extrapolate(spent_s, history.last_step, history.total, planned.work), is_earlier=is_earlier)
    left_s = known.seconds * (1 - known.share_done) if state == "running" and known.seconds else None
    return (
        ExperimentStatus(
            name=name,
            state=state,
            is_kept=state in KEPT and name not in sweep.attempts,
            device=seen.device if seen is not None and is_begun else "",
            attempt=history.attempt,
            step=history.last_step,
            total=history.total,
            newest=curve.newest if curve else None,
            best=curve.best if curve else None,
            seconds=seconds,
            seconds_left=left_s,
            why=history.obstacle or (why_ended(state, seen) if is_begun else ""),
        ),
        known,
    )


def _seconds(sweep: _Sweep, name: str, history: History, state: str) -> float:
    seen = sweep.seen.get(name)
    before_s = seen.seconds if seen is not None else 0.0
    if state != "running":
        return spent_s(history, seen)
    try:
        began_s = datetime.datetime.fromisoformat(sweep.newest[name].at).timestamp()
    except (KeyError, ValueError):
        return before_s + history.last_s
    return before_s + max(0.0, sweep.now_s - began_s)


def _seconds_left(
    document: Manifest, standings: Sequence[ExperimentStatus], known: Mapping[str, DurationEstimate]
) -> float | None:
    if not any(one.seconds for one in known.values()):
        return None
    left = remaining(known)
    is_parallel = document.launch.get("mode") == "parallel"
    running = [left[one.name] for one in standings if one.state == "running"]
    waiting = [left[one.name] for one in standings if one.state == "waiting"]
    num_at_once = max(1, len(running), len(document.launch.get("slots", [])) if is_parallel else 1)
    return makespan(running, waiting, num_at_once) if running or waiting else None
