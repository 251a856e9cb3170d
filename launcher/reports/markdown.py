"""`report.md`: the report as Markdown in four sections, with the numbers of the sweep and the plots beside it.

Numbers and observations come from the experiments' records. What the model and the data are comes from the author, in
the file beside the job file (`author_notes`). Every value that comes from outside is escaped: it is text, never markup.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

from launcher.planning.defaults import MOST_BY_AXIS
from launcher.reports import author_notes
from launcher.reports.analysis import (
    best_first,
    broken,
    configurations,
    curve_summary,
    has_seeds,
    judge,
    method,
    observations,
)
from launcher.reports.author_notes import AuthorNotes
from launcher.reports.by_axis.views import sketches
from launcher.reports.configuration_columns import best_and_reference, configuration_columns
from launcher.reports.differences import describe_difference, differing, reference, shared
from launcher.reports.reproduce import commands, commands_about
from launcher.store.experiment_state import RUNNING, ExperimentState
from launcher.store.manifest import Manifest
from launcher.store.paths import Paths, write_atomic
from launcher.text import duration, plural, printable, size, timestamp

_SPECIAL = re.compile(r"[\\`*\[\]<>|~$&]|(?<![^\W_])_|_(?![^\W_])|^[-+#=]|^\d+(?=[.)](?:\s|$))")
_LONG = 300
MOST_ROWS = 20  # of a table: a thousand rows are read by nobody


def write(
    path: Path,
    paths: Paths,
    manifest: Manifest,
    experiments: Sequence[ExperimentState],
    drawn: Collection[str] | None = None,
) -> None:
    """Write the report. `drawn`: the experiments whose own curves are files; None: all.

    Raises:
        OSError: it could not be written, or the author's notes beside the job file could not be read.
    """
    base = reference(experiments)
    shown = _shown(manifest, base, experiments)
    notes = author_notes.read(manifest, {**base.facts, **base.config} if base else {})
    parts = [
        f"# {notes.title or plain(manifest.name) + ': report'}",
        _made(manifest, experiments),
        "## 1. Model Architecture and Parameters",
        notes.text.get("Model", ""),
        *_model(notes, base, shown),
        "## 2. Dataset Details",
        notes.text.get("Dataset", ""),
        *_dataset(notes, experiments),
        "## 3. Training Setup and Hyperparameter Experiments",
        "### Training Setup",
        notes.text.get("Training", ""),
        *_training(notes, manifest, base, experiments),
        "### Hyperparameter Experiments",
        _which(manifest, shown, experiments),
        _experiments(notes, base, shown),
        "### Results",
        *_all_results(manifest, shown, experiments),
        *_plots(paths, manifest, experiments, drawn),
        "### Commands",
        _fenced(commands(manifest, paths)),
        "## 4. Observations and Challenges",
        "\n".join(
            f"- {plain(sentence)}"
            for sentence in observations(experiments, manifest.metrics, is_maximize_given=manifest.is_maximize_given)
        ),
        plain(method(experiments)),
        notes.text.get("Observations", ""),
    ]
    write_atomic(path, "\n\n".join(part for part in parts if part) + "\n")


def _shown(
    manifest: Manifest, base: ExperimentState | None, experiments: Sequence[ExperimentState]
) -> Sequence[ExperimentState]:
    """Return the experiments that have a row in the tables: all, or of many the best and the reference.

    With several seeds, each configuration is represented by its first experiment.
    """
    if has_seeds(experiments):
        first_of = {each.name: each.experiments[0] for each in configurations(experiments)}
        judgement = judge(experiments, manifest.metrics[0] if manifest.metrics else "")
        return [first_of[name] for name in best_and_reference(judgement, MOST_ROWS, MOST_ROWS - 1)]
    if len(experiments) <= MOST_ROWS:
        return experiments
    first = best_first(experiments, manifest.metrics[0] if manifest.metrics else "")[:MOST_ROWS]
    return first if base is None or base in first else [*first[:-1], base]


def _which(manifest: Manifest, shown: Sequence[ExperimentState], experiments: Sequence[ExperimentState]) -> str:
    """Return which experiments have a row in the tables, and how all ended; empty if all have one."""
    found = configurations(experiments)
    if len(shown) == len(found):
        return ""
    counts = Counter(experiment.outcome.replace("_", " ") or "not started" for experiment in experiments)
    endings = ", ".join(f"{count:,} {outcome}" for outcome, count in counts.most_common())
    order = f"the best by {plain(manifest.metrics[0])}, best first" if manifest.metrics else "the first of the job"
    which, of_all = ("configurations", "Of all experiments") if has_seeds(experiments) else ("experiments", "Of all")
    return (
        f"The tables have {len(shown)} of {len(found):,} {which}: {order}, and the one that the others are "
        f"compared with. {of_all}, {plain(endings)}. [results_table.csv](results_table.csv) has every one."
    )


def plain(value: object) -> str:
    """Return text of any origin as one line of Markdown that shows just that text."""
    line = " ".join(printable(str(value), None).split())
    return _SPECIAL.sub(_escape, line if len(line) <= 2000 else line[:2000] + "…")


def _escape(match: re.Match[str]) -> str:
    return f"{match[0]}\\" if match[0].isdigit() else f"\\{match[0]}"


def code(value: object) -> str:
    """Return text of any origin as code within a table cell; as plain text if it has a backquote or a bar."""
    line = " ".join(printable(str(value), None).split())
    line = line if len(line) <= _LONG else line[:_LONG] + "…"
    return plain(line) if not line or "`" in line or "|" in line else f"`{line}`"


def table(heads: Sequence[str], rows: Sequence[Sequence[str]], num_left: int = 1) -> str:
    """Return a table; the cells are Markdown already. Columns after the first few are aligned to the right."""
    rules = ["---" if place < num_left else "---:" for place in range(len(heads))]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in [heads, rules, *rows])


def _fenced(content: str) -> str:
    longest = max((len(run) for run in re.findall("`+", content)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}sh\n{content.rstrip()}\n{fence}"


def _made(manifest: Manifest, experiments: Sequence[ExperimentState]) -> str:
    launch = manifest.launch
    seeds = _seeds(manifest, experiments)
    done = sum(experiment.is_done for experiment in experiments)
    versions = ", ".join(f"{name} {version}" for name, version in launch.versions.items())
    parts = [
        f"Sweep {code(manifest.name)} of {code(manifest.job_file)}, {manifest.trained_by} {code(manifest.target)}, "
        f"{seeds}: {done} of {len(experiments)} experiments done. Last launched "
        f"{plain(launch.at or 'at an unknown time')} on {plain(launch.host or 'an unknown host')}"
    ]
    parts += [f"commit {code(launch.commit)}"] if launch.commit else []
    parts += [plain(f"Python {launch.python}, {versions}")] if launch.python else []
    num_running = sum(experiment.outcome == RUNNING for experiment in experiments)
    made = f"Made {plain(timestamp())}" + (f", while {plural(num_running, 'experiment')} ran" if num_running else "")
    return "; ".join(parts) + f". The same as a page, with all curves: [report.html](report.html). {made}."


def _model(notes: AuthorNotes, base: ExperimentState | None, experiments: Sequence[ExperimentState]) -> list[str]:
    """Return the configuration of the reference: the keys that the author calls the model's, or all without notes."""
    if base is None:
        return []
    keys = [key for key in notes.parameters if key in base.config] or list(base.config)
    rows = [[code(key), _value(base.config[key]), notes.parameters.get(key, "")] for key in keys]
    heads = ["Parameter", "Value", "Note"] if notes.parameters else ["Parameter", "Value"]
    found = [f"### Baseline Parameters ({plain(base.name)})", table(heads, [row[: len(heads)] for row in rows], 3)]
    facts = differing([experiment.facts for experiment in experiments if experiment.facts])
    if facts:
        rows = [[code(each.name), *(_value(each.facts.get(fact)) for fact in facts)] for each in experiments]
        found += ["Recorded of each experiment:", table(["Experiment", *map(code, facts)], rows)]
    return found


def _dataset(notes: AuthorNotes, experiments: Sequence[ExperimentState]) -> list[str]:
    same = shared([experiment.facts for experiment in experiments if experiment.facts])
    if same:
        rows = [[code(key), _value(value)] for key, value in same.items()]
        return ["Recorded, the same in all experiments:", table(["Fact", "Value"], rows)]
    return [] if "Dataset" in notes.text else ["Nothing about the data was recorded (`run.info`)."]


def _seeds(manifest: Manifest, experiments: Sequence[ExperimentState]) -> str:
    """Return the seed of the sweep, or how many seeds the configurations have."""
    if not has_seeds(experiments):
        return f"seed {manifest.seed}"
    found = configurations(experiments)
    most = max(len(each.seeds) for each in found)
    return f"{plural(len(found), 'configuration')} on {plural(most, 'seed')} each"


def _training(
    notes: AuthorNotes, manifest: Manifest, base: ExperimentState | None, experiments: Sequence[ExperimentState]
) -> list[str]:
    launch = manifest.launch
    found = []
    if launch.slots:
        devices = ", ".join(dict.fromkeys(slot.device for slot in launch.slots))
        threads = ", ".join(sorted({str(slot.threads) for slot in launch.slots}))
        seed = "" if has_seeds(experiments) else f" and seed {manifest.seed}"
        how = "all devices at once" if launch.is_parallel else "one after another"
        found.append(
            f"Each experiment ran in a process of its own, {how}, on {plain(devices)}, with {plain(threads)} CPU "
            f"thread(s) each{seed}."
        )
    keys = [key for key in base.config if key not in notes.parameters] if base and notes.parameters else []
    if base and keys:
        found += [
            "Further configuration:",
            table(["Key", "Value"], [[code(k), _value(base.config[k])] for k in keys], 2),
        ]
    return found


def _experiments(notes: AuthorNotes, base: ExperimentState | None, experiments: Sequence[ExperimentState]) -> str:
    rows = []
    for experiment in experiments:
        difference = describe_difference(experiment)
        description = notes.descriptions.get(experiment.name) or _description(experiment, base)
        rows.append([code(experiment.name), code(difference) if difference else "—", description])
    return table(["Experiment", "Override(s)", "Description"], rows, 3)


def _description(experiment: ExperimentState, base: ExperimentState | None) -> str:
    """Return what an experiment changes, where the author has not described it."""
    if base is None or experiment is base:
        return "What the others are compared with."
    missing = "nothing"
    changes = [
        f"{code(key)} {_value(experiment.config.get(key, missing))}, not {_value(base.config.get(key, missing))}"
        for key in differing([base.config, experiment.config])
    ]
    return "; ".join(changes) or "The same configuration."


def _all_results(
    manifest: Manifest, shown: Sequence[ExperimentState], experiments: Sequence[ExperimentState]
) -> list[str]:
    """Return the table of the results and what its numbers are."""
    if not has_seeds(experiments) or not manifest.metrics:
        return [_results(manifest, shown), "A number behind ± is a standard error; section 4 says how it is computed."]
    names = [experiment.configuration for experiment in shown]
    columns = configuration_columns([judge(experiments, metric) for metric in manifest.metrics], names)
    cells = zip(*(column.cells for column in columns if column.title != "overrides"), strict=True)
    rows = [[code(name), *map(plain, row)] for name, row in zip(names, cells, strict=True)]
    heads = ["Configuration", *(plain(column.title) for column in columns if column.title != "overrides")]
    return [
        table(heads, rows, len(heads)),
        "A number behind ± is the standard deviation over the seeds, and brackets are 95 % intervals; section 4 says "
        "how they are computed. [results_runs.csv](results_runs.csv) has every run.",
    ]


def _results(manifest: Manifest, experiments: Sequence[ExperimentState]) -> str:
    heads = ["Experiment", "Ending"]
    for metric in manifest.metrics:
        heads += [f"{plain(metric)} at the end", f"best {plain(metric)}", f"last {plain(metric)}"]
    heads += ["Steps", "Tokens/s", "Time", "Peak memory", "Device"]
    rows = []
    for experiment in experiments:
        what = broken(experiment, manifest.metrics)
        ending = experiment.outcome.replace("_", " ") + (f", but {what}" if what else "")
        cells = [code(experiment.name), plain(ending) or "not started"]
        for metric in manifest.metrics:
            cells += [plain(cell) for cell in curve_summary(experiment.curves.get(metric))]
        cells.append(f"{experiment.num_steps:,}")
        cells.append(f"{experiment.tokens_per_s:,.0f}" if experiment.tokens_per_s else "-")
        cells.append(duration(experiment.seconds) if experiment.seconds else "-")
        cells.append(size(experiment.peak_memory_bytes) if experiment.peak_memory_bytes else "-")
        cells.append(plain(experiment.device) or "-")
        rows.append(cells)
    return table(heads, rows, 2)


def _plots(
    paths: Paths, manifest: Manifest, experiments: Sequence[ExperimentState], drawn: Collection[str] | None
) -> list[str]:
    """Return the plots that compare, and below each the links to the plots of single experiments that are drawn.

    The plots may not be drawn yet when this is written. A plot that cannot be written is a problem of its own.
    """
    kind = manifest.plots[0]
    found = []
    for metric in manifest.metrics:
        logged = [experiment.name for experiment in experiments if metric in experiment.curves]
        links = [
            f"[{plain(name)}]({quote(paths.curve(metric, name, kind).name)})"
            for name in logged
            if drawn is None or name in drawn
        ]
        if logged:
            found.append(f"![{plain(metric)} of all experiments]({quote(paths.curves(metric, kind).name)})")
        if logged and metric in manifest.metrics[:MOST_BY_AXIS]:
            files = {"by_axis": paths.by_axis(metric, kind), "parallel": paths.parallel(metric, kind)}
            views = sketches(manifest, experiments, metric)
            found += [f"![{plain(sketch.title)}]({quote(files[view].name)})" for view, sketch in views.items()]
        if links:
            found.append(f"{plain(metric)} of {'each' if len(links) == len(logged) else 'single experiments'}: "
                         f"{', '.join(links)}.")  # fmt: skip
    if found and drawn is not None and len(drawn) < len(experiments):
        found.append(
            "This command draws the plot of another experiment. NAME may be a pattern such as `lr*`, or `all`."
        )
        found.append(_fenced(commands_about("NAME", manifest, paths)[-1]))
    return ["### Plots", *found] if found else []


def _value(value: Any) -> str:
    """Return a configuration value or a fact for a cell: whole numbers with separators."""
    if type(value) is int:
        return f"{value:,}"
    return "-" if value is None else plain(value)
