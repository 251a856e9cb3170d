"""The results for programs with a row a configuration: of `results_table.csv` with several seeds, and of `--json`.

A number of a metric has the metric behind its name: `mean_loss`, `difference_loss`. What is not known is None.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from launcher.config.nested import assignments
from launcher.reports.analysis import Configuration, ConfigurationResult, Judgement, configurations, judge
from launcher.reports.analysis.costs import mean_seconds
from launcher.store.experiment_state import ExperimentState
from launcher.store.values import json_value


def configuration_rows(experiments: Sequence[ExperimentState], metrics: Sequence[str]) -> list[dict[str, Any]]:
    """Return a flat row for each configuration, in the order of the job file. All rows have the same keys."""
    judgements = [judge(experiments, metric) for metric in metrics]
    rows = []
    for configuration in configurations(experiments):
        row: dict[str, Any] = {
            "configuration": configuration.name,
            "overrides": ", ".join(assignments(configuration.overrides)),
            "parameters": _shared_fact(configuration, "parameters"),
            "seeds": len(configuration.seeds),
        }
        for judgement in judgements:
            facts = metric_facts(judgement.by_name[configuration.name])
            row |= {f"{name}_{judgement.metric}": value for name, value in facts.items()}
        row["time_s"] = _seconds(configuration)
        rows.append(row)
    return rows


def configurations_document(experiments: Sequence[ExperimentState], metrics: Sequence[str]) -> list[dict[str, Any]]:
    """Return every configuration as JSON: its experiments by seed, and for each metric its levels and statistics."""
    judgements = [judge(experiments, metric) for metric in metrics]
    return [_document(configuration, judgements) for configuration in configurations(experiments)]


def metric_facts(result: ConfigurationResult) -> dict[str, Any]:
    """Return what is known of a configuration in one metric: counts of seeds, mean, difference to the reference."""
    mean, against = result.mean, result.against
    low, high = (mean.interval if mean else None) or (None, None)
    difference = against.mean if against else None
    difference_low, difference_high = (difference.interval if difference else None) or (None, None)
    return {
        "done": result.num_done,
        "diverged": len(result.diverged),
        "mean": mean.value if mean else None,
        "sd": mean.sd if mean else None,
        "low": low,
        "high": high,
        "difference": difference.value if difference else None,
        "difference_low": difference_low,
        "difference_high": difference_high,
        "least_shown": against.least_shown if against else None,
        "common_seeds": against.num if against else None,
        "better_on": result.num_better if against else None,
        "correlation": against.correlation if against else None,
        "p": against.p if against and result.adjusted_p is not None else None,
        "p_holm": result.adjusted_p,
        "compared": result.num_compared or None,
        "finding": str(result.finding),
        "verdict": result.verdict or None,
    }


def _document(configuration: Configuration, judgements: Sequence[Judgement]) -> dict[str, Any]:
    metrics = {}
    for judgement in judgements:
        result = judgement.by_name[configuration.name]
        levels = {str(seed): level for seed, level in result.levels.items()}
        metrics[judgement.metric] = {"levels": levels, **metric_facts(result)}
    return {
        "configuration": configuration.name,
        "overrides": json_value(configuration.overrides),
        "cell": json_value(configuration.cell),
        "experiments": {str(experiment.seed): experiment.name for experiment in configuration.experiments},
        "seconds": _seconds(configuration),
        "metrics": metrics,
    }


def _seconds(configuration: Configuration) -> float | None:
    seconds = mean_seconds(configuration.experiments)
    return None if seconds is None else round(seconds, 3)


def _shared_fact(configuration: Configuration, name: str) -> Any:
    """Return a fact that all experiments of a configuration agree on; None if they do not, or have none."""
    values = {repr(value): value for each in configuration.experiments if (value := each.facts.get(name)) is not None}
    return next(iter(values.values())) if len(values) == 1 else None
