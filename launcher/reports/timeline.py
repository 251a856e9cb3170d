"""Who ran where and when: every attempt of `events.jsonl` as a span of time on a device.

Only reading lives here; `views.bars` draws it. Where no launcher saw an attempt end, its end is what its records say.
"""

from __future__ import annotations

import contextlib
import datetime
import itertools
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from launcher.store.events import Ended, MovedAside, Started, read_events


@dataclass(frozen=True)
class Span:
    """One attempt in time."""

    experiment: str
    attempt: int
    device: str
    start_s: float  # since the epoch
    seconds: float | None = None  # None: no launcher saw it end
    ending: str = ""
    why: str = ""


def read_spans(path: Path, names: Iterable[str]) -> list[Span]:
    """Return the attempts of these experiments that their results come from, in order of their start.

    Attempts before an experiment was begun anew are left out; so are lines that are torn or foreign.

    Raises:
        InputError: what is there is no file, or cannot be read.
    """
    spans: dict[str, list[Span]] = {name: [] for name in names}
    for event in read_events(path):
        own = spans.get(event.experiment)
        if own is None:
            continue
        match event:
            case MovedAside():
                own.clear()
            case Started():
                with contextlib.suppress(ValueError, OverflowError):  # a time that is none, or is beyond all clocks
                    started_s = datetime.datetime.fromisoformat(event.at).timestamp()
                    if not event.goes_on:
                        own.clear()
                    own.append(Span(event.experiment, event.attempt, event.device, started_s))
            case Ended() if own and own[-1].attempt == event.attempt:
                own[-1] = replace(own[-1], seconds=event.seconds, ending=event.ending, why=event.why)
    return sorted((span for own in spans.values() for span in own), key=lambda span: span.start_s)


def lanes(spans: Iterable[Span]) -> dict[str, list[list[Span]]]:
    """Return the spans by device, and on a device by lane, so that within a lane none overlaps another.

    A second of overlap is none: the times of events are written to the second.
    """
    found: dict[str, list[list[Span]]] = {}
    for span in spans:
        own = found.setdefault(span.device, [])
        for lane in own:
            if lane[-1].start_s + (lane[-1].seconds or 0.0) <= span.start_s + 1.0:
                lane.append(span)
                break
        else:
            own.append([span])
    return found


def idle_gaps(spans: Iterable[Span], share: float = 0.1) -> list[tuple[float, float]]:
    """Return from when to when nothing ran at all, for gaps longer than a share of the time that something ran."""
    busy: list[list[float]] = []
    for span in sorted(spans, key=lambda span: span.start_s):
        end_s = span.start_s + (span.seconds or 0.0)
        if busy and span.start_s <= busy[-1][1]:
            busy[-1][1] = max(busy[-1][1], end_s)
        else:
            busy.append([span.start_s, end_s])
    total_s = sum(end - start for start, end in busy)
    gaps = [(one[1], other[0]) for one, other in itertools.pairwise(busy)]
    return [(start, end) for start, end in gaps if end - start > max(share * total_s, 2.0)]
