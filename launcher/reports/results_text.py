"""`results_table.txt`: the answer, the table with all rows and columns, and what must be told beside the numbers."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from launcher.reports.analysis import unlogged
from launcher.reports.headline import headlines
from launcher.reports.remarks import remarks
from launcher.reports.results_columns import Usage, results_columns
from launcher.reports.text_table import UNLIMITED, fit, layout, plain
from launcher.store.experiment_state import RUNNING, ExperimentState
from launcher.store.manifest import Manifest
from launcher.store.paths import write_atomic
from launcher.text import inline, plural, timestamp

LONGEST_METRIC = 60  # characters of its name in a title


def write(path: Path, manifest: Manifest, experiments: Sequence[ExperimentState], usage: Usage) -> None:
    """Write the results for reading.

    Raises:
        OSError: the file could not be written; the old one is intact.
    """
    write_atomic(path, results_text(manifest, experiments, usage, timestamp()))


def results_text(manifest: Manifest, experiments: Sequence[ExperimentState], usage: Usage, made: str) -> str:
    """Return the content of the file. `made`: when it was made."""
    metrics = manifest.metrics
    num_running = sum(experiment.outcome == RUNNING for experiment in experiments)
    meanwhile = f", while {plural(num_running, 'experiment')} ran" if num_running else ""
    of_what = heading(manifest.name, manifest.job_file, manifest.seed, len(experiments))
    columns = results_columns(experiments, metrics, usage, longest_metric=LONGEST_METRIC)
    names = [experiment.name for experiment in experiments]
    parts = [
        [f"{of_what}; made {made.replace('T', ' ')}{meanwhile}"],
        headlines(experiments, metrics),
        [plain(line) for line in layout(fit(names, columns, UNLIMITED), has_ruler=True)],
        [remark.text() for remark in remarks(experiments, metrics)],
        list(filter(None, [unlogged(experiments, metrics)])),
    ]
    return "\n\n".join("\n".join(part) for part in parts if part) + "\n"


def heading(sweep: str, job_file: str, seed: int, num: int) -> str:
    """Return which results these are: `report: 5 experiments of jobs/report.toml, seed 0`."""
    return f"{inline(sweep)}: {plural(num, 'experiment')} of {inline(job_file)}, seed {seed}"
