"""Statistics of seeds: how often intervals and verdicts are right, by simulation, and how long they take.

    python bench/seeds.py

Coverage: how often a nominal 95 % interval of n values contains the mean that they were drawn with. Skewed values are
log-normal with sigma 1. False alarms: sweeps of configurations that are all equal to the reference, in which some is
called different. What n seeds show: the difference, in standard deviations between seeds, that is found in 80 % of
sweeps of two configurations. Decision 0030 draws its conclusions from these rows.
"""

from __future__ import annotations

import math
import random
import time
from collections.abc import Callable, Sequence

import numpy as np
from rows import Row, markdown

from launcher.reports.analysis import Finding, judge
from launcher.reports.analysis.significance import CONFIDENCE, LEVEL, mean_of
from launcher.reports.analysis.student_t import quantile
from launcher.store.curve import Curve
from launcher.store.ending import EndingKind
from launcher.store.experiment_state import ExperimentState

NUM_SEEDS = (3, 5, 10)
NUM_SAMPLES = 10_000
NUM_SWEEPS = 2_000
NUM_RESAMPLES = 2_000  # of a bootstrap
LEVELS = {"normal": (lambda chance: chance.gauss(0, 1), 0.0),
          "skewed": (lambda chance: chance.lognormvariate(0, 1), math.exp(0.5))}  # fmt: skip


def coverage(num: int, draw: Callable[[random.Random], float], true_mean: float) -> float:
    """Return how often the interval of `num` values contains the mean of their distribution."""
    chance, num_within = random.Random(num), 0
    for _ in range(NUM_SAMPLES):
        mean = mean_of([draw(chance) for _ in range(num)])
        assert mean is not None and mean.interval is not None, "finite values have an interval"  # noqa: PT018
        num_within += mean.interval[0] <= true_mean <= mean.interval[1]
    return num_within / NUM_SAMPLES


def coverage_of_bootstrap(num: int, draw: Callable[[random.Random], float], true_mean: float) -> float:
    """Return how often the 95 % interval of the percentile bootstrap contains the mean."""
    chance, dice, num_within, num_samples = random.Random(num), np.random.default_rng(num), 0, NUM_SAMPLES // 5
    for _ in range(num_samples):
        values = np.array([draw(chance) for _ in range(num)])
        means = values[dice.integers(0, num, (NUM_RESAMPLES, num))].mean(axis=1)
        low, high = np.quantile(means, (0.025, 0.975))
        num_within += bool(low <= true_mean <= high)
    return num_within / num_samples


def sweep(num_configurations: int, num_seeds: int, num_steps: int, chance: random.Random) -> list[ExperimentState]:
    """Return the experiments of configurations that are equal. Half of the variance is shared by those of a seed."""
    shared = [chance.gauss(0, math.sqrt(0.5)) for _ in range(num_seeds)]
    steps, experiments = range(1, num_steps + 1), []
    for number in range(num_configurations):
        for seed in range(num_seeds):
            level = shared[seed] + chance.gauss(0, math.sqrt(0.5))
            experiments.append(
                ExperimentState(
                    name=f"lr={number}+s{seed}", group=f"lr={number}", seed=seed, index=len(experiments),
                    state=EndingKind.DONE, ending=EndingKind.DONE, curves={"loss": Curve(steps, [level] * num_steps)},
                )
            )  # fmt: skip
    return experiments


def false_alarms(num_configurations: int, num_seeds: int) -> tuple[float, float]:
    """Return in how many sweeps of equal configurations one is called different: before and after Holm's method."""
    chance, before, after = random.Random(num_configurations), 0, 0
    for _ in range(NUM_SWEEPS):
        results = judge(sweep(num_configurations + 1, num_seeds, 1, chance), "loss").results
        ps = [result.against.p for result in results if result.against is not None and result.against.p is not None]
        before += min(ps) < LEVEL
        after += any(result.finding in (Finding.BETTER, Finding.WORSE) for result in results)
    return before / NUM_SWEEPS, after / NUM_SWEEPS


def shown(num: int, correlation: float) -> float:
    """Return the difference, in standard deviations between seeds, that `num` common seeds show in 80 % of sweeps."""
    dice = np.random.default_rng(num)
    differences = dice.normal(0, math.sqrt(2 * (1 - correlation)), (NUM_SAMPLES, num))
    margins = quantile(CONFIDENCE, num - 1) * differences.std(axis=1, ddof=1) / math.sqrt(num)

    def _power(size: float) -> float:
        return float((np.abs(differences.mean(axis=1) + size) > margins).mean())

    low, high = 0.0, 8.0
    while high - low > 0.001:
        middle = (low + high) / 2
        low, high = (low, middle) if _power(middle) > 0.8 else (middle, high)
    return (low + high) / 2


def seconds(num_configurations: int, num_seeds: int, num_steps: int = 300) -> float:
    """Return the CPU time that all statistics of a sweep take, the levels of its curves included."""
    times = []
    for _ in range(5):
        experiments = sweep(num_configurations, num_seeds, num_steps, random.Random(0))
        began_s = time.process_time()
        judgement = judge(experiments, "loss")
        found = [(result.verdict, result.mean and result.mean.interval) for result in judgement.ranked]
        times.append(time.process_time() - began_s)
        assert len(found) == num_configurations, "each configuration has a verdict"
    return min(times)


def measure() -> list[Row]:
    """Return the rows."""
    rows = []
    for name, (draw, true_mean) in LEVELS.items():
        ours = [coverage(num, draw, true_mean) for num in NUM_SEEDS]
        other = [coverage_of_bootstrap(num, draw, true_mean) for num in NUM_SEEDS]
        is_met = all(0.93 <= share <= 0.97 for share in ours) if name == "normal" else None
        rows.append(Row("17", f"coverage of 95 %, {name} values, n = 3, 5, 10", _shares(ours),
                        f"percentile bootstrap: {_shares(other)}", "", "0.93 to 0.97" if is_met is not None else "",
                        is_met))  # fmt: skip
    for num in (10, 20):
        before, after = false_alarms(num, 5)
        rows.append(Row("17", f"false alarms of {num} equal configurations, 5 seeds", f"{after:.1%} of sweeps",
                        f"without Holm: {before:.0%}", "", "< 6 %", after < 0.06))  # fmt: skip
    for correlation in (0.0, 0.5, 0.9):
        sizes = ", ".join(f"{shown(num, correlation):.1f}" for num in NUM_SEEDS)
        rows.append(Row("17", f"shown at power 0.8, n = 3, 5, 10, correlation {correlation}", f"{sizes} sd", "", "",
                        "", None))  # fmt: skip
    took_s, tenth_s = seconds(200, 10), seconds(20, 10)
    rows.append(Row("17", "statistics of 200 configurations, 10 seeds, 300 steps", f"{took_s:.3f} s of CPU",
                    f"20 configurations: {tenth_s:.3f} s", f"{took_s / tenth_s / 10:.2f} per configuration",
                    "≤ 0.2 s", took_s <= 0.2))  # fmt: skip
    return rows


def _shares(shares: Sequence[float]) -> str:
    return ", ".join(f"{share:.3f}" for share in shares)


if __name__ == "__main__":
    print(markdown(measure()))
