"""What went wrong in a sweep, as its records tell: failures, and values that are not finite."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from launcher.alike import group_alike
from launcher.store.ending import EndingKind
from launcher.store.experiment_state import RUNNING, ExperimentState
from launcher.text import listed

_MOST_GROUPS = 12  # sentences about what failed


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


def caveat(experiment: ExperimentState, metric: str) -> str:
    """Return why the best value of an experiment is not that of a whole training, as `failed after step 12`.

    Empty if it is done and its newest value is finite.
    """
    if experiment.is_done:
        curve = experiment.curves.get(metric)
        return f"{curve.broken_value} from step {curve.broken_since} on" if curve and curve.broken_since else ""
    return f"{(experiment.outcome or experiment.state).replace('_', ' ')} after step {experiment.last_step}"


def non_finite(experiments: Sequence[ExperimentState], metric: str) -> list[str]:
    """Return in a sentence which experiments have values of a metric that are not finite; empty if none has."""
    found = [
        f"{experiment.name} ({curve.num_bad:,}, the first at step {curve.first_bad})"
        for experiment in experiments
        if (curve := experiment.curves.get(metric)) is not None and curve.num_bad
    ]
    heading = f"Values of {metric} that are not finite, which never count as best and are gaps in the curves:"
    return [f"{heading} {listed(found)}."] if found else []


def endings(experiments: Sequence[ExperimentState], metrics: Sequence[str]) -> list[str]:
    """Return in sentences what has not come to a finite end, and what took several attempts."""
    found = _unfinished(experiments)
    found += _each_or_all(
        [experiment for experiment in experiments if experiment.outcome == RUNNING],
        lambda experiment: f"{experiment.name} runs, now {_reached(experiment)}. It is not ranked yet.",
        "{count} experiments run, and are not ranked yet: {names}.",
    )
    found += _each_or_all(
        [experiment for experiment in experiments if not experiment.outcome],
        lambda experiment: f"{experiment.name} has not been started.",
        "{count} experiments have not been started: {names}.",
    )
    found += _each_or_all(
        [experiment for experiment in experiments if experiment.is_done and broken(experiment, metrics)],
        lambda each: f"{each.name} is done, but its {broken(each, metrics)}. It is not ranked in that.",
        "{count} experiments are done, but have no finite value at the end, and are not ranked in that: {names}.",
    )
    resumed = []
    for experiment in experiments:
        if experiment.attempt > 1:
            earlier = f": {'; '.join(experiment.earlier)}" if experiment.earlier else ""
            resumed.append(f"{experiment.name} ({experiment.attempt}{earlier})")
    return found + ([f"Took several attempts, which their times are the sum of: {listed(resumed)}."] if resumed else [])


def _unfinished(experiments: Sequence[ExperimentState]) -> list[str]:
    """Return in sentences what ended and is not done; equal reasons once, those of most experiments first."""
    ended = {
        experiment.name: experiment
        for experiment in experiments
        if experiment.outcome not in ("", RUNNING, EndingKind.DONE)
    }
    reasons = {name: f"{each.outcome}{f', {each.why}' if each.why else ''}" for name, each in ended.items()}
    groups = sorted(group_alike(reasons.items()), key=lambda group: -len(group.names))
    found = [_ended(group.reason, [ended[name] for name in group.names]) for group in groups[:_MOST_GROUPS]]
    if num_others := sum(len(group.names) for group in groups[_MOST_GROUPS:]):
        found.append(f"And {num_others} more ended without being done; the table has every one.")
    return found


def _ended(reason: str, experiments: Sequence[ExperimentState]) -> str:
    if len(experiments) == 1:
        return f"{experiments[0].name} ended {_reached(experiments[0])}: {reason}. It is not ranked."
    steps = [experiment.last_step for experiment in experiments]
    at = f"after step {steps[0]}" if min(steps) == max(steps) else f"after steps {min(steps)} to {max(steps)}"
    names = listed([experiment.name for experiment in experiments])
    return f"{len(experiments)} ended {at}: {reason}. They are not ranked: {names}."


def _each_or_all(
    experiments: Sequence[ExperimentState], describe: Callable[[ExperimentState], str], together: str
) -> list[str]:
    """Return a sentence for each experiment, or one sentence for all if there are more than two."""
    if len(experiments) <= 2:
        return [describe(experiment) for experiment in experiments]
    names = listed([experiment.name for experiment in experiments])
    return [together.format(count=len(experiments), names=names)]


def _reached(experiment: ExperimentState) -> str:
    of_total = f" of {experiment.total}" if experiment.total else ""
    return f"after step {experiment.last_step}{of_total}" if experiment.num_steps else "before its first step"
