"""`report.html`: one page that needs no other file, no network and no server. What it says is `results` and `findings`.

Lives here: which sections there are and in which order. Their tables are `views.sections`, drawings `views.chart` and
`views.bars`, looks `views.theme`. A policy in the page itself forbids it to fetch anything.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from launcher.reports.analysis import METHOD, observations
from launcher.reports.html import sections
from launcher.reports.html.charts import Line, curves, summary_of, swatch, text, thin
from launcher.reports.html.theme import SCRIPT, STYLE
from launcher.reports.html.timeline_chart import timeline
from launcher.reports.reproduce import commands
from launcher.reports.results import Result, running_mean
from launcher.reports.timeline import Span
from launcher.reports.usage_curves import QUANTITIES, Series
from launcher.store.ending import FAILURES
from launcher.store.manifest import Manifest
from launcher.store.paths import Paths, write_atomic
from launcher.text import timestamp

POLICY = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:"
POINTS = 75_000  # in all curves of the page together, about 12 bytes each
_MOST, _LEAST = 400, 24  # points of a curve
_FEW = 12  # up to so many experiments the raw values are drawn behind the running means


def write(
    path: Path,
    paths: Paths,
    document: Manifest,
    experiments: Sequence[Result],
    spans: Sequence[Span],
    usage: Mapping[str, Mapping[str, Series]],
    last_lines: Callable[[Path], list[str]],
) -> None:
    """Write the page.

    Raises:
        OSError: it could not be written; the old one is intact.
    """
    parts = {
        "Summary": sections.summary(document, experiments, spans) + _observations(experiments, document.metrics),
        "Results": sections.results(document, experiments) + sections.differences(experiments),
        "Curves": _curves(document, experiments),
        "Resources": _resources(experiments, usage),
        "Timeline": _timeline(document, spans),
        "Failures": sections.failures(experiments, lambda name: last_lines(paths.log(name)), paths),
        "Environment": sections.environment(document),
        "Reproduce": _reproduce(document, paths),
    }
    links = "".join(f'<a href="#{title.lower()}">{title}</a>' for title in parts)
    body = "".join(
        f'<section id="{title.lower()}" aria-labelledby="h-{title.lower()}"><h2 id="h-{title.lower()}">{title}</h2>'
        f"{part}</section>\n"
        for title, part in parts.items()
    )
    write_atomic(
        path,
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<link rel="icon" href="data:,">'
        f"<title>{text(document.name)}: report</title><style>{STYLE}</style></head>\n"
        f"<body><header><h1>{text(document.name)}</h1>{sections.subtitle(document, experiments)}"
        f'<nav aria-label="Sections">{links}</nav></header>\n<main>{body}</main>\n'
        f"<footer>Made {text(timestamp())} by sweep-launcher from the files in {text(paths.outcome)}. "
        f"This page fetches nothing.</footer>\n<script>{SCRIPT}</script></body></html>\n",
    )


def _observations(experiments: Sequence[Result], metrics: Sequence[str]) -> str:
    said = "".join(f"<li>{text(one)}</li>" for one in observations(experiments, metrics))
    return f'<h3>Observations</h3><ul class="said">{said}</ul><p class="muted">{text(METHOD)}</p>'


def _curves(document: Manifest, experiments: Sequence[Result]) -> str:
    drawn = [one for one in experiments if one.curves]
    if not drawn:
        return "<p>No metric has been recorded.</p>"
    buttons = "".join(
        f'<li><button type="button" data-pick="{one.index}" aria-pressed="false">{swatch(one.index)}'
        f"<span>{text(one.name)}</span></button></li>"
        for one in drawn
    )
    with_raw = len(drawn) <= _FEW
    num_lines = sum(len(one.curves) for one in drawn) * 3 * (2 if with_raw else 1)
    limit = max(_LEAST, min(_MOST, POINTS // max(1, num_lines)))
    found = [f'<ul class="legend" aria-label="Experiments, press one to highlight it">{buttons}</ul>']
    for metric in document.metrics:
        lines = [(one, one.curves[metric]) for one in drawn if metric in one.curves]
        if not lines:
            continue
        panels: dict[str, list[Line]] = {"step": [], "training tokens": [], "time in seconds, attempts summed": []}
        by_step, by_tokens, by_time = panels.values()
        for one, curve in lines:
            smooth = running_mean(curve.values)
            for values, is_faint in [(curve.values, True), (smooth, False)] if with_raw else [(smooth, False)]:
                places = thin(values, limit)
                steps = [curve.steps[place] for place in places]
                y = [values[place] for place in places]
                about = {"is_faint": is_faint, "is_failed": one.ending in FAILURES}
                by_step.append(Line(one.name, one.index, steps, y, **about))
                if one.tokens.keys() >= set(steps):
                    by_tokens.append(Line(one.name, one.index, [one.tokens[step] for step in steps], y, **about))
                by_time.append(Line(one.name, one.index, [one.at_s[step] for step in steps], y, **about))
        charts = "".join(
            _figure(f"{metric} by {label.split(',')[0]}", chart)
            for label, drawn_lines in panels.items()
            if (chart := curves(f"{metric} by {label}", summary_of(drawn_lines), drawn_lines, label, metric))
        )
        found.append(f'<h3>{text(metric)}</h3><div class="charts">{charts}</div>')
    raw = "The faint line is what was recorded, the strong one" if with_raw else "Each line is"
    found.append(
        f'<p class="muted">{raw} its running mean over 5 % of the curve. Values that are not finite are gaps; a cross '
        "ends the curve of an experiment that failed. Time includes what attempts did in vain.</p>"
    )
    return "".join(found)


def _figure(caption: str, chart: str) -> str:
    return f'<figure class="card"><figcaption>{text(caption)}</figcaption>{chart}</figure>'


def _resources(experiments: Sequence[Result], usage: Mapping[str, Mapping[str, Series]]) -> str:
    measured = [one for one in experiments if usage.get(one.name)]
    if not measured:
        return "<p>No telemetry was recorded in this sweep: there are no files in its telemetry folder.</p>"
    limit = max(_LEAST, min(_MOST, POINTS // 4 // (len(measured) * len(QUANTITIES))))
    charts = []
    for key, (title, unit, _) in QUANTITIES.items():
        lines = []
        for one in measured:
            if (own := usage[one.name].get(key)) is None:
                continue
            places = thin(own.values, limit)
            x, y = [own.at_s[place] for place in places], [own.values[place] for place in places]
            lines.append(Line(one.name, one.index, x, y))
        chart = curves(
            title, summary_of(lines), lines, "time in seconds", f"{title.split(',')[0]}, {unit}", from_zero=True
        )
        if chart:
            charts.append(_figure(title, chart))
    told = "Of each worker's whole process tree, since the experiment began; the colours are those of the curves."
    return f'<p class="muted">{told}</p><div class="charts">{"".join(charts)}</div>'


def _timeline(document: Manifest, spans: Sequence[Span]) -> str:
    chart = timeline(spans, {one.name: index for index, one in enumerate(document.experiments)})
    if not chart:
        return "<p>Nothing has run yet.</p>"
    return (
        f'<figure class="card"><div style="overflow-x:auto"><div style="min-width:42rem">{chart}</div></div></figure>'
        '<p class="muted">✓ done, ✗ failed, ‖ interrupted, … running; a number is that of the attempt. A dotted '
        f"pair of lines stands for time in which nothing ran.</p>{sections.attempts(spans)}"
    )


def _reproduce(document: Manifest, paths: Paths) -> str:
    return f'<pre tabindex="0">{text(commands(document, paths))}</pre>'
