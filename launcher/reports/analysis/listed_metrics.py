"""What is told of the metrics that a job file lists: who logged them, and whether a smaller value is better."""

from __future__ import annotations

from collections.abc import Sequence

from launcher.store.experiment_state import ExperimentState
from launcher.store.score_names import is_score
from launcher.text import did_you_mean, inline


def told_of_metrics(
    experiments: Sequence[ExperimentState], metrics: Sequence[str], *, is_maximize_given: bool = False
) -> list[str]:
    """Return what must be told of the metrics of a job, a sentence or a few each.

    `is_maximize_given`: the job file says of which metrics a larger value is better, be it of none.
    """
    told = (_unlogged(experiments, metrics), "" if is_maximize_given else _maximized(experiments, metrics))
    return [sentence for sentence in told if sentence]


def _unlogged(experiments: Sequence[ExperimentState], metrics: Sequence[str]) -> str:
    """Return which metrics of the job no experiment logged as a number; empty if none, or if nothing was logged."""
    logged = list(dict.fromkeys(name for experiment in experiments for name in experiment.logged))
    missing = [metric for metric in metrics if metric not in logged]
    texts = [metric for metric in metrics if metric in logged and not any(metric in one.curves for one in experiments)]
    as_text = f"{', '.join(texts)} was logged as text, of which there is no curve: log a number." if texts else ""
    if not logged or not missing:
        return as_text
    hints = "".join(dict.fromkeys(did_you_mean(metric, logged) for metric in missing))
    listed = ", ".join(inline(name, 100) for name in logged[:20]) + (", …" if len(logged) > 20 else "")
    unknown = f"metrics names {', '.join(missing)}, which no experiment logged; logged were: {listed}.{hints}"
    return f"{unknown} {as_text}" if as_text else unknown


def _maximized(experiments: Sequence[ExperimentState], metrics: Sequence[str]) -> str:
    """Return of which metrics the smallest value counts as the best, though their names say otherwise."""
    curves = {metric: curve for each in experiments for metric, curve in each.curves.items() if metric in metrics}
    odd = [metric for metric in metrics if metric in curves and not curves[metric].is_maximized and is_score(metric)]
    if not odd:
        return ""
    entries = ", ".join(f'"{metric}"' for metric in odd)
    return (
        f"the smallest {', '.join(odd)} counts as the best. If the largest is: write maximize = [{entries}] into "
        "[sweep], then the same command; nothing is trained again. maximize = [] says that none is."
    )
