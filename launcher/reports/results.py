"""What came out of each experiment, as plain values: what the report's views and its observations are made of.

Folds together the plan (`sweep.json`), the records and the events. Nothing is drawn or written here. A value nobody
recorded is None.
"""

from __future__ import annotations

import itertools
import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from launcher.reports.timeline import Span
from launcher.store import values
from launcher.store.attempts import AtWork, LastAttempt, at_work, last_ending, read_last_attempts, spent_s, why_ended
from launcher.store.curve import Curve, curve_of
from launcher.store.ending import EndingKind
from launcher.store.history import History, numbers, read_history
from launcher.store.locks import find_holder
from launcher.store.manifest import Manifest, ManifestExperiment
from launcher.store.paths import Paths

RUNNING = "running"  # stands in the place of an ending while the newest attempt runs


@dataclass(frozen=True)
class Result:
    """What is known about one experiment."""

    name: str
    index: int  # place in the job file
    overrides: dict[str, Any]
    config: dict[str, Any]
    facts: dict[str, Any]
    curves: dict[str, Curve]  # by metric, those that recorded anything
    ending: str  # of the newest attempt: "" before the first, RUNNING while it runs
    why: str = ""
    changed: dict[str, int] = field(default_factory=dict)  # what on_oom made other than asked
    earlier: tuple[str, ...] = ()
    steps: int = 0
    last_step: int = 0
    total: int | None = None
    attempts: int = 0
    last_s: float = 0.0  # when the newest attempt wrote its last record, since it began
    seconds: float | None = None
    device: str = ""
    threads: int | None = None
    tokens: dict[int, float] = field(default_factory=dict)  # step → cumulative
    at_s: dict[int, float] = field(default_factory=dict)  # step → time spent
    tokens_per_s: float | None = None
    peak_memory_bytes: float | None = None
    peak_gpu_memory_bytes: float | None = None
    logged: tuple[str, ...] = ()  # the names of all metrics it recorded

    @property
    def num_tokens(self) -> float | None:
        """How many tokens were trained on."""
        return max(self.tokens.values(), default=None)


def read_results(paths: Paths, document: Manifest) -> list[Result]:
    """Return what is known about each experiment of a sweep, from its files."""
    seen, running = read_last_attempts(paths.events), at_work(document, find_holder(paths.lock))
    return [
        result(document, one, index, read_history(paths.records(one.name)), seen.get(one.name), running)
        for index, one in enumerate(document.experiments)
    ]


def result(
    document: Manifest,
    planned: ManifestExperiment,
    index: int,
    history: History,
    seen: LastAttempt | None,
    running: AtWork,
) -> Result:
    """Return what is known about one experiment."""
    end = history.end or {}
    ending = RUNNING if running.is_running(planned.name, seen) else last_ending(history, seen) or ""
    curves = {}
    for metric in document.metrics:
        if (curve := curve_of(history, metric, is_maximized=metric in document.maximize)) is not None:
            curves[metric] = curve
    speeds = list(filter(math.isfinite, numbers(history, "tokens_per_s").values()))
    return Result(
        name=planned.name,
        index=index,
        overrides=planned.overrides,
        config=planned.config,
        facts=history.info,
        curves=curves,
        ending=ending,
        why=history.obstacle or why_ended(ending, seen),
        changed=dict(seen.changed) if seen else {},
        earlier=seen.earlier if seen else (),
        steps=len(history.steps),
        last_step=history.last_step,
        total=history.total,
        attempts=history.attempt,
        last_s=history.last_s,
        seconds=spent_s(history, seen) or None,
        device=seen.device if seen else "",
        threads=seen.threads if seen else None,
        tokens={step: value for step, value in numbers(history, "tokens").items() if 0 <= value <= values.MOST},
        at_s=history.at_s,
        tokens_per_s=statistics.median(speeds) if speeds else None,
        peak_memory_bytes=values.real(end.get("peak_memory_bytes")),
        peak_gpu_memory_bytes=values.real(end.get("peak_gpu_memory_bytes")),
        logged=tuple(dict.fromkeys(itertools.chain.from_iterable(history.steps.values()))),
    )


def mark_of(ending: str) -> str:
    """Return the sign that a page or a chart shows for an ending, or for an attempt that runs."""
    if ending == RUNNING:
        return "…"
    kind = EndingKind.from_text(ending)
    return kind.mark if kind is not None else EndingKind.FAILED.mark


def reference(experiments: Sequence[Result]) -> Result | None:
    """Return the experiment the others are compared with: the first without overrides, else the first."""
    return next((one for one in experiments if not one.overrides), experiments[0] if experiments else None)


def with_open_ends(spans: Sequence[Span], experiments: Sequence[Result]) -> list[Span]:
    """Return the attempts, those that no launcher saw end completed by what their experiments' records say.

    The newest attempt of an experiment lasted until its last record, or runs. An earlier one was interrupted.
    """
    newest = {one.name: one for one in experiments}
    found = []
    for span in spans:
        one = newest.get(span.experiment)
        if span.seconds is None and one is not None:
            is_newest = span.attempt >= one.attempts
            ending = one.ending if is_newest else EndingKind.INTERRUPTED
            span = replace(span, seconds=one.last_s if span.attempt == one.attempts else 0.0, ending=ending)
        found.append(span)
    return found


def differing(tables: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return the keys whose values are not the same in all tables, in order of first appearance."""
    keys = dict.fromkeys(itertools.chain.from_iterable(tables))
    missing = object()
    return [key for key in keys if len({repr(table.get(key, missing)) for table in tables}) > 1]


def shared(tables: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return what is the same in all tables."""
    different = set(differing(tables))
    return {key: value for key, value in tables[0].items() if key not in different} if tables else {}


def running_mean(values: Sequence[float], share: float = 0.05) -> list[float]:
    """Return the centred mean over a share of the curve, narrower towards its ends; what is not finite is left out."""
    half = max(1, round(len(values) * share / 2))
    finite = list(map(math.isfinite, values))
    kept = values if all(finite) else [value if math.isfinite(value) else 0.0 for value in values]
    sums = list(itertools.accumulate(kept, initial=0.0))
    counts = list(itertools.accumulate(finite, initial=0))
    last = len(values) - 1
    means = []
    for place in range(len(values)):
        reach = min(half, place, last - place)
        low, high = place - reach, place + reach + 1
        count = counts[high] - counts[low]
        means.append((sums[high] - sums[low]) / count if count else math.nan)
    return means
