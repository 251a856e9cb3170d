"""`results_table.txt`: the answer, the table with all rows and columns, and what must be told beside them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from launcher.reports.analysis import configurations, has_seeds, judge, told_of_metrics
from launcher.reports.analysis.seed_observations import METHOD_OF_SEEDS
from launcher.reports.configuration_columns import CONFIGURATION, configuration_columns
from launcher.reports.headline import headlines
from launcher.reports.remarks import remarks
from launcher.reports.results_columns import Usage, results_columns
from launcher.reports.text_table import UNLIMITED, Column, fit, layout, plain, wrapped
from launcher.store.experiment_state import RUNNING, ExperimentState
from launcher.store.manifest import Manifest
from launcher.store.paths import write_atomic
from launcher.text import inline, plural, timestamp

_WIDTH_OF_WORDS = 120
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
    of_what = heading(manifest.name, manifest.job_file, manifest.seed, experiments)
    parts = [
        [f"{of_what}; made {made.replace('T', ' ')}{meanwhile}"],
        headlines(experiments, metrics),
        [plain(line) for line in layout(_table(experiments, metrics, usage), has_ruler=True)],
        wrapped(METHOD_OF_SEEDS, _WIDTH_OF_WORDS) if has_seeds(experiments) and metrics else [],
        [remark.text() for remark in remarks(experiments, metrics)],
        told_of_metrics(experiments, metrics, is_maximize_given=manifest.is_maximize_given),
    ]
    return "\n\n".join("\n".join(part) for part in parts if part) + "\n"


def _table(experiments: Sequence[ExperimentState], metrics: Sequence[str], usage: Usage) -> list[Column]:
    """Return a row for each experiment, or for each configuration where there are several seeds."""
    if has_seeds(experiments) and metrics:
        judgements = [judge(experiments, metric) for metric in metrics]
        rows = [result.name for result in judgements[0].results]
        return fit(
            rows,
            configuration_columns(judgements, rows, longest_metric=LONGEST_METRIC),
            UNLIMITED,
            title=CONFIGURATION,
        )
    columns = results_columns(experiments, metrics, usage, longest_metric=LONGEST_METRIC)
    return fit([experiment.name for experiment in experiments], columns, UNLIMITED)


def heading(sweep: str, job_file: str, seed: int, experiments: Sequence[ExperimentState]) -> str:
    """Return which results these are: `report: 5 experiments of jobs/report.toml, seed 0`.

    With several seeds: `report: 25 experiments of jobs/report.toml, 5 configurations on 5 seeds`.
    """
    of_what = f"{inline(sweep)}: {plural(len(experiments), 'experiment')} of {inline(job_file)}"
    return f"{of_what}, {seeds_words(seed, experiments)}"


def seeds_words(seed: int, experiments: Sequence[ExperimentState]) -> str:
    """Return on which seeds a sweep is: `seed 0`, or `5 configurations on 5 seeds`."""
    if not has_seeds(experiments):
        return f"seed {seed}"
    found = configurations(experiments)
    return f"{plural(len(found), 'configuration')} on {plural(max(len(each.seeds) for each in found), 'seed')}"
