"""The results of seeds in words, for tables and sentences: `5.306 ± 0.043`, `-0.092 [-0.131, -0.053]`."""

from __future__ import annotations

from launcher.reports.analysis.configurations import ConfigurationResult
from launcher.reports.analysis.significance import Mean
from launcher.text import interval_words, number, rounded, with_interval, with_spread

NONE = "-"


def mean_text(mean: Mean | None) -> str:
    """Return a mean and the standard deviation of its values: `5.306 ± 0.043`; a dash if there is none."""
    if mean is None:
        return NONE
    return number(mean.value) if mean.sd is None else with_spread(mean.value, mean.sd)


def mean_over_seeds(result: ConfigurationResult) -> str:
    """Return the mean of a configuration and of how many seeds: `5.306 ± 0.043 over 4 of 5 seeds`."""
    assert result.mean is not None, "a configuration with a result has a mean"
    num = f"{result.num_done} of {result.num_seeds}" if result.mark else str(result.num_seeds)
    over = "on" if result.num_done == 1 else "over"
    return f"{mean_text(result.mean)} {over} {num} {'seed' if result.num_seeds == 1 else 'seeds'}"


def interval_text(mean: Mean | None) -> str:
    """Return the 95 % interval of a mean: `[5.253, 5.359]`; a dash if there is none."""
    if mean is None or mean.interval is None:
        return NONE
    low, high = interval_words(*mean.interval)
    return f"[{low}, {high}]"


def difference_text(mean: Mean | None) -> str:
    """Return a mean difference with its 95 % interval: `-0.092 [-0.131, -0.053]`; a dash if there is none."""
    if mean is None:
        return NONE
    return with_interval(mean.value, *mean.interval) if mean.margin and mean.interval else rounded(mean.value)


def p_text(p: float) -> str:
    """Return a p-value after its letter: `= 0.0027`, `< 0.001`."""
    return "< 0.001" if p < 0.001 else f"= {p:.2g}"
