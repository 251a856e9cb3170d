"""What can be said of configurations that were trained on several seeds, as plain sentences.

No sentence calls a configuration better or worse if the test of `configurations` does not show it, and none takes the
best seed of a configuration for its result. METHOD_OF_SEEDS says in the report how; decision 0030 says why.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from launcher.reports.analysis.configurations import (
    LEAST_SEEDS,
    Configuration,
    ConfigurationResult,
    Finding,
    Judgement,
    judge,
)
from launcher.reports.analysis.costs import cost, costs
from launcher.reports.analysis.health import endings, non_finite
from launcher.reports.analysis.level import THE_END
from launcher.reports.analysis.listed_metrics import told_of_metrics
from launcher.reports.analysis.seed_text import difference_text, mean_over_seeds, p_text
from launcher.reports.analysis.significance import Mean, paired_difference
from launcher.reports.differences import describe_difference
from launcher.store.experiment_state import ExperimentState
from launcher.text import listed, plural

_MOST = 6  # sentences of each sort that name a configuration
_MOST_NAMES = 4  # of a sort in a headline
_LARGEST_SHARE = 10.0  # a larger change is not told in per cent
USUAL_SEEDS = 5
METHOD_OF_SEEDS = (
    "How configurations are compared: the result of a seed is the level at the end of its curve, which is the mean of "
    f"{THE_END}. A configuration has the mean of its seeds, ± their standard deviation; "
    "brackets are the 95 % interval of a mean (Student's t). Beside the reference, the differences on "
    f"common seeds are averaged and tested (paired t test, at least {LEAST_SEEDS} common seeds), and the p-values are "
    "adjusted for the number m of configurations that are compared (Holm 1979). So of twenty sweeps in which all "
    "configurations are equal, about one calls some configuration better or worse. “Not clear among m” would be clear "
    "if it were the only comparison. “No difference shown” is no proof that there is none: the interval says which "
    "differences are left. A configuration of which a seed diverged is never called better. † marks means to which "
    "seeds are missing."
)


def seed_observations(
    experiments: Sequence[ExperimentState], metrics: Sequence[str], *, is_maximize_given: bool = False
) -> list[str]:
    """Return what can be said about a sweep with several seeds, the most important first."""
    told = told_of_metrics(experiments, metrics, is_maximize_given=is_maximize_given)
    found = [f"{remark[0].upper()}{remark[1:]}" for remark in told]
    judgements = [judge(experiments, metric) for metric in metrics]
    for judgement in judgements:
        lowest = best_mean(judgement)
        found += [f"{lowest[0].upper()}{lowest[1:]}."] if lowest else []
    for judgement in judgements[:1]:
        found += [*_closest(judgement), *_effects(judgement), *seeds_without_effect(judgement)]
    for metric in metrics:
        found += non_finite(experiments, metric)
    found += endings(experiments, metrics)
    found += costs(experiments)
    return [*found, *_about_seeds(judgements)]


def best_mean(judgement: Judgement) -> str:
    """Return which configuration has the best mean over its seeds, and what that is worth; empty if none has a mean.

    `lowest mean loss at the end: lr=0.001, 5.306 ± 0.043 over 5 seeds; beside base -0.092 [-0.131, -0.053]: better`
    """
    best = judgement.best
    if best is None:
        return ""
    order = "" if len(judgement.results) == 1 else "highest " if judgement.is_maximized else "lowest "
    line = f"{order}mean {judgement.metric} at the end: {best.name}, {mean_over_seeds(best)}"
    return f"{line}; {_beside_reference(best)}" if len(judgement.results) > 1 else line


def verdict_counts(judgement: Judgement) -> str:
    """Return how many configurations have each verdict: `beside base: 1 better (lr=0.001), 2 no difference shown`.

    Empty if fewer than two configurations were compared: their verdict is told with the best mean.
    """
    compared = [result for result in judgement.results if result.finding is not Finding.REFERENCE and result.num_done]
    if judgement.reference is None or len(compared) < 2:
        return ""
    parts = []
    counts = Counter(result.finding for result in compared)
    for finding in Finding:
        names = [result.name for result in judgement.ranked if result.finding is finding]
        if finding in (Finding.BETTER, Finding.WORSE) and names:
            parts.append(f"{counts[finding]} {finding} ({listed(names, _MOST_NAMES)})")
        elif counts[finding]:
            parts.append(f"{counts[finding]} {finding}")
    return f"{judgement.metric} beside {judgement.reference.name}: {', '.join(parts)}"


def seeds_without_effect(judgement: Judgement) -> list[str]:
    """Return in a sentence which configurations do not use their seed; empty if all do."""
    names = [result.name for result in judgement.results if result.is_seed_idle]
    if not names:
        return []
    return [
        f"All seeds of {listed(names)} gave exactly the same {judgement.metric} at each step: the training does not "
        "use its seed (`run.seed`), so more seeds tell nothing more."
    ]


def _beside_reference(result: ConfigurationResult) -> str:
    if result.finding is Finding.REFERENCE:
        return "it is the reference"
    if result.finding is Finding.NO_DIFFERENCE:
        return f"beside {result.reference} {result.verdict}"
    if result.finding is Finding.SAME:
        return f"{result.verdict} as {result.reference}"
    if result.finding is Finding.EQUAL:
        return f"equal to {result.reference}"
    if result.against is None:
        return f"beside {result.reference} {result.verdict}"
    return f"beside {result.reference} {difference_text(result.against.mean)}: {result.verdict}"


def _closest(judgement: Judgement) -> list[str]:
    """Return by how much the two best means differ, and that this is no test: they were picked by their results.

    Empty if one is the reference: then the verdict says it.
    """
    if len(judgement.results) < 3:
        return []
    first, second = judgement.ranked[:2]
    if not (first.can_be_best and second.can_be_best) or Finding.REFERENCE in (first.finding, second.finding):
        return []
    common = [seed for seed in first.levels if seed in second.levels]
    found = paired_difference([first.levels[seed] for seed in common], [second.levels[seed] for seed in common])
    if found is None or found.mean.interval is None or found.is_same:
        return []
    return [
        f"The two best means are those of {first.name} and {second.name}: they differ by "
        f"{difference_text(found.mean)} on {plural(found.num, 'common seed')}. This is no test, as both were picked by "
        "their results."
    ]


def _effects(judgement: Judgement) -> list[str]:
    """Return how configurations differ from the reference, the better ones first, each with its cost."""
    base = judgement.reference
    if base is None or not judgement.by_name[base.name].num_done:
        return []
    compared = [each for each in judgement.ranked if each.finding is not Finding.REFERENCE and each.against is not None]
    better = [result for result in compared if result.finding is Finding.BETTER]
    worse = [result for result in compared if result.finding is Finding.WORSE]
    others = [result for result in compared if result.finding not in (Finding.BETTER, Finding.WORSE)]
    named = [*better[:_MOST], *worse[-_MOST:], *others[:_MOST]]
    found = [_effect(result, base, judgement) for result in named]
    if len(named) < len(compared):
        found.append(
            f"Of {len(compared)} configurations compared with {base.name} in all, {len(better)} are better, "
            f"{len(worse)} worse, and {len(others)} neither; the table has every one."
        )
    return found


def _effect(result: ConfigurationResult, base: Configuration, judgement: Judgement) -> str:
    """Return in a sentence how a configuration differs from the reference, and its cost."""
    against = result.against
    assert against is not None, "only what is compared has an effect"
    price = f"Cost: {cost(result.configuration.experiments, base.experiments)}."
    label = _label(result.configuration)
    if result.finding is Finding.SAME:
        return f"{label}: the same numbers as {base.name}. {price}"
    if result.finding is Finding.EQUAL:
        return f"{label}: no difference at the end: the same {judgement.metric} there as {base.name}. {price}"
    if result.finding is Finding.NO_DIFFERENCE:
        return f"{label}: {result.verdict} ({judgement.metric} beside {base.name}; {_on_seeds(result)}). {price}"
    way = "lower" if against.mean.value < 0 else "higher"
    change = f"{judgement.metric} {_size(against.mean)}{_share(result, judgement)} {way} than {base.name}"
    return f"{label}: {result.verdict}: {change}; {_on_seeds(result)}{_p(result)}. {price}"


def _on_seeds(result: ConfigurationResult) -> str:
    """Return on how many common seeds a configuration was better, and how much its seeds and the reference's agree."""
    assert result.against is not None, "only what is compared has common seeds"
    correlation = result.against.correlation
    agree = f", correlation of the pairs {correlation:.2f}" if correlation is not None else ""
    is_told = not result.diverged or result.finding is Finding.NO_VERDICT
    lost = "" if is_told else f"; diverged on {len(result.diverged)} of {plural(result.num_seeds, 'seed')}"
    return f"better on {result.num_better} of {plural(result.against.num, 'common seed')}{agree}{lost}"


def _p(result: ConfigurationResult) -> str:
    if result.finding not in (Finding.BETTER, Finding.WORSE, Finding.NOT_CLEAR):
        return ""
    assert result.against is not None, "what is tested has common seeds"
    assert result.against.p is not None, "what is tested has a p-value"
    assert result.adjusted_p is not None, "what is tested has a p-value"
    adjusted = (
        f", after Holm among {result.num_compared} {p_text(result.adjusted_p)}" if result.num_compared > 1 else ""
    )
    return f"; p {p_text(result.against.p)}{adjusted}"


def _size(mean: Mean) -> str:
    """Return the size of a difference with its interval, without its sign: `0.092 [0.053, 0.131]`."""
    return difference_text(mean if mean.value >= 0 else Mean(-mean.value, mean.num, mean.sd))


def _share(result: ConfigurationResult, judgement: Judgement) -> str:
    """Return a difference in per cent of the reference; empty if the reference is about 0, or it says nothing."""
    base = judgement.by_name[result.reference].mean
    if result.against is None or base is None or not abs(base.value) > 3 * (base.standard_error or 0.0):
        return ""
    share = abs(result.against.mean.value / base.value)
    return f" ({share:.1%})" if share <= _LARGEST_SHARE else ""


def _label(configuration: Configuration) -> str:
    """Return the name of a configuration, with its overrides where the name does not have them already."""
    difference = describe_difference(configuration.experiments[0])
    is_told = not difference or set(difference.split(", ")) <= set(configuration.name.split("+"))
    return configuration.name if is_told else f"{configuration.name} ({difference})"


def _about_seeds(judgements: Sequence[Judgement]) -> list[str]:
    """Return how many seeds the configurations have, and what so many can show."""
    if not judgements:
        return []
    counts = sorted({result.num_seeds for result in judgements[0].results})
    if not counts:
        return []
    num = f"{counts[0]}" if counts[0] == counts[-1] else f"{counts[0]} to {counts[-1]}"
    what = "only large differences" if counts[-1] >= LEAST_SEEDS else "no differences"
    few = f" So few seeds show {what}; {USUAL_SEEDS} or more are usual." if counts[0] < USUAL_SEEDS else ""
    return [f"Each configuration has {num} {'seed' if counts[-1] == 1 else 'seeds'}.{few}"]
