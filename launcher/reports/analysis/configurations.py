"""Which configurations a sweep compares, what their seeds gave, and what can be said of each beside the reference.

    configuration  seeds  loss at the end  beside base, 95 % interval  verdict
    base           5      5.40 ± 0.05
    lr=0.001       5      5.31 ± 0.04      -0.09, -0.12 to -0.06       better
    lr=0.002       4/5    5.42 ± 0.09 †    0.02, -0.11 to 0.15         no verdict: diverged on 1 of 5 seeds

The result of a seed is its level at the end, by which experiments are ranked everywhere (`store.curve.End`).
Differences are paired: those of the seeds on which configuration and reference are both done. The p-values are adjusted
for the number of configurations that are compared (`significance`, decision 0030).

A seed that diverged is no missing number: it is a bad result without one. So a configuration with such a seed is never
called better, and one whose reference has such a seed is never called worse.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import cached_property
from typing import Any

from launcher.reports.analysis.significance import LEVEL, Mean, PairedDifference, holm, mean_of, paired_difference
from launcher.reports.differences import reference
from launcher.store.curve import Curve, is_same_curve
from launcher.store.ending import EndingKind
from launcher.store.experiment_state import ExperimentState
from launcher.text import interval_words, plural

LEAST_SEEDS = 3  # that two configurations have in common before anything is said
INCOMPLETE = "†"  # marks a mean to which seeds are missing


class Finding(StrEnum):
    """What can be said of a configuration beside the reference."""

    BETTER = "better"
    WORSE = "worse"
    NOT_CLEAR = "not clear"
    NO_DIFFERENCE = "no difference shown"
    TOO_FEW = "too few seeds"
    SAME = "the same numbers"
    EQUAL = "equal at the end"  # by different curves, as of an accuracy that has reached 1
    NO_VERDICT = "no verdict"  # a seed diverged
    REFERENCE = "reference"  # it is compared with nothing


@dataclass(frozen=True)
class Configuration:
    """The experiments that differ in the seed alone, in the order of the job file."""

    name: str
    index: int  # its place among the configurations: the order of the job file
    experiments: tuple[ExperimentState, ...]

    @property
    def overrides(self) -> Mapping[str, Any]:
        """What its experiments set, other than the seed."""
        return self.experiments[0].overrides

    @property
    def cell(self) -> Mapping[str, Any]:
        """Its place in the grid: the value or label on each axis; empty without a grid."""
        return self.experiments[0].cell

    @property
    def seeds(self) -> tuple[int, ...]:
        """The seeds of its experiments, whether or not they are done."""
        return tuple(experiment.seed for experiment in self.experiments)


@dataclass(frozen=True)
class ConfigurationResult:
    """What the seeds of a configuration gave in one metric, beside the reference."""

    configuration: Configuration
    metric: str
    is_maximized: bool
    levels: Mapping[int, float]  # by seed: the level at the end of those that are done
    diverged: tuple[ExperimentState, ...] = ()
    missing: tuple[ExperimentState, ...] = ()  # neither done nor diverged: failed, killed, running, waiting, …
    is_seed_idle: bool = False  # several seeds gave the same curves: the training does not use its seed
    against: PairedDifference | None = None  # own minus the reference's, on common seeds; None: there is none
    is_copy: bool = False  # on all common seeds its curve is the reference's
    reference: str = ""  # its name; empty if no configuration is the reference
    num_diverged_of_reference: int = 0
    num_compared: int = 0  # configurations whose p-values were adjusted together
    adjusted_p: float | None = None  # by Holm's method; None: there are too few seeds
    finding: Finding = Finding.TOO_FEW

    @cached_property
    def mean(self) -> Mean | None:
        """The mean over the seeds that are done; None if none is."""
        return mean_of(list(self.levels.values()))

    @property
    def name(self) -> str:
        """The name of the configuration."""
        return self.configuration.name

    @property
    def num_seeds(self) -> int:
        """The number of its seeds, whether or not they are done."""
        return len(self.configuration.experiments)

    @property
    def num_done(self) -> int:
        """The number of seeds that have a result."""
        return len(self.levels)

    @property
    def mark(self) -> str:
        """`†` where seeds are missing to the mean; empty where all are done."""
        return INCOMPLETE if self.num_done < self.num_seeds else ""

    @property
    def num_better(self) -> int:
        """On how many common seeds it was better than the reference."""
        if self.against is None:
            return 0
        return self.against.num_above if self.is_maximized else self.against.num_below

    @property
    def can_be_best(self) -> bool:
        """Its mean is of three seeds or of all, and no seed diverged: few seeds are more often extreme."""
        return self.mean is not None and not self.diverged and self.num_done >= min(LEAST_SEEDS, self.num_seeds)

    @property
    def seeds_text(self) -> str:
        """How many seeds are done: `5`, or `4/5, 1 diverged`."""
        if self.num_done == self.num_seeds:
            return str(self.num_seeds)
        kinds = Counter(experiment.ending for experiment in self.missing if experiment.has_failed and experiment.ending)
        words = [f"{len(self.diverged)} diverged"] if self.diverged else []
        words += [f"{count} {kind.label}" for kind, count in kinds.items()]
        return ", ".join([f"{self.num_done}/{self.num_seeds}", *words])

    @property
    def verdict(self) -> str:
        """The finding in its whole words, such as `not clear among 4`; empty for the reference."""
        match self.finding:
            case Finding.REFERENCE:
                return ""
            case Finding.NOT_CLEAR:
                return f"{self.finding} among {self.num_compared}"
            case Finding.NO_VERDICT if self.diverged:
                return f"{self.finding}: diverged on {len(self.diverged)} of {plural(self.num_seeds, 'seed')}"
            case Finding.NO_VERDICT:
                times = plural(self.num_diverged_of_reference, "seed")
                return f"{self.finding}: {self.reference} diverged on {times}"
            case Finding.NO_DIFFERENCE:
                assert self.against is not None, "a verdict on common seeds has a difference"
                assert self.against.mean.interval is not None, "three seeds have an interval"
                assert self.against.least_shown is not None, "three seeds have an interval"
                low, high = interval_words(*self.against.mean.interval)
                _, least = interval_words(-self.against.least_shown, self.against.least_shown)
                return (
                    f"{self.finding}: between {low} and {high}; with {self.against.num} seeds less than {least} could "
                    "not have been shown"
                )
        return str(self.finding)


@dataclass(frozen=True)
class Judgement:
    """All configurations of a sweep in one metric, in the order of the job file."""

    metric: str
    is_maximized: bool
    reference: Configuration | None
    results: Sequence[ConfigurationResult] = field(default_factory=list)

    @cached_property
    def by_name(self) -> Mapping[str, ConfigurationResult]:
        """The results by the name of the configuration."""
        return {result.name: result for result in self.results}

    @property
    def num_compared(self) -> int:
        """How many configurations have enough seeds to be compared with the reference."""
        return max((result.num_compared for result in self.results), default=0)

    @cached_property
    def ranked(self) -> list[ConfigurationResult]:
        """The results by their means, the best first.

        After them come configurations of which fewer than three seeds are done, where they have more, then those of
        which a seed diverged, those without a result, and last those of which all seeds diverged.
        """
        return sorted(self.results, key=self._place)

    @property
    def best(self) -> ConfigurationResult | None:
        """The result with the best mean of those that can be best; None if there is none."""
        first = self.ranked[0] if self.ranked else None
        return first if first is not None and first.can_be_best else None

    def _place(self, result: ConfigurationResult) -> tuple[int, float, int]:
        if result.mean is None:
            return 4 if len(result.diverged) == result.num_seeds else 3, 0.0, result.configuration.index
        value = -result.mean.value if self.is_maximized else result.mean.value
        return 0 if result.can_be_best else 2 if result.diverged else 1, value, result.configuration.index


def configurations(experiments: Sequence[ExperimentState]) -> list[Configuration]:
    """Return the configurations of a sweep, in the order of the job file."""
    groups: dict[str, list[ExperimentState]] = {}
    for experiment in experiments:
        groups.setdefault(experiment.configuration, []).append(experiment)
    return [Configuration(name, index, tuple(group)) for index, (name, group) in enumerate(groups.items())]


def has_seeds(experiments: Sequence[ExperimentState]) -> bool:
    """Return whether any configuration of a sweep has more than one seed: then views have a row a configuration."""
    return len({experiment.configuration for experiment in experiments}) < len(experiments)


def judge(experiments: Sequence[ExperimentState], metric: str) -> Judgement:
    """Return what the seeds of each configuration gave in a metric, and what can be said beside the reference."""
    found = configurations(experiments)
    base = reference(experiments)
    is_maximized = any(
        experiment.curves[metric].is_maximized for experiment in experiments if metric in experiment.curves
    )
    results = [_result(configuration, metric, is_maximized=is_maximized) for configuration in found]
    if base is None:
        return Judgement(metric, is_maximized, None, results)
    of_base = next(result for result in results if result.name == base.configuration)
    results = [_beside(result, of_base) for result in results]
    tested = [result for result in results if _p(result) is not None]
    adjusted = holm([p for result in tested if (p := _p(result)) is not None])
    ps = {result.name: p for result, p in zip(tested, adjusted, strict=True)}
    judged = [_judged(result, ps.get(result.name), len(tested)) for result in results]
    return Judgement(metric, is_maximized, of_base.configuration, judged)


def _result(configuration: Configuration, metric: str, *, is_maximized: bool) -> ConfigurationResult:
    levels: dict[int, float] = {}
    diverged, missing = [], []
    for experiment in configuration.experiments:
        level = _level(experiment, metric)
        if level is not None:
            levels[experiment.seed] = level
        elif _has_diverged(experiment, metric):
            diverged.append(experiment)
        else:
            missing.append(experiment)
    done = [experiment for experiment in configuration.experiments if experiment.seed in levels]
    is_idle = len(set(levels.values())) == 1 < len(levels) and all(_has_same_curves(done[0], each) for each in done[1:])
    lost = tuple(diverged), tuple(missing)
    return ConfigurationResult(configuration, metric, is_maximized, levels, *lost, is_seed_idle=is_idle)


def _has_same_curves(own: ExperimentState, other: ExperimentState) -> bool:
    """Return whether two experiments gave the same values of every metric that is no time."""
    names = {name for name in (*own.curves, *other.curves) if not name.endswith("_s")}
    pairs = [(own.curves.get(name), other.curves.get(name)) for name in names]
    return all(mine and theirs and is_same_curve(mine, theirs) for mine, theirs in pairs)


def _level(experiment: ExperimentState, metric: str) -> float | None:
    """Return the level at the end of an experiment that is done; None if it is not done, or its end is not finite."""
    curve = experiment.curves.get(metric) if experiment.is_done else None
    return curve.end.level if curve is not None and curve.end is not None else None


def _has_diverged(experiment: ExperimentState, metric: str) -> bool:
    """Return whether an experiment diverged, or went on to its end without a finite value there."""
    if experiment.is_done:
        curve = experiment.curves.get(metric)
        return curve is not None and curve.broken_since is not None
    return experiment.outcome == EndingKind.DIVERGED


def _beside(result: ConfigurationResult, base: ConfigurationResult) -> ConfigurationResult:
    """Return a result with its difference to the reference on common seeds."""
    if result.name == base.name:
        return replace(result, reference=base.name)
    common = [seed for seed in result.levels if seed in base.levels]
    against = paired_difference([result.levels[seed] for seed in common], [base.levels[seed] for seed in common])
    is_copy = (
        against is not None
        and against.is_same
        and all(is_same_curve(_curve(result, seed), _curve(base, seed)) for seed in common)
    )
    lost = len(base.diverged)
    return replace(result, against=against, is_copy=is_copy, reference=base.name, num_diverged_of_reference=lost)


def _curve(result: ConfigurationResult, seed: int) -> Curve:
    experiments = result.configuration.experiments
    return next(experiment.curves[result.metric] for experiment in experiments if experiment.seed == seed)


def _p(result: ConfigurationResult) -> float | None:
    """Return the p-value of a comparison; None if there are too few common seeds, or the seeds change nothing."""
    against = result.against
    return against.p if against is not None and against.num >= LEAST_SEEDS and against.has_spread else None


def _judged(result: ConfigurationResult, adjusted_p: float | None, num_compared: int) -> ConfigurationResult:
    if result.name == result.reference:
        return replace(result, finding=Finding.REFERENCE)
    finding = _finding(result, adjusted_p)
    return replace(result, finding=finding, adjusted_p=adjusted_p, num_compared=num_compared)


def _finding(result: ConfigurationResult, adjusted_p: float | None) -> Finding:
    found = _shown(result, adjusted_p)
    if result.diverged and found is not Finding.WORSE:
        return Finding.NO_VERDICT
    if result.num_diverged_of_reference and (result.diverged or found is not Finding.BETTER):
        return Finding.NO_VERDICT
    return found


def _shown(result: ConfigurationResult, adjusted_p: float | None) -> Finding:
    """Return what the levels at the common seeds show."""
    against = result.against
    if against is None or against.num < LEAST_SEEDS:
        return Finding.TOO_FEW
    if against.is_same:
        return Finding.SAME if result.is_copy else Finding.EQUAL
    p = _p(result)
    if p is None or adjusted_p is None:
        return Finding.TOO_FEW  # every seed gave the same number: they are a single result
    if adjusted_p < LEVEL:
        is_better = against.mean.value > 0 if result.is_maximized else against.mean.value < 0
        return Finding.BETTER if is_better else Finding.WORSE
    return Finding.NOT_CLEAR if p < LEVEL else Finding.NO_DIFFERENCE
