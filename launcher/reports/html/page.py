"""`report.html`: one page that needs no other file, no network and no server.

    experiments ─┬─▶ summary, results_table ────▶ templates/*.html ─┐
                 ├─▶ static_chart, timeline_chart ──▶ chart.html ───┼─▶ report.html
                 ├─▶ by_axis ──▶ sketch_svg ────────────────────────┤
                 └─▶ page_data ─▶ JSON ─▶ scripts/*.js, uPlot ──────┘

The page is whole without its script: tables and pictures. With it, the curves and the table can be worked with. A
policy in the page forbids it to fetch anything, and lets only the script and the style that are written here act.
"""

from __future__ import annotations

import base64
import functools
import hashlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from launcher.reports.analysis import Judgement, has_seeds, judge, method, observations
from launcher.reports.differences import shared
from launcher.reports.html import pictures, results_table, summary
from launcher.reports.html.configuration_table import configuration_table
from launcher.reports.html.encoding import script_json
from launcher.reports.html.highlights import Highlights
from launcher.reports.html.page_data import details, page_data
from launcher.reports.html.parameter_views import parameter_views
from launcher.reports.html.points import axes_of, points_of
from launcher.reports.html.timeline_chart import timeline
from launcher.reports.reproduce import commands, commands_about
from launcher.reports.timeline import spans_of
from launcher.reports.usage_curves import Series
from launcher.store.experiment_state import RUNNING, ExperimentState
from launcher.store.manifest import Manifest
from launcher.store.paths import ANY, Paths, write_atomic
from launcher.text import printable, timestamp

_FOLDER = Path(__file__).parent
# In the order in which they run, as one script.
_SCRIPTS = (
    "decode",
    "smooth",
    "mean",
    "axes",
    "curves",
    "painter",
    "pointer",
    "chart",
    "legend",
    "panel",
    "table",
    "details",
    "main",
)
_MOST_LOGS = 200  # experiments whose last lines are in the page: first those that failed, then those that run
_MOST_SAID = 12  # observations that are not folded away
_MOST_ATTEMPTS = 200  # rows of the table of attempts; each fold-out has the attempts of its experiment


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
    context = _context(paths, manifest, experiments, usage, last_lines)
    write_atomic(path, _environment().get_template("page.html").render(context))


def _context(
    paths: Paths,
    manifest: Manifest,
    experiments: Sequence[ExperimentState],
    usage: Mapping[str, Mapping[str, Series]],
    last_lines: Callable[[Path], list[str]],
) -> dict[str, Any]:
    spans = spans_of(experiments)
    points = points_of(manifest.metrics, experiments)
    leading = next(iter(points), None)  # the first metric that anybody logged: it says who is best
    highlights = Highlights.of(experiments, leading)
    judgements = {metric: judge(experiments, metric) for metric in points} if has_seeds(experiments) else {}
    axes = axes_of(manifest, points)
    made, cards = timestamp(), summary.failures(experiments)
    lines = _lines(experiments, [card.first for card in cards], lambda name: last_lines(paths.log(name)))
    data = page_data(manifest, experiments, usage, points, axes, highlights, judgements)
    data |= {"made": made, "details": details(experiments, lines)}
    data["any"], data["log"], data["commands"] = ANY, str(paths.log(ANY)), commands_about(ANY, manifest, paths)
    return {
        "manifest": manifest,
        "subtitle": summary.subtitle(manifest, experiments, made),
        "running": summary.running_note(experiments),
        "tiles": summary.tiles(manifest, experiments, spans),
        "observations": observations(experiments, manifest.metrics, is_maximize_given=manifest.is_maximize_given),
        "most_said": _MOST_SAID,
        "method": method(experiments),
        "results": _results(manifest, experiments, highlights, judgements, leading),
        "parameters": parameter_views(manifest, experiments),
        "same_facts": _texts(shared([each.facts for each in experiments if each.facts])),
        "same_config": _texts(shared([each.config for each in experiments])),
        "has_points": bool(points),
        "charts": pictures.curves(manifest, points, axes, highlights, judgements),
        "has_means": bool(judgements),
        "legend": pictures.legend(experiments, highlights),
        "num_grey": sum(highlights.colours[index] is None for index in highlights.names),
        "resource_charts": pictures.resources(experiments, usage, highlights),
        "timeline": timeline(spans, {each.name: each.index for each in experiments}),
        "attempts": results_table.attempts(spans) if len(spans) <= _MOST_ATTEMPTS else None,
        "num_attempts": len(spans),
        "signs": summary.signs(),
        "failures": [(card, lines[card.first.name], paths.log(card.first.name)) for card in cards],
        "environment": summary.environment(manifest),
        "commands": commands(manifest, paths),
        "outcome": paths.outcome,
        "data": script_json(data),
        **_assets(),
    }


def _results(
    manifest: Manifest,
    experiments: Sequence[ExperimentState],
    highlights: Highlights,
    judgements: Mapping[str, Judgement],
    leading: str | None,
) -> results_table.Table:
    """Return the table of results: with several seeds a row a configuration, and its seeds below it."""
    if has_seeds(experiments):
        judgement = judgements[leading] if leading is not None else judge(experiments, "")
        return configuration_table(manifest, judgements, judgement.ranked, leading)
    return results_table.results(manifest, [experiments[index] for index in highlights.order], leading)


def _lines(
    experiments: Sequence[ExperimentState], first: Sequence[ExperimentState], read: Callable[[str], list[str]]
) -> dict[str, list[str]]:
    """Return the last lines of the logs of some experiments, `first` among them."""
    order = sorted(experiments, key=lambda each: (not each.has_failed, each.outcome != RUNNING))
    wanted = dict.fromkeys([each.name for each in first] + [each.name for each in order if each.outcome])
    names = list(wanted)[: max(_MOST_LOGS, len(first))]
    return {name: read(name) for name in names}


def _texts(values: Mapping[str, Any]) -> dict[str, str]:
    return summary.cut({key: results_table.value_text(value) for key, value in values.items()})


@functools.cache
def _assets() -> dict[str, str]:
    """Return style and script of the page, and the policy that allows just these."""
    vendor = _FOLDER / "vendor"
    style = _read(vendor / "uPlot.min.css") + _read(_FOLDER / "templates" / "style.css")
    own = "".join(_read(_FOLDER / "scripts" / f"{name}.js") for name in _SCRIPTS)
    script = f'{_read(vendor / "uPlot.iife.min.js")}\n(()=>{{"use strict";\n{own}}})();\n'
    policy = (
        f"default-src 'none'; style-src '{_digest(style)}'; script-src '{_digest(script)}'; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )
    return {"style": style, "script": script, "policy": policy, "licence": _read(vendor / "uPlot.LICENSE")}


def _read(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def _digest(content: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()}"


@functools.cache
def _environment() -> Any:
    """Return jinja2 with our templates: every text is escaped, and control characters in it are shown as escapes."""
    import jinja2

    from launcher.reports.html.compiled_templates import CompiledTemplates

    settings: dict[str, Any] = {"autoescape": True, "trim_blocks": True, "lstrip_blocks": True}
    return jinja2.Environment(
        loader=jinja2.FileSystemLoader(_FOLDER / "templates"),
        finalize=_printable,
        undefined=jinja2.StrictUndefined,
        bytecode_cache=CompiledTemplates(settings),
        **settings,
    )


def _printable(value: Any) -> Any:
    return value if hasattr(value, "__html__") else printable(str(value), None)
