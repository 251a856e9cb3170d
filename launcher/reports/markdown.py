"""`report.md`: the report as Markdown in four sections, with the numbers of the sweep and the plots beside it.

Numbers come from `results`, observations from `findings`; what model and data are comes from the file beside the
job file (`prose`). Every value that comes from outside is escaped, so that it is text in Markdown and never markup.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

from launcher.reports import author_notes
from launcher.reports.analysis import METHOD, broken, curve_summary, differs, observations
from launcher.reports.author_notes import Prose
from launcher.reports.reproduce import commands
from launcher.reports.results import Result, differing, reference, shared
from launcher.store.ending import EndingKind
from launcher.store.manifest import Manifest
from launcher.store.paths import Paths, write_atomic
from launcher.text import duration, printable, size

_SPECIAL = re.compile(r"[\\`*\[\]<>|~$&]|(?<![^\W_])_|_(?![^\W_])|^[-+#=]|^\d+(?=[.)](?:\s|$))")
_LONG = 300


def write(path: Path, paths: Paths, document: Manifest, experiments: Sequence[Result]) -> None:
    """Write the report.

    Raises:
        OSError: it could not be written, or the words beside the job file could not be read.
    """
    base = reference(experiments)
    words = author_notes.read(document, base.facts | base.config if base else {})
    parts = [
        f"# {words.title or plain(document.name) + ': report'}",
        _made(document, experiments),
        "## 1. Model Architecture and Parameters",
        words.text.get("Model", ""),
        *_model(words, base, experiments),
        "## 2. Dataset Details",
        words.text.get("Dataset", ""),
        *_dataset(words, experiments),
        "## 3. Training Setup and Hyperparameter Experiments",
        "### Training Setup",
        words.text.get("Training", ""),
        *_training(words, document, base),
        "### Hyperparameter Experiments",
        _experiments(words, base, experiments),
        "### Results",
        _results(document, experiments),
        *_plots(paths, document, experiments),
        "### Commands",
        _fenced(commands(document, paths)),
        "## 4. Observations and Challenges",
        "\n".join(f"- {plain(one)}" for one in observations(experiments, document.metrics)),
        plain(METHOD),
        words.text.get("Observations", ""),
    ]
    write_atomic(path, "\n\n".join(part for part in parts if part) + "\n")


def plain(value: object) -> str:
    """Return text of any origin as one line of Markdown that shows just that text."""
    line = " ".join(printable(str(value), None).split())
    return _SPECIAL.sub(_escape, line if len(line) <= 2000 else line[:2000] + "…")


def _escape(match: re.Match[str]) -> str:
    return f"{match[0]}\\" if match[0].isdigit() else f"\\{match[0]}"


def code(value: object) -> str:
    """Return text of any origin as code within a table cell; as plain text where it has a backquote or a bar."""
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


def _made(document: Manifest, experiments: Sequence[Result]) -> str:
    launch = document.launch
    done = sum(one.ending == EndingKind.DONE for one in experiments)
    versions = ", ".join(f"{name} {version}" for name, version in dict(launch.get("versions", {})).items())
    told = [
        f"Sweep {code(document.name)} of {code(document.job_file)}, target {code(document.target)}, "
        f"seed {document.seed}: {done} of {len(experiments)} experiments done. Last launched "
        f"{plain(launch.get('at', 'at an unknown time'))} on {plain(launch.get('host', 'an unknown host'))}"
    ]
    told += [f"commit {code(launch['commit'])}"] if launch.get("commit") else []
    told += [plain(f"Python {launch['python']}, {versions}")] if launch.get("python") else []
    return "; ".join(told) + ". The same as a page, with all curves: [report.html](report.html)."


def _model(words: Prose, base: Result | None, experiments: Sequence[Result]) -> list[str]:
    """The configuration of the reference: what the words call the model's, or all of it where there are no words."""
    if base is None:
        return []
    keys = [key for key in words.notes if key in base.config] or list(base.config)
    rows = [[code(key), _value(base.config[key]), words.notes.get(key, "")] for key in keys]
    heads = ["Parameter", "Value", "Note"] if words.notes else ["Parameter", "Value"]
    found = [f"### Baseline Parameters ({plain(base.name)})", table(heads, [row[: len(heads)] for row in rows], 3)]
    facts = differing([one.facts for one in experiments if one.facts])
    if facts:
        rows = [[code(one.name), *(_value(one.facts.get(fact)) for fact in facts)] for one in experiments]
        found += ["Recorded of each experiment:", table(["Experiment", *map(code, facts)], rows)]
    return found


def _dataset(words: Prose, experiments: Sequence[Result]) -> list[str]:
    same = shared([one.facts for one in experiments if one.facts])
    if same:
        rows = [[code(key), _value(value)] for key, value in same.items()]
        return ["Recorded, the same in all experiments:", table(["Fact", "Value"], rows)]
    return [] if "Dataset" in words.text else ["Nothing about the data was recorded (`run.info`)."]


def _training(words: Prose, document: Manifest, base: Result | None) -> list[str]:
    launch = document.launch
    slots = [slot for slot in launch.get("slots", []) if isinstance(slot, dict)]
    found = []
    if slots:
        devices = ", ".join(dict.fromkeys(str(slot.get("device")) for slot in slots))
        threads = ", ".join(sorted({str(slot.get("threads")) for slot in slots}))
        how = "all devices at once" if launch.get("mode") == "parallel" else "one after another"
        found.append(
            f"Each experiment ran in a process of its own, {how}, on {plain(devices)}, with {plain(threads)} CPU "
            f"thread(s) each and seed {document.seed}."
        )
    keys = [key for key in base.config if key not in words.notes] if base and words.notes else []
    if base and keys:
        found += [
            "Further configuration:",
            table(["Key", "Value"], [[code(k), _value(base.config[k])] for k in keys], 2),
        ]
    return found


def _experiments(words: Prose, base: Result | None, experiments: Sequence[Result]) -> str:
    rows = []
    for one in experiments:
        told = words.descriptions.get(one.name) or _described(one, base)
        rows.append([code(one.name), code(differs(one)) if differs(one) else "—", told])
    return table(["Experiment", "Override(s)", "Description"], rows, 3)


def _described(one: Result, base: Result | None) -> str:
    """Say what an experiment changes, where nobody has described it."""
    if base is None or one is base:
        return "What the others are compared with."
    keys = differing([base.config, one.config])
    missing = "nothing"
    changes = [
        f"{code(k)} {_value(one.config.get(k, missing))}, not {_value(base.config.get(k, missing))}" for k in keys
    ]
    return "; ".join(changes) or "The same configuration."


def _results(document: Manifest, experiments: Sequence[Result]) -> str:
    heads = ["Experiment", "Ending"]
    for metric in document.metrics:
        heads += [f"{plain(metric)} at the end", f"best {plain(metric)}", f"last {plain(metric)}"]
    heads += ["Steps", "Tokens/s", "Time", "Peak memory", "Device"]
    rows = []
    for one in experiments:
        what = broken(one, document.metrics)
        cells = [
            code(one.name),
            plain(one.ending.replace("_", " ") + (f", but {what}" if what else "")) or "not started",
        ]
        for metric in document.metrics:
            cells += [plain(shown) for shown in curve_summary(one.curves.get(metric))]
        cells.append(f"{one.steps:,}")
        cells.append(f"{one.tokens_per_s:,.0f}" if one.tokens_per_s else "-")
        cells.append(duration(one.seconds) if one.seconds else "-")
        cells.append(size(one.peak_memory_bytes) if one.peak_memory_bytes else "-")
        cells.append(plain(one.device) or "-")
        rows.append(cells)
    return table(heads, rows, 2)


def _plots(paths: Paths, document: Manifest, experiments: Sequence[Result]) -> list[str]:
    """Link the plots that compare, and below them those of each experiment: of all that recorded the metric.

    They may not be drawn yet when this is written. A plot that cannot be written is told as a problem.
    """
    found = []
    for metric in document.metrics:
        links = [
            f"[{plain(one.name)}]({quote(paths.curve(metric, one.name).name)})"
            for one in experiments
            if metric in one.curves
        ]
        if links:
            found.append(f"![{plain(metric)} of all experiments]({quote(paths.curves(metric).name)})")
            found.append(f"{plain(metric)} of each: {', '.join(links)}.")
    return ["### Plots", *found] if found else []


def _value(value: Any) -> str:
    """Return a configuration value or fact for a cell: whole numbers with separators."""
    if type(value) is int:
        return f"{value:,}"
    return "-" if value is None else plain(value)
