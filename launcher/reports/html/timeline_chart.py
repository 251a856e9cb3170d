"""The timeline: a row for each device, a bar for each attempt, its ending as a sign and a word. Geometry only.

A long stretch in which nothing ran, such as a night between two launches, is drawn short and marked.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from launcher.reports.html.static_chart import Tick
from launcher.reports.html.ticks import ticks
from launcher.reports.timeline import idle_gaps, lanes
from launcher.store.ending import EndingKind
from launcher.store.experiment_state import RUNNING, AttemptSpan, mark_of
from launcher.text import duration

WIDTH, ROW, LEFT = 1000, 30, 84
_GAP_SHARE = 0.03  # of the time shown, for a stretch in which nothing ran
_MOST_NAMED = 400  # of more bars, none has a title or a text
_CHARACTER = 7.4  # the width of a character, about


@dataclass(frozen=True)
class Bar:
    """An attempt as a bar."""

    experiment: int  # its place in the job file
    kind: str  # a class of the style sheet
    title: str
    text: str  # what fits into the bar
    x: float
    y: float
    width: float
    height: float = ROW - 5


@dataclass(frozen=True)
class Timeline:
    """The timeline, ready for its template `timeline.html`."""

    description: str
    height: int
    lanes: Sequence[tuple[float, str]]  # where the label of each device stands
    bars: Sequence[Bar]
    axis: float  # its place from above
    ticks: Sequence[Tick]
    gaps: Sequence[tuple[float, str]]  # stretches in which nothing ran, with how long
    has_names: bool  # bars have titles and texts
    width: int = WIDTH
    left: int = LEFT


def timeline(spans: Sequence[AttemptSpan], index: Mapping[str, int]) -> Timeline | None:
    """Return the chart; None if there was no attempt. `index` gives the place of each experiment in the job file."""
    spans = [span for span in spans if span.seconds is not None]
    if not spans:
        return None
    clock = _Clock(spans)
    labels, bars, top = [], [], 6.0
    for device, rows in sorted(lanes(spans).items()):
        labels.append((top + ROW / 2 + 4, device[:12]))
        for row in rows:
            bars += [_bar(span, clock, top, index[span.experiment]) for span in row]
            top += ROW
    marks = []
    for value in clock.ticks:
        at = round(clock.at(clock.start_s + value), 1)
        anchor = "end" if at > WIDTH - 40 else "start" if at < LEFT + 20 else "middle"
        marks.append(Tick(at, duration(value), anchor))
    gaps = [
        (round((clock.at(start_s) + clock.at(end_s)) / 2, 1), duration(end_s - start_s))
        for start_s, end_s in clock.gaps
    ]
    description = "; ".join(
        f"{span.experiment} attempt {span.attempt} on {span.device}: {span.ending} after "
        f"{duration(span.seconds or 0.0)}"
        for span in spans[:40]
    )
    has_names = len(spans) <= _MOST_NAMED
    return Timeline(description, int(top) + 28, labels, bars, top + 2, marks, gaps, has_names)


class _Clock:
    """Maps time to places on paper, with the stretches in which nothing ran cut short."""

    def __init__(self, spans: Sequence[AttemptSpan]) -> None:
        self.start_s = min(span.start_s for span in spans)
        self._end_s = max(span.start_s + (span.seconds or 0.0) for span in spans)
        self.gaps = idle_gaps(spans)
        idle_s = sum(end - start for start, end in self.gaps)
        busy_s = max(self._end_s - self.start_s - idle_s, 1.0)
        self._gap_s = _GAP_SHARE * busy_s
        self._scale = (WIDTH - LEFT - 4) / (busy_s + self._gap_s * len(self.gaps))

    def at(self, time_s: float) -> float:
        """Return the place of a moment, which is given in seconds since the epoch."""
        shown_s = time_s - self.start_s
        for start_s, end_s in self.gaps:
            if time_s > start_s:
                passed = min(1.0, (time_s - start_s) / (end_s - start_s))
                shown_s -= passed * (end_s - start_s - self._gap_s)
        return LEFT + shown_s * self._scale

    @property
    def ticks(self) -> list[float]:
        """The moments that get a label, in seconds since the start; none within a stretch that is cut short."""
        end_s = self._end_s - self.start_s
        steps = [value for value in (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600) if end_s / value <= 6]
        found = [place * steps[0] for place in range(int(end_s / steps[0]) + 1)] if steps else ticks(0.0, end_s, 6)
        places: list[float] = []
        for value in found:
            time_s = self.start_s + value
            if any(start_s < time_s < stop_s for start_s, stop_s in self.gaps):
                continue
            if not places or self.at(time_s) - self.at(self.start_s + places[-1]) > 60:
                places.append(value)
        return places


def _bar(span: AttemptSpan, clock: _Clock, top: float, index: int) -> Bar:
    seconds = span.seconds or 0.0
    left = clock.at(span.start_s)
    width = max(3.0, clock.at(span.start_s + seconds) - left - 1)
    sign = mark_of(span.ending)
    ending = EndingKind.from_text(span.ending)
    kind = " open" if span.ending == RUNNING else " bad" if ending is None or ending.is_failure else ""
    name = span.experiment if span.attempt == 1 else f"{span.experiment} ({span.attempt})"
    label = f"{sign} {name}"
    room = int((width - 8) / _CHARACTER)
    shown = label if len(label) <= room else f"{label[: room - 1]}…" if room >= 6 else sign if room >= 1 else ""
    title = f"{name} on {span.device}: {span.ending}, {duration(seconds)}"
    if span.why:
        title += f", {span.why[:200]}"
    return Bar(index, kind, title, shown, round(left, 1), top + 2, round(width, 1))
