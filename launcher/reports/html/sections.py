"""The tables and lists of the page, as HTML. Every text that comes from outside goes through `escaped`."""

from __future__ import annotations

import datetime
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from launcher.reports.analysis import Verdict, broken, compare, level_text, rank
from launcher.reports.differences import describe_difference, differing, reference, shared
from launcher.reports.html.charts import escaped
from launcher.reports.html.html_table import Cell, HtmlTable, plain_cells, value_cells
from launcher.reports.timeline import idle_gaps
from launcher.store.ending import EndingKind
from launcher.store.experiment_state import AttemptSpan, ExperimentState, mark_of
from launcher.store.manifest import Manifest
from launcher.store.paths import Paths
from launcher.text import duration, number, rounded, size

_MOST_TILES = 4  # metrics that have a tile at the top
_MOST_LOGS = 50  # failures whose last lines are shown
_LONGEST = 2000  # characters of a reason or of a value in a list


def subtitle(manifest: Manifest, experiments: Sequence[ExperimentState]) -> str:
    """Return the line under the title."""
    launch = manifest.launch
    parts = [
        f"{len(experiments)} experiments of {manifest.job_file}",
        f"target {manifest.target}",
        f"seed {manifest.seed}",
    ]
    if launch.at:
        parts.append(f"last launched {launch.at.replace('T', ' ')} on {launch.host or 'an unknown host'}")
    return f'<p class="muted">{escaped(" · ".join(parts))}</p>'


def busy_s(spans: Sequence[AttemptSpan]) -> float:
    """Return for how many seconds anything ran."""
    if not spans:
        return 0.0
    end_s = max(span.start_s + (span.seconds or 0.0) for span in spans)
    return end_s - min(span.start_s for span in spans) - sum(stop - start for start, stop in idle_gaps(spans, 0.0))


Tile = tuple[str, str, str]  # the title, the value, and a remark below it


def summary(manifest: Manifest, experiments: Sequence[ExperimentState], spans: Sequence[AttemptSpan]) -> str:
    """Return the tiles at the top: how it ended, what was best and by how much, how long, how many steps."""
    tiles = [_done_tile(manifest, experiments)]
    tiles += [tile for metric in manifest.metrics[:_MOST_TILES] if (tile := _best_tile(experiments, metric))]
    if trained_s := sum(experiment.seconds or 0.0 for experiment in experiments):
        num_slots = len(manifest.launch.slots) or 1
        remark = f"{duration(trained_s)} of training on {num_slots} slot{'s' if num_slots > 1 else ''}"
        tiles.append(("Time", duration(busy_s(spans) or trained_s), remark))
    tokens = sum(experiment.num_tokens or 0.0 for experiment in experiments)
    remark = f"{tokens:,.0f} tokens" if tokens else "in all experiments together"
    tiles.append(("Steps", f"{sum(experiment.num_steps for experiment in experiments):,}", remark))
    body = "".join(
        f'<div class="card"><dt>{escaped(title)}</dt><dd>{escaped(value)}<small>{escaped(remark)}</small></dd></div>'
        for title, value, remark in tiles
    )
    return f'<dl class="tiles">{body}</dl>'


def _done_tile(manifest: Manifest, experiments: Sequence[ExperimentState]) -> Tile:
    counts = Counter(experiment.outcome or "not started" for experiment in experiments)
    others = [f"{count} {_words(kind)}" for kind, count in counts.items() if kind != EndingKind.DONE]
    num_broken = sum(experiment.is_done and bool(broken(experiment, manifest.metrics)) for experiment in experiments)
    others += [f"{num_broken} done without a finite end"] if num_broken else []
    value = f"{counts[EndingKind.DONE]} of {len(experiments)}"
    return "Experiments done", value, ", ".join(others) or "none failed"


def _best_tile(experiments: Sequence[ExperimentState], metric: str) -> Tile | None:
    """Return the tile of a metric; None if no experiment has an end of it."""
    ranking = rank(experiments, metric)
    if not ranking.ends:
        return None
    first, _ = ranking.ends[0]
    remark = level_text(first.curves[metric])
    if ranking.lead is not None:
        remark += f"; {rounded(abs(ranking.lead.value))} ahead of {ranking.ends[1][0].name}, {ranking.lead.verdict}"
        levels = [end.level for _, end in ranking.ends]
        remark += f". From {rounded(min(levels))} to {rounded(max(levels))} over all"
    return f"Best {metric} at the end", first.name, remark


def _words(outcome: str) -> str:
    return outcome.replace("_", " ")


def results(manifest: Manifest, experiments: Sequence[ExperimentState]) -> str:
    """Return the table of results, a row an experiment."""
    table = HtmlTable("Results; a click on a heading sorts", [experiment.index for experiment in experiments])
    table.column("experiment", plain_cells([experiment.name for experiment in experiments]))
    table.column("overrides", plain_cells([describe_difference(each) for each in experiments]), "left wrap")
    endings, marks = zip(*(_ending(experiment, manifest.metrics) for experiment in experiments), strict=True)
    table.column("ending", endings, "left", marks)
    for place, metric in enumerate(manifest.metrics):
        _metric_columns(table, experiments, metric, with_difference=place == 0)
    table.column("steps", [(_steps(experiment), experiment.num_steps) for experiment in experiments])
    if any(experiment.tokens_per_s for experiment in experiments):
        table.column("tokens/s", value_cells([each.tokens_per_s for each in experiments], "{:,.0f}".format))
    table.column("time", value_cells([experiment.seconds for experiment in experiments], duration))
    facts = [experiment.facts for experiment in experiments if experiment.facts]
    for fact in differing(facts):
        table.column(fact, value_cells([experiment.facts.get(fact) for experiment in experiments], value_text))
    for title, peaks in (
        ("peak memory", [experiment.peak_memory_bytes for experiment in experiments]),
        ("peak GPU memory", [experiment.peak_gpu_memory_bytes for experiment in experiments]),
    ):
        if any(peaks):
            table.column(title, value_cells(peaks, size))
    table.column("device", plain_cells([experiment.device for experiment in experiments]), "left")
    table.column("attempts", [(str(experiment.attempt), experiment.attempt) for experiment in experiments])
    same = ", ".join(f"{key} {value_text(value)}" for key, value in shared(facts).items())
    return table.html() + (f'<p class="muted">The same in all: {escaped(same)}.</p>' if same else "")


def _ending(experiment: ExperimentState, metrics: Sequence[str]) -> tuple[Cell, str]:
    """Return the cell that says how an experiment ended, and its mark."""
    outcome = experiment.outcome
    if not outcome:
        return ("not started", ""), ""
    if what := broken(experiment, metrics):
        return (f"! {outcome}, but {what}", outcome), "bad"
    mark = "good" if experiment.is_done else "bad" if experiment.has_failed else ""
    return (f"{mark_of(outcome)} {_words(outcome)}", outcome), mark


def _steps(experiment: ExperimentState) -> str:
    is_whole = experiment.total in (None, experiment.num_steps)
    return f"{experiment.num_steps:,}" + ("" if is_whole else f" of {experiment.total:,}")


def _metric_columns(
    table: HtmlTable, experiments: Sequence[ExperimentState], metric: str, *, with_difference: bool
) -> None:
    curves = [experiment.curves.get(metric) for experiment in experiments]
    ranked = rank(experiments, metric).ends
    first = ranked[0][0].name if ranked else ""
    marks = ["best" if experiment.name == first else "" for experiment in experiments]
    levels = [
        (f"{level_text(curve)}{' ★' if mark else ''}", curve.end.level) if curve and curve.end else ("-", "")
        for curve, mark in zip(curves, marks, strict=True)
    ]
    table.column(f"{metric} at the end", levels, marks=marks)
    if with_difference:
        _difference_column(table, experiments, metric)
    table.column(f"best {metric}", value_cells([curve.best if curve else None for curve in curves], number))
    table.column(f"last {metric}", value_cells([curve.newest if curve else None for curve in curves], number))


def _difference_column(table: HtmlTable, experiments: Sequence[ExperimentState], metric: str) -> None:
    """Add the column that sets each experiment beside the reference, if the reference has an end."""
    base, compared = compare(experiments, metric)
    if base is None:
        return
    by_name = {comparison.experiment.name: comparison for comparison in compared}
    cells: list[Cell] = []
    for experiment in experiments:
        comparison = by_name.get(experiment.name)
        if comparison is None:
            cells.append(("-", ""))
            continue
        value, verdict = comparison.difference.value, str(comparison.verdict)
        if comparison.verdict is Verdict.CLEAR:
            verdict = "better" if comparison.is_better else "worse"
        cells.append((f"{'-' if value < 0 else '+'}{rounded(abs(value))} {verdict}", value))
    table.column(f"against {base.name}", cells, "left")


def value_text(value: Any) -> str:
    """Return a configuration value or a fact for reading: whole numbers with separators."""
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:,}" if isinstance(value, int) and abs(value) >= 10_000 else "none" if value is None else str(value)


def differences(experiments: Sequence[ExperimentState]) -> str:
    """Return the table of configuration keys that differ, and the keys that all experiments share."""
    configs = [experiment.config for experiment in experiments]
    keys, same = differing(configs), shared(configs)
    base = reference(experiments)
    found = "<h3>What differs</h3>"
    if keys and base is not None:
        caption = f"Configuration keys that differ; bold: other than {base.name}"
        table = HtmlTable(caption, [experiment.index for experiment in experiments])
        table.column("experiment", plain_cells([experiment.name for experiment in experiments]))
        for key in keys:
            marks = ["same" if config.get(key) == base.config.get(key) else "best" for config in configs]
            table.column(key, value_cells([config.get(key) for config in configs], value_text), marks=marks)
        found += table.html()
    else:
        found += "<p>Nothing: all configurations are the same.</p>"
    rows = _facts({key: value_text(value) for key, value in same.items()})
    return f"{found}<details><summary>What all experiments share ({len(same)} keys)</summary>{rows}</details>"


def _facts(facts: Mapping[str, str]) -> str:
    rows = "".join(
        f"<dt>{escaped(key)}</dt><dd>{escaped(value[:_LONGEST])}</dd>"
        for key, value in facts.items()
        if value not in ("", "None")
    )
    return f'<dl class="facts">{rows}</dl>'


def attempts(spans: Sequence[AttemptSpan]) -> str:
    """Return every attempt as a row of a table, folded away: the timeline for readers who cannot see it."""
    table = HtmlTable("Attempts, in order of their start", [None for _ in spans])
    table.column("experiment", plain_cells([span.experiment for span in spans]))
    table.column("attempt", [(str(span.attempt), span.attempt) for span in spans])
    table.column("device", [(span.device, span.device) for span in spans], "left")
    starts = [datetime.datetime.fromtimestamp(span.start_s).astimezone() for span in spans]
    table.column("started", [(f"{start:%Y-%m-%d %H:%M:%S}", start.timestamp()) for start in starts])
    table.column("time", value_cells([span.seconds for span in spans], duration))
    table.column("ending", [(str(span.ending), str(span.ending)) for span in spans], "left")
    table.column("why", plain_cells([span.why for span in spans]), "left wrap")
    return f"<details><summary>All {len(spans)} attempts as a table</summary>{table.html()}</details>"


def failures(experiments: Sequence[ExperimentState], last_lines: Callable[[str], list[str]], paths: Paths) -> str:
    """Return the experiments that failed, why, and the last lines of their logs."""
    failed = [experiment for experiment in experiments if experiment.has_failed]
    if not failed:
        return "<p>None.</p>"
    found = [_failure(each, last_lines(each.name), str(paths.log(each.name))) for each in failed[:_MOST_LOGS]]
    if len(failed) > _MOST_LOGS:
        names = ", ".join(experiment.name for experiment in failed[_MOST_LOGS:])
        found.append(f"<p>And {len(failed) - _MOST_LOGS} more: {escaped(names)}.</p>")
    return "\n".join(found)


def _failure(experiment: ExperimentState, lines: Sequence[str], log: str) -> str:
    shown = "\n".join(lines) if lines else "(its log is not here, or empty)"
    difference = describe_difference(experiment)
    of_total = f" of {experiment.total}" if experiment.total else ""
    why = f": {experiment.why}" if experiment.why else ""
    outcome = f"{mark_of(experiment.outcome)} {_words(experiment.outcome)}"
    return (
        f'<div class="card"><h3 style="margin-top:0">{escaped(experiment.name)} <span class="bad">'
        f"{escaped(outcome)}</span></h3><p>{escaped(f'{difference}. ' if difference else '')}"
        f"After step {experiment.last_step}{of_total}{escaped(why[:_LONGEST])}</p>"
        f'<pre class="lines" tabindex="0">{escaped(shown)}</pre><p class="muted">Its log: '
        f"<code>{escaped(log)}</code></p></div>"
    )


def environment(manifest: Manifest) -> str:
    """Return where and with what the newest launch ran."""
    launch = manifest.launch
    facts = {
        "launched": launch.at,
        "host": launch.host,
        "system": launch.system,
        "working directory": launch.cwd,
        "commit": launch.commit or "the job file is in no git repository, or was launched by an older version",
        "Python": launch.python,
        "packages": ", ".join(f"{name} {version}" for name, version in launch.versions.items()),
        "mode": f"{launch.mode or 'unknown'}, workers started by {launch.start_method or 'unknown'}",
        "slots": "; ".join(
            f"{slot.device}{' ' + slot.uuid if slot.uuid else ''}, threads: {slot.threads}" for slot in launch.slots
        ),
        "target": manifest.target,
        "job file": manifest.job_file,
        "seed": str(manifest.seed),
    }
    return _facts({key: str(value) for key, value in facts.items()})
