"""A plan in words, for `run`, `plan` and their JSON: the decisions, what to know before a start, what is repeated."""

from __future__ import annotations

from collections.abc import Iterator

from launcher.alike import group_alike
from launcher.config import redact
from launcher.config.nested import decides, dotted, leaves
from launcher.planning.decision import Decision, PlannedAction, RepeatedTraining
from launcher.planning.grid_text import grid_size, new_axis_hint
from launcher.planning.plan import Plan
from launcher.planning.unchecked_keys import SHARED_FOLDER
from launcher.store.score_names import is_score
from launcher.text import did_you_mean, duration, inline, listed, plural

MOST_LINES = 24  # experiments of a sweep in which each has a line
MOST_OWN = 12  # experiments that a notice names
MOST_NAMES = 3  # of experiments that share a line


def describe(plan: Plan) -> str:
    """Return a line about the sweep, then a line for each experiment: its action, its name and why.

    Of a large sweep, experiments with the same action for the same reason are one line.
    """
    decisions = plan.decisions
    width = max(len(decision.experiment.name) for decision in decisions)
    size = f" ({size})" if (size := grid_size(plan.sweep)) else ""
    lines = [f"sweep {plan.sweep.name} of {plan.sweep.job_file}, {len(plan.to_run)} of {len(decisions)} to run{size}:"]
    if len(decisions) <= MOST_LINES:
        lines += [
            f"  {decision.action:<6} {decision.experiment.name:<{width}}  {decision.why}" for decision in decisions
        ]
        return "\n".join(lines)
    return "\n".join([*lines, *grouped(plan)])


def grouped(plan: Plan) -> list[str]:
    """Return a line for the experiments with the same action for the same reason: how many, some names, and why."""
    by_name = {decision.experiment.name: decision for decision in plan.decisions}
    lines = []
    for group in group_alike((name, f"{decision.action} {decision.why}") for name, decision in by_name.items()):
        first = by_name[group.names[0]]
        is_same = all(by_name[name].why == first.why for name in group.names)
        why = first.why if is_same else f"{first.why}, and the like"
        lines.append(f"  {first.action:<6} {listed(group.names, MOST_NAMES)}  {why}")
    return lines


def notices(plan: Plan, *, is_parallel: bool = False) -> list[str]:
    """Return what a person should know before the start. `is_parallel`: experiments run side by side.

    Where the sweep is and was; which entry of `maximize` looks like a slip; which experiments `-S` does not reach,
    because they set the key themselves; which values are secret; which experiments have the same configuration, and
    which the same files with metrics.
    """
    lines = [*plan.folder_notices, *new_axis_hint(plan), *_maximized_by_mistake(plan)]
    notes = dict.fromkeys(note for decision in plan.decisions for note in decision.experiment.notes)
    lines += [note for note in notes if is_parallel or SHARED_FOLDER not in note]
    for path, value in leaves(redact.table(plan.sweep.cli_overrides)):
        if own := [name for name, overrides in plan.sweep.experiments.items() if decides(overrides, path)]:
            set_it = "sets it itself" if len(own) == 1 else "set it themselves"
            lines.append(f"-S {inline(f'{dotted(path)}={value}')} is not for {listed(own, MOST_OWN)}: {set_it}.")
    secret = dict.fromkeys(key for decision in plan.decisions for key in redact.keys(decision.experiment.config))
    if secret:
        lines.append(f"values of {inline(', '.join(secret), 500)} are written nowhere: {redact.HIDDEN}.")
    lines += _same_configurations(plan)
    if is_parallel and plan.sweep.settings.events:
        from launcher.planning.shared_events import shared_events  # not at the top: few jobs have events

        lines += shared_events(plan)
    return lines


def _maximized_by_mistake(plan: Plan) -> Iterator[str]:
    """Name each entry of `maximize` that is no metric, but nearly one that is a score by its name, and not in it.

    An entry that is itself a score by its name, such as `val_acc` beside `train_acc`, is maximized where it is drawn.
    """
    settings = plan.sweep.settings
    minimized = [metric for metric in settings.metrics if metric not in settings.maximize and is_score(metric)]
    for name in settings.maximize:
        if name not in settings.metrics and not is_score(name) and (hint := did_you_mean(name, minimized)):
            where = plan.sweep.source_lines.where("sweep", "maximize")
            yield f"{where}maximize names {inline(name)}, which is not in metrics.{hint}"


def _same_configurations(plan: Plan) -> list[str]:
    """Name the experiments that are the same training several times, where at least one of them is to run."""
    groups: dict[str, list[Decision]] = {}
    for decision in plan.decisions:
        content = decision.experiment.content
        if content is not None and decision.action is not PlannedAction.LEAVE:
            groups.setdefault(content.digest, []).append(decision)
    return [
        f"{', '.join(decision.experiment.name for decision in group)} have the same configuration: the same numbers "
        f"{len(group)} times."
        for group in groups.values()
        if len(group) > 1 and any(decision.action.is_training for decision in group)
    ]


def repeated_training(plan: Plan) -> list[str]:
    """Return how much training the launch repeats, and what happens to the old results: at most three lines."""
    repeats = [decision.repeats for decision in plan.to_run if decision.repeats is not None and decision.repeats.steps]
    lines = []
    for is_finished, is_set_aside in ((True, True), (False, True), (False, False)):
        group = [
            repeat for repeat in repeats if (repeat.is_finished, repeat.is_set_aside) == (is_finished, is_set_aside)
        ]
        if group:
            lines.append(_repetition(group, str(plan.paths.earliest)))
    return lines


def _repetition(group: list[RepeatedTraining], aside: str) -> str:
    """Return the line about experiments that are all finished or all unfinished, and all set aside or all not."""
    are_many, steps = len(group) > 1, sum(repeat.steps for repeat in group)
    seconds = sum(repeat.seconds for repeat in group)
    if group[0].is_finished:
        what, happens = "finished experiment", ("are" if are_many else "is") + " trained again"
    else:
        what, happens = "unfinished experiment", f"begin{'' if are_many else 's'} anew"
    kept = f"what {'they' if are_many else 'it'} left is kept in {aside}"
    return (
        f"{plural(len(group), what)} {happens}: {steps:,} step{'' if steps == 1 else 's'}, {duration(seconds)} of "
        f"training are repeated; {kept if group[0].is_set_aside else 'there is no checkpoint to go on from'}."
    )
