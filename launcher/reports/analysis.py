"""Observations computed from results: what helped, by how much, at what cost, and how far that can be trusted.

Pure: results in, plain sentences out. Experiments are compared by the level at the end of their curves, the mean of the
last tenth of steps (at least five), because a single last step is one batch. The spread of an end is its standard
deviation. A difference is called clear when it is larger than both spreads taken together, the root of the sum of their
squares; otherwise it is within the noise of the last steps.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from launcher.config.nested import assignments
from launcher.planning.batch_halving import describe_changes
from launcher.reports.results import RUNNING, Result, reference
from launcher.store.curve import Curve, End, best_of
from launcher.store.ending import FAILURES, EndingKind
from launcher.text import did_you_mean, duration, inline, number, rounded, with_spread

_MOST = 6  # of each sort that are told one by one
METHOD = (
    "How experiments are compared: the level of a curve is the mean of its last tenth of steps (at least five), its "
    "spread their standard deviation. A difference between two levels counts as clear only if it is larger than both "
    "spreads together (the root of the sum of their squares); otherwise it is within the noise of the last steps."
)


@dataclass(frozen=True)
class Comparison:
    """One experiment beside the reference, in one metric."""

    one: Result
    level: float
    difference: float  # level minus the reference's
    noise: float
    is_better: bool

    @property
    def is_clear(self) -> bool:
        """The difference is larger than the noise."""
        return abs(self.difference) > self.noise


@dataclass(frozen=True)
class Ranked:
    """The experiments that finished, by the level of one metric, the best first."""

    metric: str
    ends: list[tuple[Result, End]]

    @property
    def margin(self) -> tuple[float, float] | None:
        """By how much the best leads the second, and the noise of that difference; None with fewer than two."""
        if len(self.ends) < 2:
            return None
        (_, best), (_, second) = self.ends[:2]
        return abs(best.level - second.level), math.hypot(best.spread, second.spread)


def rank(experiments: Sequence[Result], metric: str) -> Ranked:
    """Order the experiments that are done by the level of a metric."""
    ends = [
        (one, end, one.curves[metric].is_maximized)
        for one in experiments
        if one.ending == EndingKind.DONE and metric in one.curves and (end := one.curves[metric].end) is not None
    ]
    ends.sort(key=lambda item: -item[1].level if item[2] else item[1].level)
    return Ranked(metric, [(one, end) for one, end, _ in ends])


@dataclass(frozen=True)
class Best:
    """The best single step of one metric among the experiments that did not fail, and the end of that experiment."""

    one: Result
    value: float
    step: int
    end: End | None  # None where the experiment is not done, or its curve has no finite end


def best(experiments: Sequence[Result], metric: str) -> Best | None:
    """Return the best single step of a metric; an experiment that failed never wins, nor does a value not finite."""
    curves = [(one, one.curves[metric]) for one in experiments if one.ending not in FAILURES and metric in one.curves]
    found = [(one, curve, value, step) for one, curve in curves
             if (value := curve.best) is not None and (step := curve.best_step) is not None]  # fmt: skip
    best = best_of((value for _, _, value, _ in found), is_maximized=any(curve.is_maximized for _, curve in curves))
    for one, curve, value, step in found:
        if value == best:
            return Best(one, value, step, curve.end if one.ending == EndingKind.DONE else None)
    return None


def compare(experiments: Sequence[Result], metric: str) -> tuple[Result | None, list[Comparison]]:
    """Set each experiment that is done beside the reference; None where the reference has no end to compare with."""
    base = reference(experiments)
    ranked = dict((one.name, end) for one, end in rank(experiments, metric).ends)
    if base is None or base.name not in ranked:
        return None, []
    own = ranked[base.name]
    found = []
    for one in experiments:
        if one is base or one.name not in ranked:
            continue
        end = ranked[one.name]
        difference = end.level - own.level
        is_better = difference > 0 if one.curves[metric].is_maximized else difference < 0
        found.append(Comparison(one, end.level, difference, math.hypot(end.spread, own.spread), is_better))
    return base, found


def observations(experiments: Sequence[Result], metrics: Sequence[str]) -> list[str]:
    """Return what can be said about a sweep, a sentence or a few each, the most important first."""
    said = [f"{text[0].upper()}{text[1:]}"] if (text := unlogged(experiments, metrics)) else []
    for metric in metrics:
        said += _winner(rank(experiments, metric))
    for metric in metrics[:1]:
        said += _effects(experiments, metric)
    for metric in metrics:
        said += _non_finite(experiments, metric)
    said += _endings(experiments, metrics)
    for metric in metrics[:1]:
        said += _steadiness(experiments, metric)
    said += _costs(experiments)
    if len(experiments) > 1:
        said.append(
            "Every experiment was trained once, with one seed: differences from seed to seed were not measured, and a "
            "clear difference here can still be one of seeds. Train the closest ones again with other seeds before "
            "relying on their order."
        )
    return said


def unlogged(experiments: Sequence[Result], metrics: Sequence[str]) -> str:
    """Say which metrics of the job no experiment logged, where something was logged; empty if there is none."""
    logged = list(dict.fromkeys(name for one in experiments for name in one.logged))
    missing = [metric for metric in metrics if metric not in logged]
    if not logged or not missing:
        return ""
    hints = "".join(dict.fromkeys(did_you_mean(metric, logged) for metric in missing))
    listed = ", ".join(inline(name, 100) for name in logged[:20]) + (", …" if len(logged) > 20 else "")
    return f"metrics names {', '.join(missing)}, which no experiment logged; logged were: {listed}.{hints}"


def broken(one: Result, metrics: Sequence[str]) -> str:
    """Say since when values are not finite up to the end: `loss is nan from step 2 on`; empty where none are.

    Of an experiment that failed its reason tells more, and nothing is said.
    """
    said = []
    for metric in metrics:
        curve = one.curves.get(metric)
        if curve is not None and curve.broken_since is not None and one.ending not in FAILURES:
            bad = {str(value) for value in curve.values[curve.steps.index(curve.broken_since) :]}
            said.append(f"{metric} is {bad.pop() if len(bad) == 1 else 'not finite'} from step {curve.broken_since} on")
    return ", ".join(said)


def differs(one: Result) -> str:
    """Return what sets an experiment apart, as `lr=0.001, n_layers=1`, and what on_oom made other than asked."""
    asked = ", ".join(assignments(one.overrides))
    smaller = f"for want of memory {describe_changes(one.changed)}" if one.changed else ""
    return "; ".join(part for part in (asked, smaller) if part)


def _label(one: Result) -> str:
    return f"{one.name} ({told})" if (told := differs(one)) else one.name


def _winner(ranked: Ranked) -> list[str]:
    if not ranked.ends:
        return []
    best, end = ranked.ends[0]
    lead = ""
    if ranked.margin is not None:
        gap, noise = ranked.margin
        second = ranked.ends[1][0]
        trust = (
            "a clear lead" if gap > noise else f"within the noise of {rounded(noise)}, so the two cannot be told apart"
        )
        lead = f", {rounded(gap)} ahead of {second.name}: {trust}"
    return [f"Best {ranked.metric} at the end: {_label(best)}, {with_spread(end.level, end.spread)}{lead}."]


def _effects(experiments: Sequence[Result], metric: str) -> list[str]:
    base, found = compare(experiments, metric)
    if base is None:
        return []
    said = []
    found.sort(key=lambda item: (not item.is_better, -abs(item.difference)))
    helped = [one for one in found if one.is_clear and one.is_better]
    hurt = [one for one in found if one.is_clear and not one.is_better][::-1]
    unclear = [one for one in found if not one.is_clear]
    told = [*helped[:_MOST], *hurt[-_MOST:], *unclear[:_MOST]]
    for one in told:
        way = "lower" if one.difference < 0 else "higher"
        level = one.level - one.difference
        share = f" ({abs(one.difference / level):.1%})" if level else ""
        if one.is_clear:
            verdict = "it helped" if one.is_better else "it hurt"
            effect = f"{verdict}: {metric} {rounded(abs(one.difference))}{share} {way} than {base.name}"
        else:
            effect = (
                f"no clear effect: {metric} {rounded(abs(one.difference))}{share} {way} than {base.name}, within the "
                f"noise of {rounded(one.noise)}"
            )
        said.append(f"{_label(one.one)}: {effect}. Cost: {_cost(one.one, base)}.")
    if len(told) < len(found):
        said.append(
            f"Of {len(found)} compared with {base.name} in all, {len(helped)} helped, {len(hurt)} hurt, and "
            f"{len(unclear)} had no clear effect; the table has every one."
        )
    return said


def _cost(one: Result, base: Result) -> str:
    """Return what an experiment needed in relation to the reference, in words."""
    pairs = [
        ("time", one.seconds, base.seconds),
        ("steps", float(one.steps), float(base.steps)),
        ("tokens", one.num_tokens, base.num_tokens),
        ("parameters", _fact(one, "parameters"), _fact(base, "parameters")),
        ("memory", one.peak_memory_bytes, base.peak_memory_bytes),
        ("GPU memory", one.peak_gpu_memory_bytes, base.peak_gpu_memory_bytes),
    ]
    known = [(what, own / other - 1) for what, own, other in pairs if own and other]
    changed = [f"{change:+.0%} {what}" for what, change in known if abs(change) >= 0.005]
    same = [what for what, change in known if abs(change) < 0.005]
    and_same = f"the same {' and '.join(filter(None, [', '.join(same[:-1]), same[-1]]))}" if same else ""
    return ", ".join(filter(None, [*changed, and_same])) or "not recorded"


def _fact(one: Result, name: str) -> float | None:
    value = one.facts.get(name)
    return float(value) if isinstance(value, int | float) and abs(value) < 1e300 else None


def _non_finite(experiments: Sequence[Result], metric: str) -> list[str]:
    found = [
        f"{one.name} ({len(bad):,}, the first at step {bad[0]})"
        for one in experiments
        if metric in one.curves and (bad := one.curves[metric].bad_steps)
    ]
    told = f"Values of {metric} that are not finite, which never count as best and are gaps in the curves:"
    return [f"{told} {_listed(found)}."] if found else []


def _endings(experiments: Sequence[Result], metrics: Sequence[str]) -> list[str]:
    """Say what did not get to its end, and what took several attempts."""
    said: list[str] = []
    resumed: list[str] = []
    for one in experiments:
        of_total = f" of {one.total}" if one.total else ""
        at = f"after step {one.last_step}{of_total}" if one.steps else "before its first step"
        if one.ending == RUNNING:
            said.append(f"{one.name} runs, now {at}. It is not ranked yet.")
        elif not one.ending:
            said.append(f"{one.name} has not been started.")
        elif one.ending == EndingKind.DONE and (what := broken(one, metrics)):
            said.append(f"{one.name} is done, but its {what}. It is not ranked in that.")
        elif one.ending != EndingKind.DONE:
            said.append(f"{one.name} ended {at}: {one.ending}{f', {one.why}' if one.why else ''}. It is not ranked.")
        if one.attempts > 1:
            earlier = f": {'; '.join(one.earlier)}" if one.earlier else ""
            resumed.append(f"{one.name} ({one.attempts}{earlier})")
    if len(said) > 2 * _MOST:
        said[2 * _MOST :] = [f"And {len(said) - 2 * _MOST} more have not come to their end; the table has every one."]
    if resumed:
        said.append(f"Took several attempts, which their times are the sum of: {_listed(resumed)}.")
    return said


def _steadiness(experiments: Sequence[Result], metric: str) -> list[str]:
    """Say whose curve had not come to rest: the level moved by more than chance between the last two tenths."""
    moving = []
    ends = rank(experiments, metric).ends
    for one, end in ends:
        if end.before is None:
            continue
        gain = (end.level - end.before) * (1 if one.curves[metric].is_maximized else -1)
        if gain > 2 * end.spread * math.sqrt(2 / end.count):
            moving.append(f"{one.name} by {rounded(gain)}")
    if not ends:
        return []
    steady = sorted(ends, key=lambda item: item[1].spread)
    said = (
        f"How steady the ends are: the spread of {metric} over the last steps is from {rounded(steady[0][1].spread)} "
        f"({steady[0][0].name}) to {rounded(steady[-1][1].spread)} ({steady[-1][0].name})."
    )
    if moving:
        said += (
            f" Still improving from the last tenth but one to the last: {_listed(moving)}. A longer training may "
            "change the order."
        )
    return [said]


def _costs(experiments: Sequence[Result]) -> list[str]:
    said = []
    times = [(one.seconds, one.name) for one in experiments if one.seconds and one.ending == EndingKind.DONE]
    if len(times) > 1:
        (least, quickest), (most, slowest) = min(times), max(times)
        said.append(f"Time: from {duration(least)} ({quickest}) to {duration(most)} ({slowest}).")
    devices = {(one.device.split(":")[0].split(" ")[0], one.threads) for one in experiments if one.device}
    if len(devices) > 1:
        said.append("The experiments ran on devices or thread counts that differ: their times are not comparable.")
    tokens = [one.num_tokens for one in experiments if one.num_tokens and one.ending == EndingKind.DONE]
    if tokens and max(tokens) > 1.05 * min(tokens):
        said.append(
            f"The experiments saw from {min(tokens):,.0f} to {max(tokens):,.0f} tokens: compare them by tokens, not by "
            "their ends alone."
        )
    return said


def _listed(words: Sequence[str], most: int = 8) -> str:
    more = f" and {len(words) - most} more" if len(words) > most else ""
    return ", ".join(words[:most]) + more


def curve_summary(curve: Curve | None) -> tuple[str, str, str]:
    """Return level with spread, best and last value of a curve, for a table; dashes where there are none."""
    if curve is None:
        return "-", "-", "-"
    end = curve.end
    level = f"{with_spread(end.level, end.spread)}" if end else "-"
    return level, number(curve.best) if curve.best is not None else "-", number(curve.values[-1])
