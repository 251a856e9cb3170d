"""`report.html`: one page that needs no other file, no network and no server.

This module says which sections there are, and in which order. `sections` makes their tables, `charts` and
`timeline_chart` the drawings, `theme` the looks. A policy in the page itself forbids it to fetch anything.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

from launcher.reports.analysis import METHOD, observations
from launcher.reports.html import sections
from launcher.reports.html.charts import ChartLine, curves, escaped, summary_of, swatch, thin
from launcher.reports.html.theme import SCRIPT, STYLE
from launcher.reports.html.timeline_chart import timeline
from launcher.reports.reproduce import commands
from launcher.reports.smoothing import drawable, running_mean
from launcher.reports.timeline import spans_of
from launcher.reports.usage_curves import QUANTITIES, Series
from launcher.store.ending import EndingKind
from launcher.store.experiment_state import RUNNING, AttemptSpan, ExperimentState, mark_of
from launcher.store.manifest import Manifest
from launcher.store.paths import Paths, write_atomic
from launcher.text import timestamp

POLICY = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:"
POINTS = 75_000  # in all curves of the page together; a point takes about 12 bytes
_MOST, _LEAST = 400, 24  # points of a curve
_FEW = 12  # up to so many experiments, the recorded values are drawn behind the running means


def write(
    path: Path,
    paths: Paths,
    manifest: Manifest,
    experiments: Sequence[ExperimentState],
    usage: Mapping[str, Mapping[str, Series]],
    last_lines: Callable[[Path], list[str]],
) -> None:
    """Write the page. `usage` has the curves of each experiment's resources; `last_lines` reads the end of a log.

    Raises:
        OSError: it could not be written; the old one is intact.
    """
    spans = spans_of(experiments)
    parts = {
        "Summary": sections.summary(manifest, experiments, spans) + _observations(experiments, manifest.metrics),
        "Results": sections.results(manifest, experiments) + sections.differences(experiments),
        "Curves": _curves(manifest, experiments),
        "Resources": _resources(experiments, usage),
        "Timeline": _timeline(manifest, spans),
        "Failures": sections.failures(experiments, lambda name: last_lines(paths.log(name)), paths),
        "Environment": sections.environment(manifest),
        "Reproduce": _reproduce(manifest, paths),
    }
    write_atomic(path, _assembled(parts, manifest, sections.subtitle(manifest, experiments), paths))


def _assembled(parts: Mapping[str, str], manifest: Manifest, subtitle: str, paths: Paths) -> str:
    """Return the whole page, given its sections by title."""
    links = "".join(f'<a href="#{title.lower()}">{title}</a>' for title in parts)
    body = "".join(
        f'<section id="{title.lower()}" aria-labelledby="h-{title.lower()}"><h2 id="h-{title.lower()}">{title}</h2>'
        f"{part}</section>\n"
        for title, part in parts.items()
    )
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<link rel="icon" href="data:,">'
        f"<title>{escaped(manifest.name)}: report</title><style>{STYLE}</style></head>\n"
        f"<body><header><h1>{escaped(manifest.name)}</h1>{subtitle}"
        f'<nav aria-label="Sections">{links}</nav></header>\n<main>{body}</main>\n'
        f"<footer>Made {escaped(timestamp())} by sweep-launcher from the files in {escaped(paths.outcome)}. "
        f"This page fetches nothing.</footer>\n<script>{SCRIPT}</script></body></html>\n"
    )


def _observations(experiments: Sequence[ExperimentState], metrics: Sequence[str]) -> str:
    items = "".join(f"<li>{escaped(sentence)}</li>" for sentence in observations(experiments, metrics))
    return f'<h3>Observations</h3><ul class="said">{items}</ul><p class="muted">{escaped(METHOD)}</p>'


def _curves(manifest: Manifest, experiments: Sequence[ExperimentState]) -> str:
    drawn = [experiment for experiment in experiments if experiment.curves]
    if not drawn:
        return "<p>No metric has been recorded.</p>"
    buttons = "".join(
        f'<li><button type="button" data-pick="{experiment.index}" aria-pressed="false">{swatch(experiment.index)}'
        f"<span>{escaped(experiment.name)}</span></button></li>"
        for experiment in drawn
    )
    with_raw = len(drawn) <= _FEW
    num_lines = sum(len(experiment.curves) for experiment in drawn) * 3 * (2 if with_raw else 1)
    limit = max(_LEAST, min(_MOST, POINTS // max(1, num_lines)))
    found = [f'<ul class="legend" aria-label="Experiments, press one to highlight it">{buttons}</ul>']
    for metric in manifest.metrics:
        panels = _panels(drawn, metric, limit, with_raw=with_raw)
        charts = "".join(
            _figure(f"{metric} by {label.split(',')[0]}", chart)
            for label, lines in panels.items()
            if (chart := curves(f"{metric} by {label}", summary_of(lines), lines, label, metric))
        )
        if any(panels.values()):
            found.append(f'<h3>{escaped(metric)}</h3><div class="charts">{charts}</div>')
    raw = "The faint line is what was recorded, the strong one" if with_raw else "Each line is"
    found.append(
        f'<p class="muted">{raw} its running mean over 5 % of the curve. Values that are not finite are gaps; a cross '
        "ends the curve of an experiment that failed. Time includes what attempts did in vain.</p>"
    )
    return "".join(found)


def _panels(
    experiments: Sequence[ExperimentState], metric: str, limit: int, *, with_raw: bool
) -> dict[str, list[ChartLine]]:
    """Return the lines of a metric's charts, by the label of the horizontal axis; `limit` is the points of a line."""
    panels: dict[str, list[ChartLine]] = {"step": [], "training tokens": [], "time in seconds, attempts summed": []}
    by_step, by_tokens, by_time = panels.values()
    for experiment in experiments:
        if (curve := experiment.curves.get(metric)) is None:
            continue
        smooth: Sequence[float] = running_mean(drawable(curve.values)).tolist()
        for values, is_faint in [(curve.values, True), (smooth, False)] if with_raw else [(smooth, False)]:
            places = thin(values, limit)
            steps = [curve.steps[place] for place in places]
            line = partial(
                ChartLine,
                experiment.name,
                experiment.index,
                y=[values[place] for place in places],
                is_faint=is_faint,
                is_failed=experiment.has_failed,
            )
            by_step.append(line(x=steps))
            if experiment.tokens and experiment.tokens.covers(steps):
                by_tokens.append(line(x=experiment.tokens.at(steps)))
            if experiment.at_s:
                by_time.append(line(x=experiment.at_s.at(steps)))
    return panels


def _figure(caption: str, chart: str) -> str:
    return f'<figure class="card"><figcaption>{escaped(caption)}</figcaption>{chart}</figure>'


def _resources(experiments: Sequence[ExperimentState], usage: Mapping[str, Mapping[str, Series]]) -> str:
    measured = [experiment for experiment in experiments if usage.get(experiment.name)]
    if not measured:
        return "<p>No telemetry was recorded in this sweep: there are no files in its telemetry folder.</p>"
    limit = max(_LEAST, min(_MOST, POINTS // 4 // (len(measured) * len(QUANTITIES))))
    charts = []
    for key, (title, unit, _) in QUANTITIES.items():
        lines = []
        for experiment in measured:
            if (own := usage[experiment.name].get(key)) is None:
                continue
            places = thin(own.values, limit)
            x, y = [own.at_s[place] for place in places], [own.values[place] for place in places]
            lines.append(ChartLine(experiment.name, experiment.index, x, y))
        label = f"{title.split(',')[0]}, {unit}"
        if chart := curves(title, summary_of(lines), lines, "time in seconds", label, from_zero=True):
            charts.append(_figure(title, chart))
    remark = "Of each worker's whole process tree, since the experiment began; the colours are those of the curves."
    return f'<p class="muted">{remark}</p><div class="charts">{"".join(charts)}</div>'


def _timeline(manifest: Manifest, spans: Sequence[AttemptSpan]) -> str:
    chart = timeline(spans, {planned.name: index for index, planned in enumerate(manifest.experiments)})
    if not chart:
        return "<p>Nothing has run yet.</p>"
    return (
        f'<figure class="card"><div style="overflow-x:auto"><div style="min-width:42rem">{chart}</div></div></figure>'
        f'<p class="muted">{_legend()}; a number is that of the attempt. A dotted '
        f"pair of lines stands for time in which nothing ran.</p>{sections.attempts(spans)}"
    )


def _legend() -> str:
    """Return what each sign of an outcome means. A sign that several endings share stands for the first of them."""
    signs: dict[str, str] = {}
    for kind in EndingKind:
        signs.setdefault(kind.mark, kind.label)
    return ", ".join(f"{mark} {label}" for mark, label in [*signs.items(), (mark_of(RUNNING), RUNNING)])


def _reproduce(manifest: Manifest, paths: Paths) -> str:
    return f'<pre tabindex="0">{escaped(commands(manifest, paths))}</pre>'
