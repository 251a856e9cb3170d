"""Who ran where and when, ready to be drawn: attempts by device, and the times in which nothing ran. Pure."""

from __future__ import annotations

import itertools
from collections.abc import Iterable

from launcher.store.experiment_state import AttemptSpan, ExperimentState

_ROUNDING_S = 1.0  # the times of events are written to the second
_SHORTEST_GAP_S = 2.0


def spans_of(experiments: Iterable[ExperimentState]) -> list[AttemptSpan]:
    """Return the attempts that the results of all experiments come from, in the order of their start."""
    return sorted((span for state in experiments for span in state.spans), key=lambda span: span.start_s)


def lanes(spans: Iterable[AttemptSpan]) -> dict[str, list[list[AttemptSpan]]]:
    """Return the attempts by device, and on a device by lane: within a lane none overlaps another.

    Attempts that overlap by less than a second may share a lane.
    """
    found: dict[str, list[list[AttemptSpan]]] = {}
    for span in spans:
        own = found.setdefault(span.device, [])
        for lane in own:
            if lane[-1].start_s + (lane[-1].seconds or 0.0) <= span.start_s + _ROUNDING_S:
                lane.append(span)
                break
        else:
            own.append([span])
    return found


def idle_gaps(spans: Iterable[AttemptSpan], share: float = 0.1) -> list[tuple[float, float]]:
    """Return from when to when nothing ran at all, in seconds since the epoch.

    A gap counts if it is longer than `share` of the time that something ran, and longer than two seconds.
    """
    busy: list[list[float]] = []
    for span in sorted(spans, key=lambda span: span.start_s):
        end_s = span.start_s + (span.seconds or 0.0)
        if busy and span.start_s <= busy[-1][1]:
            busy[-1][1] = max(busy[-1][1], end_s)
        else:
            busy.append([span.start_s, end_s])
    total_s = sum(end - start for start, end in busy)
    gaps = [(before[1], after[0]) for before, after in itertools.pairwise(busy)]
    return [(start, end) for start, end in gaps if end - start > max(share * total_s, _SHORTEST_GAP_S)]
