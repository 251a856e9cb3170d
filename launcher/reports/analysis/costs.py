"""What experiments cost: in relation to the reference, and where times or ends alone say too little."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from launcher.reports.analysis.configurations import configurations
from launcher.store.experiment_state import ExperimentState
from launcher.text import duration

_QUANTITIES: dict[str, Callable[[ExperimentState], float | None]] = {
    "time": lambda experiment: experiment.seconds,
    "steps": lambda experiment: float(experiment.num_steps),
    "tokens": lambda experiment: experiment.num_tokens,
    "parameters": lambda experiment: _fact(experiment, "parameters"),
    "memory": lambda experiment: experiment.peak_memory_bytes,
    "GPU memory": lambda experiment: experiment.peak_gpu_memory_bytes,
}


def cost(own: Sequence[ExperimentState], base: Sequence[ExperimentState]) -> str:
    """Return what an experiment needed in relation to the reference, in words.

    Both may be several experiments that differ in the seed: then the means of those that are done are compared.
    """
    pairs = [(quantity, _mean(own, value), _mean(base, value)) for quantity, value in _QUANTITIES.items()]
    changes = [(quantity, mine / theirs - 1) for quantity, mine, theirs in pairs if mine and theirs]
    changed = [f"{change:+.0%} {quantity}" for quantity, change in changes if abs(change) >= 0.005]
    same = [quantity for quantity, change in changes if abs(change) < 0.005]
    and_same = f"the same {' and '.join(filter(None, [', '.join(same[:-1]), same[-1]]))}" if same else ""
    return ", ".join(filter(None, [*changed, and_same])) or "not recorded"


def mean_seconds(experiments: Sequence[ExperimentState]) -> float | None:
    """Return the mean time of the experiments that are done; None if none is."""
    return _mean(experiments, lambda experiment: experiment.seconds)


def _mean(experiments: Sequence[ExperimentState], value: Callable[[ExperimentState], float | None]) -> float | None:
    """Return the mean of those experiments that are done and have a value."""
    known = [found for experiment in experiments if experiment.is_done and (found := value(experiment)) is not None]
    return math.fsum(known) / len(known) if known else None


def _fact(experiment: ExperimentState, name: str) -> float | None:
    value = experiment.facts.get(name)
    return float(value) if isinstance(value, int | float) and abs(value) < 1e300 else None


def costs(experiments: Sequence[ExperimentState]) -> list[str]:
    """Return whether the experiments differ in time, device or tokens, so that their ends alone say too little."""
    found = []
    done = [experiment for experiment in experiments if experiment.is_done]
    groups = configurations(done)
    times = [(seconds, each.name) for each in groups if (seconds := mean_seconds(each.experiments))]
    if len(times) > 1:
        (least_s, quickest), (most_s, slowest) = min(times), max(times)
        which = " of a seed" if len(groups) < len(done) else ""
        found.append(f"Time{which}: from {duration(least_s)} ({quickest}) to {duration(most_s)} ({slowest}).")
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
