"""What experiments cost: in relation to the reference, and where times or ends alone say too little."""

from __future__ import annotations

from collections.abc import Sequence

from launcher.store.experiment_state import ExperimentState
from launcher.text import duration


def cost(experiment: ExperimentState, base: ExperimentState) -> str:
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


def costs(experiments: Sequence[ExperimentState]) -> list[str]:
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
