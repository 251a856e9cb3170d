"""What must be told of experiments beside their numbers: failures, values that are not finite, earlier attempts.

    17 failed alike: ValueError: bad value (train.py:12), after step 3
      a, b, c and 14 more. Log of the first: logs/a.log
    wide done: loss is nan from step 2 on

What is alike is told once.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from launcher.alike import group_alike
from launcher.planning.batch_halving import describe_changes
from launcher.reports.analysis import broken, has_seeds, judge
from launcher.store.ending import EndingKind
from launcher.store.experiment_state import ExperimentState
from launcher.text import inline, listed

MOST_NAMES = 3  # of experiments that are told of together
LONGEST = 500  # characters of a reason


@dataclass(frozen=True)
class Remark:
    """What is told of an experiment, or of several of which the same is to be told."""

    state: str  # how the experiments stand, as `failed`
    reason: str
    names: Sequence[str]

    @property
    def is_failure(self) -> bool:
        """The experiments have failed or diverged."""
        kind = EndingKind.from_text(self.state)
        return kind is not None and kind.is_failure

    def text(self, log: Callable[[str], Path] | None = None) -> str:
        """Return the remark in a line, or in two where it is of several experiments.

        `log`: returns the path of an experiment's log, to name it of a failure.
        """
        state, reason = inline(self.state.replace("_", " ")), inline(self.reason, LONGEST)
        first = self.names[0]
        text, where = f"{first} {state}: {reason}", "Its log"
        if len(self.names) > 1:
            text = f"{len(self.names)} {state} alike: {reason}\n  {listed(self.names, MOST_NAMES)}"
            where = "Log of the first"
        return f"{text}. {where}: {log(first)}" if log is not None and self.is_failure else text


def remarks(experiments: Sequence[ExperimentState], metrics: Sequence[str]) -> list[Remark]:
    """Return what must be told, failures first; of experiments of which nothing must be told there is no remark."""
    found = [(experiment, _reason(experiment, metrics)) for experiment in experiments]
    of_experiments = grouped(
        [(experiment.name, experiment.outcome or experiment.state, reason) for experiment, reason in found if reason]
    )
    return [*of_experiments, *_of_seeds(experiments, metrics)]


def _of_seeds(experiments: Sequence[ExperimentState], metrics: Sequence[str]) -> list[Remark]:
    """Return which configurations do not use their seed."""
    if not metrics or not has_seeds(experiments):
        return []
    names = [result.name for result in judge(experiments, metrics[0]).results if result.is_seed_idle]
    same = f"exactly the same {metrics[0]} at each step"
    reason = f"all seeds gave {same}, so the training does not use its seed (run.seed)"
    return [Remark(str(EndingKind.DONE), reason, names)] if names else []


def grouped(reasons: Sequence[tuple[str, str, str]]) -> list[Remark]:
    """Return remarks, failures first, made of (name, state, reason)."""
    states = {name: state for name, state, _ in reasons}
    groups = group_alike((name, f"{state} {reason}") for name, state, reason in reasons)
    texts = {name: reason for name, _, reason in reasons}
    made = [Remark(states[group.names[0]], texts[group.names[0]], group.names) for group in groups]
    return sorted(made, key=lambda remark: not remark.is_failure)


def _reason(experiment: ExperimentState, metrics: Sequence[str]) -> str:
    smaller = describe_changes(experiment.changed) if experiment.changed else ""
    parts = [
        f"trained with {smaller} for want of memory" if smaller else "",
        experiment.why or broken(experiment, metrics),
        *experiment.earlier,
    ]
    return "; ".join(filter(None, parts))
