"""The tables and lists of the page, as HTML. Every value that comes from outside goes through `text`."""

from __future__ import annotations

import datetime
import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from launcher.reports.analysis import broken, compare, differs, rank
from launcher.reports.html.charts import text
from launcher.reports.results import Result, differing, mark_of, reference, shared
from launcher.reports.timeline import Span, idle_gaps
from launcher.store.ending import FAILURES, EndingKind
from launcher.store.manifest import Manifest
from launcher.store.paths import Paths
from launcher.text import duration, number, rounded, size, with_spread

_LONG = 300  # characters of a value that a table shows; the whole is in sweep.json
_ALL_LINES = 50  # failures whose last lines are shown


def subtitle(document: Manifest, experiments: Sequence[Result]) -> str:
    """Return the line under the title."""
    launch = document.launch
    parts = [
        f"{len(experiments)} experiments of {document.job_file}",
        f"target {document.target}",
        f"seed {document.seed}",
    ]
    if launch.get("at"):
        parts.append(f"last launched {str(launch['at']).replace('T', ' ')} on {launch.get('host', 'an unknown host')}")
    return f'<p class="muted">{text(" · ".join(parts))}</p>'


def wall_s(spans: Sequence[Span]) -> float:
    """Return how long anything ran, in seconds."""
    if not spans:
        return 0.0
    end_s = max(span.start_s + (span.seconds or 0.0) for span in spans)
    return end_s - min(span.start_s for span in spans) - sum(stop - start for start, stop in idle_gaps(spans, 0.0))


def summary(document: Manifest, experiments: Sequence[Result], spans: Sequence[Span]) -> str:
    """Return the tiles at the top: how it ended, what was best and by how much, how long, how many steps."""
    endings = Counter(one.ending or "not started" for one in experiments)
    others = [f"{count} {kind.replace('_', ' ')}" for kind, count in endings.items() if kind != EndingKind.DONE]
    num_broken = sum(one.ending == EndingKind.DONE and bool(broken(one, document.metrics)) for one in experiments)
    others += [f"{num_broken} done without a finite end"] if num_broken else []
    num_done = endings[EndingKind.DONE]
    tiles = [("Experiments done", f"{num_done} of {len(experiments)}", ", ".join(others) or "none failed")]
    for metric in document.metrics[:4]:
        ranked = rank(experiments, metric)
        if not ranked.ends:
            continue
        best, end = ranked.ends[0]
        told = with_spread(end.level, end.spread)
        if ranked.margin is not None:
            gap, noise = ranked.margin
            trust = "clear" if gap > noise else "within the noise"
            told += f"; {rounded(gap)} ahead of {ranked.ends[1][0].name}, {trust}"
            levels = [one.level for _, one in ranked.ends]
            told += f". From {rounded(min(levels))} to {rounded(max(levels))} over all"
        tiles.append((f"Best {metric} at the end", best.name, told))
    trained_s = sum(one.seconds or 0.0 for one in experiments)
    if trained_s:
        slots = len(document.launch.get("slots", [])) or 1
        ran_s = wall_s(spans)
        told = f"{duration(trained_s)} of training on {slots} slot{'s' if slots > 1 else ''}"
        tiles.append(("Time", duration(ran_s or trained_s), told))
    tokens = sum(one.num_tokens or 0.0 for one in experiments)
    told = f"{tokens:,.0f} tokens" if tokens else "in all experiments together"
    tiles.append(("Steps", f"{sum(one.steps for one in experiments):,}", told))
    body = "".join(
        f'<div class="card"><dt>{text(title)}</dt><dd>{text(value)}<small>{text(told)}</small></dd></div>'
        for title, value, told in tiles
    )
    return f'<dl class="tiles">{body}</dl>'


class _Table:
    """A table in a box of its own that scrolls; columns are added with their cells, rows are experiments or others."""

    def __init__(self, caption: str, picks: Sequence[int | None]) -> None:
        self._caption = caption
        self._picks = picks
        self._heads: list[str] = []
        self._rows: list[list[str]] = [[] for _ in picks]

    def column(self, title: str, cells: Sequence[tuple[str, Any]], kind: str = "", marks: Sequence[str] = ()) -> None:
        """Add a column: for each row what is shown and what it is sorted by."""
        is_first = not self._heads
        classes = " ".join(filter(None, [kind, "left" if is_first else ""]))
        self._heads.append(
            f'<th scope="col" class="{classes}"><button type="button" data-sort>{text(title)}</button></th>'
        )
        for place, (shown, key) in enumerate(cells):
            mark = " ".join(filter(None, [kind, marks[place] if marks else ""]))
            attributes = f' class="{mark}"' if mark else ""
            if key != shown:
                attributes += f' data-v="{text(_sortable(key))}"'
            short = shown if len(shown) <= _LONG else shown[:_LONG] + "…"
            tag = 'th scope="row"' if is_first else "td"
            self._rows[place].append(f"<{tag}{attributes}>{text(short)}</{tag.split(' ')[0]}>")

    def html(self) -> str:
        """Return the table."""
        picks = ["" if pick is None else f' data-e="{pick}" data-pick="{pick}"' for pick in self._picks]
        rows = "".join(f"<tr{pick}>{''.join(row)}</tr>" for pick, row in zip(picks, self._rows, strict=True))
        return (
            f'<div class="scroll" tabindex="0" role="region" aria-label="{text(self._caption)}"><table><caption>'
            f"{text(self._caption)}</caption><thead><tr>{''.join(self._heads)}</tr></thead><tbody>{rows}</tbody>"
            "</table></div>\n"
        )


def _sortable(key: Any) -> str:
    if isinstance(key, float) and not math.isfinite(key):
        return ""
    return "" if key is None else str(key)


def _cell(value: Any, shown: Callable[[Any], str]) -> tuple[str, Any]:
    return ("-", "") if value is None else (shown(value), value)


def results(document: Manifest, experiments: Sequence[Result]) -> str:
    """Return the table of results, a row an experiment."""
    table = _Table("Results; a click on a heading sorts", [one.index for one in experiments])
    table.column("experiment", [(one.name, one.name) for one in experiments])
    table.column("overrides", [(differs(one) or "-", differs(one)) for one in experiments], "left wrap")
    endings, marks = zip(*(_ending(one, document.metrics) for one in experiments), strict=True)
    table.column("ending", endings, "left", marks)
    for place, metric in enumerate(document.metrics):
        _metric_columns(table, experiments, metric, with_difference=place == 0)
    steps = [
        f"{one.steps:,}" + (f" of {one.total:,}" if one.total not in (None, one.steps) else "") for one in experiments
    ]
    table.column("steps", list(zip(steps, [one.steps for one in experiments], strict=True)))
    if any(one.tokens_per_s for one in experiments):
        table.column("tokens/s", [_cell(one.tokens_per_s, "{:,.0f}".format) for one in experiments])
    table.column("time", [_cell(one.seconds, duration) for one in experiments])
    for fact in differing([one.facts for one in experiments if one.facts]):
        table.column(fact, [_cell(one.facts.get(fact), value_text) for one in experiments])
    if any(one.peak_memory_bytes for one in experiments):
        table.column("peak memory", [_cell(one.peak_memory_bytes, size) for one in experiments])
    if any(one.peak_gpu_memory_bytes for one in experiments):
        table.column("peak GPU memory", [_cell(one.peak_gpu_memory_bytes, size) for one in experiments])
    table.column("device", [(one.device or "-", one.device) for one in experiments], "left")
    table.column("attempts", [(str(one.attempts), one.attempts) for one in experiments])
    same = shared([one.facts for one in experiments if one.facts])
    facts = ", ".join(f"{key} {value_text(value)}" for key, value in same.items())
    return table.html() + (f'<p class="muted">The same in all: {text(facts)}.</p>' if facts else "")


def _ending(one: Result, metrics: Sequence[str]) -> tuple[tuple[str, str], str]:
    """Return how an experiment ended: what is shown and what it is sorted by, and its mark."""
    if not one.ending:
        return ("not started", ""), ""
    if what := broken(one, metrics):
        return (f"! {one.ending}, but {what}", one.ending), "bad"
    mark = "good" if one.ending == EndingKind.DONE else "bad" if one.ending in FAILURES else ""
    return (f"{mark_of(one.ending)} {one.ending.replace('_', ' ')}", one.ending), mark


def _metric_columns(table: _Table, experiments: Sequence[Result], metric: str, *, with_difference: bool) -> None:
    curves = [one.curves.get(metric) for one in experiments]
    ends = [curve.end if curve else None for curve in curves]
    ranked = rank(experiments, metric).ends
    first = ranked[0][0].name if ranked else ""
    marks = ["best" if one.name == first else "" for one in experiments]
    levels = [
        (f"{with_spread(end.level, end.spread)}{' ★' if mark else ''}", end.level) if end else ("-", "")
        for end, mark in zip(ends, marks, strict=True)
    ]
    table.column(f"{metric} at the end", levels, marks=marks)
    base, compared = compare(experiments, metric)
    if with_difference and base is not None:
        found = {one.one.name: one for one in compared}
        cells = [
            (f"{'-' if one.difference < 0 else '+'}{rounded(abs(one.difference))}"
             f" {'better' if one.is_better else 'worse'}{'' if one.is_clear else ', within noise'}", one.difference)
            if (one := found.get(result.name)) else ("-", "")
            for result in experiments
        ]  # fmt: skip
        table.column(f"against {base.name}", cells, "left")
    table.column(f"best {metric}", [_cell(curve.best if curve else None, number) for curve in curves])
    table.column(f"last {metric}", [_cell(curve.values[-1] if curve else None, number) for curve in curves])


def value_text(value: Any) -> str:
    """Return a configuration value or a fact for reading: whole numbers with separators."""
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:,}" if isinstance(value, int) and abs(value) >= 10_000 else "none" if value is None else str(value)


def differences(experiments: Sequence[Result]) -> str:
    """Return the table of configuration keys that differ, and what all share."""
    configs = [one.config for one in experiments]
    keys, same = differing(configs), shared(configs)
    base = reference(experiments)
    found = "<h3>What differs</h3>"
    if keys and base is not None:
        table = _Table(
            f"Configuration keys that differ; bold: other than {base.name}", [one.index for one in experiments]
        )
        table.column("experiment", [(one.name, one.name) for one in experiments])
        for key in keys:
            marks = ["same" if one.config.get(key) == base.config.get(key) else "best" for one in experiments]
            table.column(key, [_cell(one.config.get(key), value_text) for one in experiments], marks=marks)
        found += table.html()
    else:
        found += "<p>Nothing: all configurations are the same.</p>"
    rows = _facts({key: value_text(value) for key, value in same.items()})
    return f"{found}<details><summary>What all experiments share ({len(same)} keys)</summary>{rows}</details>"


def _facts(facts: Mapping[str, str]) -> str:
    rows = "".join(
        f"<dt>{text(key)}</dt><dd>{text(value[:2000])}</dd>"
        for key, value in facts.items()
        if value not in ("", "None")
    )
    return f'<dl class="facts">{rows}</dl>'


def attempts(spans: Sequence[Span]) -> str:
    """Return every attempt as a row of a table, folded away: the timeline for those who cannot see it."""
    table = _Table("Attempts, in order of their start", [None for _ in spans])
    table.column("experiment", [(span.experiment, span.experiment) for span in spans])
    table.column("attempt", [(str(span.attempt), span.attempt) for span in spans])
    table.column("device", [(span.device, span.device) for span in spans], "left")
    starts = [datetime.datetime.fromtimestamp(span.start_s).astimezone() for span in spans]
    table.column("started", [(f"{start:%Y-%m-%d %H:%M:%S}", start.timestamp()) for start in starts])
    table.column("time", [_cell(span.seconds, duration) for span in spans])
    table.column("ending", [(span.ending, span.ending) for span in spans], "left")
    table.column("why", [(span.why or "-", span.why) for span in spans], "left wrap")
    return f"<details><summary>All {len(spans)} attempts as a table</summary>{table.html()}</details>"


def failures(experiments: Sequence[Result], last_lines: Callable[[str], list[str]], paths: Paths) -> str:
    """Return what failed, why, and the last lines of its log."""
    lost = [one for one in experiments if one.ending in FAILURES]
    if not lost:
        return "<p>None.</p>"
    found = []
    for one in lost[:_ALL_LINES]:
        lines = last_lines(one.name)
        shown = "\n".join(lines) if lines else "(its log is not here, or empty)"
        why = f": {one.why}" if one.why else ""
        found.append(
            f'<div class="card"><h3 style="margin-top:0">{text(one.name)} <span class="bad">✗ '
            f"{text(one.ending.replace('_', ' '))}</span></h3><p>{text((differs(one) + '. ') if differs(one) else '')}"
            f"After step {one.last_step}{f' of {one.total}' if one.total else ''}{text(why[:2000])}</p>"
            f'<pre class="lines" tabindex="0">{text(shown)}</pre><p class="muted">Its log: '
            f"<code>{text(paths.log(one.name))}</code></p></div>"
        )
    if len(lost) > _ALL_LINES:
        found.append(
            f"<p>And {len(lost) - _ALL_LINES} more: {text(', '.join(one.name for one in lost[_ALL_LINES:]))}.</p>"
        )
    return "\n".join(found)


def environment(document: Manifest) -> str:
    """Return where and with what the last launch ran."""
    launch = document.launch
    slots = [slot for slot in launch.get("slots", []) if isinstance(slot, dict)]
    versions = launch.get("versions", {})
    facts = {
        "launched": launch.get("at", ""),
        "host": launch.get("host", ""),
        "system": launch.get("system", ""),
        "working directory": launch.get("cwd", ""),
        "commit": launch.get("commit") or "the job file is in no git repository, or was launched by an older version",
        "Python": launch.get("python", ""),
        "packages": ", ".join(f"{name} {version}" for name, version in dict(versions).items()),
        "mode": f"{launch.get('mode', 'unknown')}, workers started by {launch.get('start_method', 'unknown')}",
        "slots": "; ".join(
            f"{slot.get('device')}{' ' + str(slot['uuid']) if slot.get('uuid') else ''}, threads: {slot.get('threads')}"
            for slot in slots
        ),
        "target": document.target,
        "job file": document.job_file,
        "seed": str(document.seed),
    }
    return _facts({key: str(value) for key, value in facts.items()})
