"""Who ran where and when: every attempt of `events.jsonl` as a span of time on a device.

Only reading lives here; `views.bars` draws it. Where no launcher saw an attempt end, its end is what its records say.
"""

from __future__ import annotations

import contextlib
import datetime
import itertools
import json
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path


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
    """
    spans: dict[str, list[Span]] = {name: [] for name in names}
    try:
        lines = path.read_bytes().split(b"\n")
    except (FileNotFoundError, NotADirectoryError):
        return []
    for line in lines:
        with contextlib.suppress(ValueError, KeyError, TypeError, IndexError, OverflowError):
            event = json.loads(line)
            own = spans[event["experiment"]]
            if event["event"] == "started":
                started_s = datetime.datetime.fromisoformat(event["at"]).timestamp()
                if not event.get("goes_on"):
                    own.clear()
                own.append(Span(event["experiment"], int(event["attempt"]), str(event["device"]), started_s))
            elif event["event"] == "ended" and own[-1].attempt == event["attempt"]:
                seconds, why = max(0.0, float(event["seconds"])), str(event.get("why", ""))
                own[-1] = replace(own[-1], seconds=seconds, ending=str(event["ending"]), why=why)
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
