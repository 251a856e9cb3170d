"""Observations computed from the results of a sweep: what helped, by how much, at what cost, and how sure that is.

Pure: states of experiments in, plain sentences out. Experiments are compared by the level at the end of their curves:
the mean of the last tenth of steps, at least five, because a single last step is one batch. The spread of an end is its
standard deviation. A difference is called clear if it is larger than both spreads together, the root of the sum of
their squares. Otherwise it is within the noise of the last steps.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from launcher.reports.differences import describe_difference, reference
from launcher.store.curve import Curve, End, best_of
from launcher.store.ending import EndingKind
from launcher.store.experiment_state import RUNNING, ExperimentState
from launcher.text import did_you_mean, duration, inline, listed, number, rounded, with_spread

_MOST = 6  # sentences of each sort that name an experiment
METHOD = (
    "How experiments are compared: the level of a curve is the mean of its last tenth of steps (at least five), its "
    "spread their standard deviation. A difference between two levels counts as clear only if it is larger than both "
    "spreads together (the root of the sum of their squares); otherwise it is within the noise of the last steps."
)


@dataclass(frozen=True)
class Comparison:
    """One experiment beside the reference, in one metric."""

    experiment: ExperimentState
    level: float
    difference: float  # level minus the reference's
    noise: float
    is_better: bool

    @property
    def is_clear(self) -> bool:
        """The difference is larger than the noise."""
        return abs(self.difference) > self.noise


@dataclass(frozen=True)
class Ranking:
    """The experiments that are done, by the level at the end of one metric, the best first."""

    metric: str
    ends: list[tuple[ExperimentState, End]]

    @property
    def margin(self) -> tuple[float, float] | None:
        """By how much the first leads the second, and the noise of that difference; None with fewer than two."""
        if len(self.ends) < 2:
            return None
        (_, first), (_, second) = self.ends[:2]
        return abs(first.level - second.level), math.hypot(first.spread, second.spread)


def rank(experiments: Sequence[ExperimentState], metric: str) -> Ranking:
    """Order the experiments that are done by their level at the end of a metric."""
    ends = [
        (experiment, end, curve.is_maximized)
        for experiment in experiments
        if experiment.is_done and (curve := experiment.curves.get(metric)) and (end := curve.end) is not None
    ]
    ends.sort(key=lambda item: -item[1].level if item[2] else item[1].level)
    return Ranking(metric, [(experiment, end) for experiment, end, _ in ends])


@dataclass(frozen=True)
class BestExperiment:
    """The experiment with the best value of one metric, and where it had that value."""

    experiment: ExperimentState
    value: float
    step: int
    end: End | None  # None if the experiment is not done, or the newest value is not finite


def best_experiment(experiments: Sequence[ExperimentState], metric: str) -> BestExperiment | None:
    """Return the experiment with the best value of a metric; None if no experiment has a finite one.

    An experiment that failed or diverged never wins.
    """
    found = [
        (experiment, curve, curve.best, curve.best_step)
        for experiment in experiments
        if not experiment.has_failed and (curve := experiment.curves.get(metric)) is not None
    ]
    is_maximized = any(curve.is_maximized for _, curve, _, _ in found)
    best = best_of((value for _, _, value, _ in found if value is not None), is_maximized=is_maximized)
    for experiment, curve, value, step in found:
        if value is not None and step is not None and value == best:
            return BestExperiment(experiment, value, step, curve.end if experiment.is_done else None)
    return None


def compare(experiments: Sequence[ExperimentState], metric: str) -> tuple[ExperimentState | None, list[Comparison]]:
    """Return the reference, and each other experiment that is done set beside it.

    (None, []) if the reference has no end to compare with.
    """
    base = reference(experiments)
    ends = {experiment.name: end for experiment, end in rank(experiments, metric).ends}
    if base is None or base.name not in ends:
        return None, []
    own = ends[base.name]
    found = []
    for experiment in experiments:
        if experiment is base or experiment.name not in ends:
            continue
        end = ends[experiment.name]
        difference = end.level - own.level
        is_better = difference > 0 if experiment.curves[metric].is_maximized else difference < 0
        noise = math.hypot(end.spread, own.spread)
        found.append(Comparison(experiment, end.level, difference, noise, is_better))
    return base, found


def observations(experiments: Sequence[ExperimentState], metrics: Sequence[str]) -> list[str]:
    """Return what can be said about a sweep, the most important first; an item is a sentence or a few."""
    remark = unlogged(experiments, metrics)
    found = [f"{remark[0].upper()}{remark[1:]}"] if remark else []
    for metric in metrics:
        found += _winner(rank(experiments, metric))
    for metric in metrics[:1]:
        found += _effects(experiments, metric)
    for metric in metrics:
        found += _non_finite(experiments, metric)
    found += _endings(experiments, metrics)
    for metric in metrics[:1]:
        found += _steadiness(experiments, metric)
    found += _costs(experiments)
    if len(experiments) > 1:
        found.append(
            "Every experiment was trained once, with one seed: differences from seed to seed were not measured, and a "
            "clear difference here can still be one of seeds. Train the closest ones again with other seeds before "
            "relying on their order."
        )
    return found


def unlogged(experiments: Sequence[ExperimentState], metrics: Sequence[str]) -> str:
    """Return which metrics of the job no experiment logged; empty if there is none, or nothing was logged at all."""
    logged = list(dict.fromkeys(name for experiment in experiments for name in experiment.logged))
    missing = [metric for metric in metrics if metric not in logged]
    if not logged or not missing:
        return ""
    hints = "".join(dict.fromkeys(did_you_mean(metric, logged) for metric in missing))
    listed = ", ".join(inline(name, 100) for name in logged[:20]) + (", …" if len(logged) > 20 else "")
    return f"metrics names {', '.join(missing)}, which no experiment logged; logged were: {listed}.{hints}"


def broken(experiment: ExperimentState, metrics: Sequence[str]) -> str:
    """Return since when values are not finite up to the end, as `loss is nan from step 2 on`; empty if none are.

    Empty for an experiment that failed: its reason tells more.
    """
    if experiment.has_failed:
        return ""
    found = []
    for metric in metrics:
        curve = experiment.curves.get(metric)
        if curve is not None and curve.broken_since is not None:
            found.append(f"{metric} is {curve.broken_value} from step {curve.broken_since} on")
    return ", ".join(found)


def _label(experiment: ExperimentState) -> str:
    difference = describe_difference(experiment)
    return f"{experiment.name} ({difference})" if difference else experiment.name


def _winner(ranking: Ranking) -> list[str]:
    if not ranking.ends:
        return []
    first, end = ranking.ends[0]
    lead = ""
    if ranking.margin is not None:
        gap, noise = ranking.margin
        second = ranking.ends[1][0]
        trust = (
            "a clear lead" if gap > noise else f"within the noise of {rounded(noise)}, so the two cannot be told apart"
        )
        lead = f", {rounded(gap)} ahead of {second.name}: {trust}"
    return [f"Best {ranking.metric} at the end: {_label(first)}, {with_spread(end.level, end.spread)}{lead}."]


def _effects(experiments: Sequence[ExperimentState], metric: str) -> list[str]:
    base, compared = compare(experiments, metric)
    if base is None:
        return []
    compared.sort(key=lambda comparison: (not comparison.is_better, -abs(comparison.difference)))
    helped = [comparison for comparison in compared if comparison.is_clear and comparison.is_better]
    hurt = [comparison for comparison in compared if comparison.is_clear and not comparison.is_better][::-1]
    unclear = [comparison for comparison in compared if not comparison.is_clear]
    named = [*helped[:_MOST], *hurt[-_MOST:], *unclear[:_MOST]]
    found = [_effect(comparison, base, metric) for comparison in named]
    if len(named) < len(compared):
        found.append(
            f"Of {len(compared)} compared with {base.name} in all, {len(helped)} helped, {len(hurt)} hurt, and "
            f"{len(unclear)} had no clear effect; the table has every one."
        )
    return found


def _effect(comparison: Comparison, base: ExperimentState, metric: str) -> str:
    """Return in a sentence what an experiment changed in relation to the reference, and its cost."""
    way = "lower" if comparison.difference < 0 else "higher"
    base_level = comparison.level - comparison.difference
    share = f" ({abs(comparison.difference / base_level):.1%})" if base_level else ""
    change = f"{metric} {rounded(abs(comparison.difference))}{share} {way} than {base.name}"
    if comparison.is_clear:
        effect = f"{'it helped' if comparison.is_better else 'it hurt'}: {change}"
    else:
        effect = f"no clear effect: {change}, within the noise of {rounded(comparison.noise)}"
    return f"{_label(comparison.experiment)}: {effect}. Cost: {_cost(comparison.experiment, base)}."


def _cost(experiment: ExperimentState, base: ExperimentState) -> str:
    """Return what an experiment needed in relation to the reference, in words."""
    pairs = [
        ("time", experiment.seconds, base.seconds),
        ("steps", float(experiment.num_steps), float(base.num_steps)),
        ("tokens", experiment.num_tokens, base.num_tokens),
        ("parameters", _fact(experiment, "parameters"), _fact(base, "parameters")),
        ("memory", experiment.peak_memory_bytes, base.peak_memory_bytes),
        ("GPU memory", experiment.peak_gpu_memory_bytes, base.peak_gpu_memory_bytes),
    ]
    changes = [(quantity, own / other - 1) for quantity, own, other in pairs if own and other]
    changed = [f"{change:+.0%} {quantity}" for quantity, change in changes if abs(change) >= 0.005]
    same = [quantity for quantity, change in changes if abs(change) < 0.005]
    and_same = f"the same {' and '.join(filter(None, [', '.join(same[:-1]), same[-1]]))}" if same else ""
    return ", ".join(filter(None, [*changed, and_same])) or "not recorded"


def _fact(experiment: ExperimentState, name: str) -> float | None:
    value = experiment.facts.get(name)
    return float(value) if isinstance(value, int | float) and abs(value) < 1e300 else None


def _non_finite(experiments: Sequence[ExperimentState], metric: str) -> list[str]:
    found = [
        f"{experiment.name} ({curve.num_bad:,}, the first at step {curve.first_bad})"
        for experiment in experiments
        if (curve := experiment.curves.get(metric)) is not None and curve.num_bad
    ]
    heading = f"Values of {metric} that are not finite, which never count as best and are gaps in the curves:"
    return [f"{heading} {listed(found)}."] if found else []


def _endings(experiments: Sequence[ExperimentState], metrics: Sequence[str]) -> list[str]:
    """Return what did not get to its end, and what took several attempts."""
    found = [sentence for experiment in experiments if (sentence := _unfinished(experiment, metrics))]
    if len(found) > 2 * _MOST:
        found[2 * _MOST :] = [f"And {len(found) - 2 * _MOST} more have not come to their end; the table has every one."]
    resumed = []
    for experiment in experiments:
        if experiment.attempt > 1:
            earlier = f": {'; '.join(experiment.earlier)}" if experiment.earlier else ""
            resumed.append(f"{experiment.name} ({experiment.attempt}{earlier})")
    if resumed:
        found.append(f"Took several attempts, which their times are the sum of: {listed(resumed)}.")
    return found


def _unfinished(experiment: ExperimentState, metrics: Sequence[str]) -> str:
    """Return why an experiment is not ranked; empty if it is done and its metrics are finite."""
    name, outcome = experiment.name, experiment.outcome
    of_total = f" of {experiment.total}" if experiment.total else ""
    at = f"after step {experiment.last_step}{of_total}" if experiment.num_steps else "before its first step"
    if outcome == RUNNING:
        return f"{name} runs, now {at}. It is not ranked yet."
    if not outcome:
        return f"{name} has not been started."
    if outcome != EndingKind.DONE:
        why = f", {experiment.why}" if experiment.why else ""
        return f"{name} ended {at}: {outcome}{why}. It is not ranked."
    what = broken(experiment, metrics)
    return f"{name} is done, but its {what}. It is not ranked in that." if what else ""


def _steadiness(experiments: Sequence[ExperimentState], metric: str) -> list[str]:
    """Return how steady the ends are, and whose level moved by more than chance between the last two tenths."""
    ends = rank(experiments, metric).ends
    if not ends:
        return []
    moving = []
    for experiment, end in ends:
        if end.before is None:
            continue
        gain = (end.level - end.before) * (1 if experiment.curves[metric].is_maximized else -1)
        if gain > 2 * end.spread * math.sqrt(2 / end.count):
            moving.append(f"{experiment.name} by {rounded(gain)}")
    steady = sorted(ends, key=lambda item: item[1].spread)
    sentences = (
        f"How steady the ends are: the spread of {metric} over the last steps is from {rounded(steady[0][1].spread)} "
        f"({steady[0][0].name}) to {rounded(steady[-1][1].spread)} ({steady[-1][0].name})."
    )
    if moving:
        sentences += (
            f" Still improving from the last tenth but one to the last: {listed(moving)}. A longer training may "
            "change the order."
        )
    return [sentences]


def _costs(experiments: Sequence[ExperimentState]) -> list[str]:
    """Return whether the experiments differ in time, device or tokens, so that their ends alone say too little."""
    found = []
    done = [experiment for experiment in experiments if experiment.is_done]
    times = [(experiment.seconds, experiment.name) for experiment in done if experiment.seconds]
    if len(times) > 1:
        (least_s, quickest), (most_s, slowest) = min(times), max(times)
        found.append(f"Time: from {duration(least_s)} ({quickest}) to {duration(most_s)} ({slowest}).")
    placed = [experiment for experiment in experiments if experiment.device]
    kinds = {(experiment.device.split(":")[0].split(" ")[0], experiment.threads) for experiment in placed}
    if len(kinds) > 1:
        found.append("The experiments ran on devices or thread counts that differ: their times are not comparable.")
    tokens = [experiment.num_tokens for experiment in done if experiment.num_tokens]
    if tokens and max(tokens) > 1.05 * min(tokens):
        found.append(
            f"The experiments saw from {min(tokens):,.0f} to {max(tokens):,.0f} tokens: compare them by tokens, not by "
            "their ends alone."
        )
    return found


def curve_summary(curve: Curve | None) -> tuple[str, str, str]:
    """Return the cells of a table for a curve: level with spread, best value, newest value; dashes for what is none."""
    if curve is None:
        return "-", "-", "-"
    level = with_spread(curve.end.level, curve.end.spread) if curve.end else "-"
    return level, number(curve.best) if curve.best is not None else "-", number(curve.newest)
