"""The metrics of a job file: names, or tables with name, unit and scale; and the files that are named by them."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from launcher.config import validation
from launcher.planning.source_lines import SourceLines
from launcher.sources.metric_names import metric_name
from launcher.store.metric import LONGEST_UNIT, Metric, Scale
from launcher.store.names import METRIC, METRIC_RULE, is_metric
from launcher.store.paths import metric_part
from launcher.text import inline

Details = Mapping[str, Mapping[str, str]]  # unit and scale, by metric
_EXAMPLE = '{ name = "loss", unit = "nats per token", scale = "log" }'


@dataclass(frozen=True, kw_only=True)
class MetricTable:
    """An entry of `metrics` that is a table."""

    name: str
    unit: str = ""
    scale: Scale = "auto"

    def __post_init__(self) -> None:
        if len(self.unit) > LONGEST_UNIT or not self.unit.isprintable():
            raise ValueError(f"unit is a line of at most {LONGEST_UNIT} characters")


def read_metrics(entries: Any, lines: SourceLines) -> tuple[Any, dict[str, dict[str, str]], list[str]]:
    """Split `metrics` of a job file into names and what the tables say of them.

    Returns:
        The entries with the name in place of each table; unit and scale by name; what is wrong with the tables. An
        entry that is neither text nor table is returned as it is: it is told with the other keys of [sweep].
    """
    if not isinstance(entries, list):
        return entries, {}, []
    names: list[Any] = []
    details: dict[str, dict[str, str]] = {}
    problems: list[str] = []
    for place, entry in enumerate(entries):
        if not isinstance(entry, Mapping):
            names.append(entry)
            continue
        where = f"{lines.where('sweep', 'metrics')}sweep.metrics.{place}"
        table, errors = validation.check(MetricTable, entry)
        problems += [
            f"{where}{'.' if error.key else ' '}{inline(error.key or '')}{' ' if error.key else ''}"
            + error.message.replace(f"{MetricTable.__module__}.{MetricTable.__qualname__}", "a metric")
            + ("" if error.key else f".\n  Write it as {_EXAMPLE}")
            for error in errors
        ]
        if table is None:
            continue
        if table.name in (*names, *details):
            problems.append(f'{where} names "{inline(table.name)}" again: each metric stands in metrics once.')
        names.append(table.name)
        details[table.name] = {key: entry[key] for key in ("unit", "scale") if key in entry}
    return names, details, problems


def as_recorded(settings: dict[str, Any], details: Details) -> dict[str, dict[str, str]]:
    """Write `metrics` and `maximize` of a job with a command as its metrics are recorded: `train/loss` as `train_loss`.

    What is no name stays as it is, and is told with the other keys. Return the details by the same names.
    """
    for key in ("metrics", "maximize"):
        if isinstance(settings.get(key), list):
            names = [_as_recorded(name) for name in settings[key]]
            settings[key] = [name for place, name in enumerate(names) if name not in names[:place]]
    return {_as_recorded(name): dict(said) for name, said in details.items()}


def _as_recorded(name: Any) -> Any:
    return metric_name(name) if is_metric(name) else name


def rule_problems(metrics: Iterable[str]) -> list[str]:
    """Return which names no metric may have."""
    return [
        f'metrics and maximize hold names like "loss" or "train/loss", not "{inline(metric)}": '
        f"such a name has {METRIC_RULE}"
        for metric in metrics
        if not METRIC.fullmatch(metric)
    ]


def file_problems(metrics: Sequence[str], experiments: Iterable[str], lines: SourceLines) -> list[str]:
    """Return which plots would have the same file. The names obey the rules.

    Examples: `train/loss` and `train_loss`; or `loss` of an experiment `x_curves`, and the plot that compares the
    experiments by a metric `loss_curve_x`.
    """
    parts = {metric: metric_part(metric) for metric in metrics}
    if not any(longer.startswith(part) for part, longer in itertools.permutations(parts.values(), 2)):
        return []
    owners: dict[str, str] = {}
    problems = []
    for metric, part in parts.items():
        plots = {f"{part}_curves": f'"{metric}"'}
        plots |= {f"{part}_curve_{name}": f'"{metric}" of {name}' for name in experiments}
        for file, plot in plots.items():
            if (other := owners.setdefault(file, plot)) != plot:
                problems.append(
                    f"{lines.where('sweep', 'metrics')}sweep.metrics: {other} and {plot} would both have the file "
                    f"{file}.png.\n  Take one of the metrics out of metrics, or log it by another name."
                )
                break
    return problems


def described(
    target: Mapping[str, Mapping[str, str]], job: Mapping[str, Mapping[str, str]]
) -> dict[str, dict[str, str]]:
    """Return unit and scale of each metric of which target or job say something. What the job says counts."""
    said = {name: {**target.get(name, {}), **job.get(name, {})} for name in (*target, *job)}
    found = {name: Metric.of_details(name, details).details for name, details in said.items()}
    return {name: details for name, details in found.items() if details}
