"""The answer of a sweep in a line: which experiment is the best, by how much, and against what.

    best loss 5.3118 at step 204: lr_3e-4, 0.170 lower than baseline (5.4820)
    best loss at the end: lr_3e-4, 5.33 ± 0.02, 0.15 ± 0.03 ahead of baseline: a clear lead

The first line is of single steps, the second of levels at the end, by which experiments are compared. Where there are
several seeds, the lines speak of configurations, and no single seed is a result:

    lowest mean loss at the end: lr=0.001, 5.306 ± 0.043 over 5 seeds; beside base -0.092 [-0.131, -0.053]: better
    loss beside base: 1 better (lr=0.001), 1 worse (lr=0.01), 2 no difference shown
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from launcher.reports.analysis import BestExperiment, best_at_end, best_experiment, caveat, has_seeds, judge
from launcher.reports.analysis.seed_observations import best_mean, verdict_counts
from launcher.reports.differences import reference
from launcher.store.experiment_state import RUNNING, ExperimentState
from launcher.text import number, rounded


def headlines(experiments: Sequence[ExperimentState], metrics: Sequence[str]) -> list[str]:
    """Return the answer for each metric, and for the first the best level at the end, with what it is worth."""
    if has_seeds(experiments):
        judgements = [judge(experiments, metric) for metric in metrics]
        lines = [best_mean(judgement) for judgement in judgements]
        return [line for line in [*lines[:1], *map(verdict_counts, judgements[:1]), *lines[1:]] if line]
    lines = [headline(experiments, metric) for metric in metrics]
    if metrics:
        lines.insert(1, best_at_end(experiments, metrics[0]))
    return [line for line in lines if line]


def headline(experiments: Sequence[ExperimentState], metric: str) -> str:
    """Return the best value of all steps of a metric, set beside the reference; empty if no value is finite.

    The reference is the experiment without overrides. Where there is none, or where it is the best itself, the best is
    set beside the second best.
    """
    best = best_experiment(experiments, metric)
    if best is None:
        return ""
    winner = best.experiment
    why = "" if winner.outcome == RUNNING else caveat(winner, metric)
    line = f"best {metric} {number(best.value)} at step {best.step}: {winner.name}{why and f' ({why})'}"
    base = reference(experiments)
    if base is None or base is winner or base.overrides or not _has_best(base, metric):
        next_best = best_experiment([experiment for experiment in experiments if experiment is not winner], metric)
        return f"{line}, {_beside(best, next_best.experiment, metric)}" if next_best else line
    return f"{line}, {_beside(best, base, metric)}"


def _has_best(experiment: ExperimentState, metric: str) -> bool:
    curve = experiment.curves.get(metric)
    return curve is not None and curve.best is not None


def _beside(best: BestExperiment, other: ExperimentState, metric: str) -> str:
    """Return how the best value compares with that of another experiment: `0.170 lower than baseline (5.4820)`.

    If the other was not trained as far, it says so: `0.862 lower than baseline (1.3095, interrupted after step 131)`.
    """
    value = other.curves[metric].best
    assert value is not None, "an experiment that has a best value has it"
    do_both_run = best.experiment.outcome == RUNNING == other.outcome
    why = "" if do_both_run else caveat(other, metric)
    difference = float(best.value) - float(value)
    if not difference or not math.isfinite(difference):
        return f"{other.name} has {number(value)}{why and f', {why}'}"
    way = "lower" if difference < 0 else "higher"
    return f"{rounded(abs(difference))} {way} than {other.name} ({number(value)}{why and f', {why}'})"
