"""The observations of a report, as plain sentences: what was best, what differs from the reference, at what cost.

Experiments are compared by the level at the end of their curves, because a single last step is one batch. METHOD says
in the report how; decision 0021 says why.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Sequence

from launcher.reports.analysis.comparison import CONFIDENCE, Comparison, Difference, Verdict, compare
from launcher.reports.analysis.configurations import has_seeds
from launcher.reports.analysis.costs import cost, costs
from launcher.reports.analysis.health import endings, non_finite
from launcher.reports.analysis.level import NUM_PARTS, THE_END, level_at_end, level_text
from launcher.reports.analysis.listed_metrics import told_of_metrics
from launcher.reports.analysis.ranking import best_experiment, rank
from launcher.reports.analysis.seed_observations import METHOD_OF_SEEDS, seed_observations
from launcher.reports.analysis.student_t import quantile
from launcher.reports.differences import describe_difference
from launcher.store.curve import SHORT
from launcher.store.experiment_state import ExperimentState
from launcher.text import listed, number, plural, rounded

_MOST = 6  # sentences of each sort that name an experiment
_LARGEST_SHARE = 10.0  # a larger change is not told in per cent
_DF = NUM_PARTS - 1
METHOD = (
    f"How experiments are compared: the level of a curve is the mean of {THE_END}. A number behind ± is a standard "
    "error: of the means of five parts of these values, because neighbouring values resemble each other. Two "
    "experiments that saw the same data in the same order (the fact data_order is equal) are compared step by step, "
    "others by their two levels. A difference is clear if it is larger than t standard errors, where t is Student's, "
    f"two-sided, for {CONFIDENCE:.0%}: {quantile(CONFIDENCE, _DF):.2f} step by step, from "
    f"{quantile(CONFIDENCE, 2 * _DF):.2f} to {quantile(CONFIDENCE, _DF):.2f} otherwise. So about one of a hundred "
    "comparisons of equal experiments is called clear by chance, and more where a curve drifts slowly. Of a curve with "
    f"fewer than {SHORT} values there is no verdict."
)


def observations(
    experiments: Sequence[ExperimentState], metrics: Sequence[str], *, is_maximize_given: bool = False
) -> list[str]:
    """Return what can be said about a sweep, the most important first; an item is a sentence or a few."""
    if has_seeds(experiments):
        return seed_observations(experiments, metrics, is_maximize_given=is_maximize_given)
    told = told_of_metrics(experiments, metrics, is_maximize_given=is_maximize_given)
    found = [f"{remark[0].upper()}{remark[1:]}" for remark in told]
    for metric in metrics:
        found += _best(experiments, metric)
    for metric in metrics[:1]:
        found += _effects(experiments, metric)
    for metric in metrics:
        found += non_finite(experiments, metric)
    found += endings(experiments, metrics)
    for metric in metrics[:1]:
        found += _steadiness(experiments, metric)
    found += costs(experiments)
    if sum(experiment.is_done for experiment in experiments) > 1:
        found.append(
            "Every experiment was trained once, with one seed. What is called clear here is clear for these runs: by "
            "how much other seeds would move the numbers was not measured. Before you rely on an order, train the "
            "closest experiments again with other seeds."
        )
    return found


def method(experiments: Sequence[ExperimentState]) -> str:
    """Return how the experiments, or the configurations with their seeds, are compared."""
    return METHOD_OF_SEEDS if has_seeds(experiments) else METHOD


def _label(experiment: ExperimentState) -> str:
    difference = describe_difference(experiment)
    return f"{experiment.name} ({difference})" if difference else experiment.name


def _best(experiments: Sequence[ExperimentState], metric: str) -> list[str]:
    """Return which experiment has the best single step, and which has the best end, by how much."""
    found = []
    best = best_experiment(experiments, metric)
    if best is not None:
        found.append(f"Best {metric}: {number(best.value)} at step {best.step}, by {_label(best.experiment)}.")
    at_end = best_at_end(experiments, metric, _label)
    return [*found, f"{at_end[0].upper()}{at_end[1:]}."] if at_end else found


def best_at_end(
    experiments: Sequence[ExperimentState],
    metric: str,
    label: Callable[[ExperimentState], str] = operator.attrgetter("name"),
) -> str:
    """Return which experiment has the best level at the end of a metric, by how much; empty if none has a level.

    `label`: returns how an experiment is called.
    """
    ranking = rank(experiments, metric)
    if not ranking.ends:
        return ""
    first, _ = ranking.ends[0]
    lead = f", {_lead(ranking.lead, ranking.ends[1][0].name)}" if ranking.lead is not None else ""
    return f"best {metric} at the end: {label(first)}, {level_text(first.curves[metric])}{lead}"


def _lead(lead: Difference, second: str) -> str:
    match lead.verdict:
        case Verdict.SAME:
            return f"the same numbers as {second}"
        case Verdict.EQUAL:
            return f"equal to {second}"
        case Verdict.CLEAR:
            return f"{lead.size} ahead of {second}{_how(lead)}: a clear lead"
        case Verdict.NOT_CLEAR:
            return f"{lead.size} ahead of {second}{_how(lead)}: too little to tell the two apart"
        case Verdict.TOO_FEW:
            return f"{lead.size} ahead of {second}, of too few values to judge"


def _how(difference: Difference) -> str:
    return ", step by step on the same data" if difference.is_paired else ""


def _effects(experiments: Sequence[ExperimentState], metric: str) -> list[str]:
    base, compared = compare(experiments, metric)
    if base is None:
        return []
    compared.sort(key=lambda comparison: (not comparison.is_better, -abs(comparison.difference.value)))
    better = [comparison for comparison in compared if comparison.is_clear and comparison.is_better]
    worse = [comparison for comparison in compared if comparison.is_clear and not comparison.is_better][::-1]
    unclear = [comparison for comparison in compared if not comparison.is_clear]
    named = [*better[:_MOST], *worse[-_MOST:], *unclear[:_MOST]]
    found = [_effect(comparison, base, metric) for comparison in named]
    if len(named) < len(compared):
        found.append(
            f"Of {len(compared)} compared with {base.name} in all, {len(better)} are clearly better, {len(worse)} "
            f"clearly worse, and {len(unclear)} without a clear difference; the table has every one."
        )
    return found


def _effect(comparison: Comparison, base: ExperimentState, metric: str) -> str:
    """Return in a sentence how an experiment differs from the reference, and its cost."""
    difference = comparison.difference
    way = "lower" if difference.value < 0 else "higher"
    change = f"{metric} {difference.size}{_share(comparison, base, metric)} {way} than {base.name}{_how(difference)}"
    match comparison.verdict:
        case Verdict.SAME:
            effect = f"the same numbers as {base.name}"
        case Verdict.EQUAL:
            effect = f"no difference at the end: the same {metric} there as {base.name}"
        case Verdict.CLEAR:
            effect = f"{'better' if comparison.is_better else 'worse'}: {change}"
        case Verdict.NOT_CLEAR:
            effect = f"no clear difference: {change}"
        case Verdict.TOO_FEW:
            fewest = min(each.curves[metric].num for each in (comparison.experiment, base))
            effect = f"no verdict on {plural(fewest, 'value')}: {change}"
    return f"{_label(comparison.experiment)}: {effect}. Cost: {cost([comparison.experiment], [base])}."


def _share(comparison: Comparison, base: ExperimentState, metric: str) -> str:
    """Return a difference in per cent of the reference; empty if the reference is about 0, or it says nothing."""
    level = level_at_end(base.curves[metric])
    if level is None or not abs(level.value) > 3 * (level.standard_error or 0.0):
        return ""
    share = abs(comparison.difference.value / level.value)
    return f" ({share:.1%})" if share <= _LARGEST_SHARE else ""


def _steadiness(experiments: Sequence[ExperimentState], metric: str) -> list[str]:
    """Return how steady the ends are, and whose level moved by more than chance between the last two tenths.

    Of an end of fewer than five values nothing is said.
    """
    ends = [(experiment, end) for experiment, end in rank(experiments, metric).ends if end.count >= NUM_PARTS]
    if not ends:
        return []
    moving = []
    for experiment, end in ends:
        level = level_at_end(experiment.curves[metric])
        if end.before is None or level is None or level.standard_error is None:
            continue
        gain = (end.level - end.before) * (1 if experiment.curves[metric].is_maximized else -1)
        if gain > quantile(CONFIDENCE, 2 * _DF) * math.sqrt(2) * level.standard_error:
            moving.append(f"{experiment.name} by {rounded(gain)}")
    steady = sorted(ends, key=lambda item: item[1].spread)
    sentences = (
        f"How steady the ends are: from step to step, {metric} varies by {rounded(steady[0][1].spread)} "
        f"({steady[0][0].name}) to {rounded(steady[-1][1].spread)} ({steady[-1][0].name}), as a standard deviation."
    )
    if moving:
        sentences += (
            f" Still improving from the last tenth but one to the last: {listed(moving)}. A longer training may "
            "change the order."
        )
    return [sentences]
