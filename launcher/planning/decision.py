"""What a launch does with one experiment, and why: the rules, without files.

keep    it is done, or it diverged: training it again would give the same numbers
run     it has not run yet
resume  it has not ended by itself, and a checkpoint of this configuration is there
redo    it is trained from its beginning though it has run: it has changed, it has no checkpoint, or --fresh
follow  an attempt of it waits or runs on a cluster already
leave   it was not selected: nothing of it is touched
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from launcher.config.identity import describe_change, is_changed
from launcher.planning.batch_halving import state_digest
from launcher.planning.estimate import DurationEstimate
from launcher.planning.evidence import Evidence
from launcher.planning.experiment import Experiment
from launcher.text import plural


class PlannedAction(StrEnum):
    """What a launch does with an experiment. The text of a member is what screens and JSON show."""

    KEEP = "keep"
    RUN = "run"
    RESUME = "resume"
    REDO = "redo"
    FOLLOW = "follow"
    LEAVE = "leave"

    @property
    def is_training(self) -> bool:
        """The launch trains the experiment: it starts or follows at least one attempt."""
        return self not in (PlannedAction.KEEP, PlannedAction.LEAVE)

    @property
    def is_from_beginning(self) -> bool:
        """The launch trains the experiment from its first step."""
        return self in (PlannedAction.RUN, PlannedAction.REDO)


@dataclass(frozen=True)
class RepeatedTraining:
    """Training that a launch repeats: an experiment begins anew though steps of it are recorded.

    Its fields are keys of `plan --json`.
    """

    steps: int
    seconds: float
    is_finished: bool
    is_set_aside: bool  # what the experiment left is moved aside; otherwise new records are appended to the old ones
    digest: str  # of the configuration that was trained


@dataclass(frozen=True)
class Decision:
    """What a launch does with an experiment, and why."""

    experiment: Experiment
    action: PlannedAction
    why: str
    attempt: int  # the number of the next attempt; of the newest attempt if none follows
    changes: dict[str, int] = field(default_factory=dict)  # keys of the configuration that `on_oom` has replaced
    duration: DurationEstimate = field(default_factory=DurationEstimate)  # of the whole experiment
    repeats: RepeatedTraining | None = None
    evidence: Evidence = field(default_factory=Evidence)
    is_told: bool = False  # an earlier launch has started this attempt and written that into the events

    @property
    def is_resumed(self) -> bool:
        """The next attempt goes on from a checkpoint."""
        return self.action in (PlannedAction.RESUME, PlannedAction.FOLLOW)

    @property
    def again(self) -> str:
        """What a further attempt of a launch is, in words."""
        return "goes on" if self.action is PlannedAction.FOLLOW else "tried again"

    @property
    def config(self) -> dict[str, Any]:
        """The configuration of the next attempt, all its fields with their values."""
        return self.experiment.config | self.changes

    @property
    def given(self) -> dict[str, Any]:
        """The arguments from which the next attempt makes its configuration."""
        return self.experiment.given | self.changes

    @property
    def state_digest(self) -> str:
        """The identity of the checkpoints that the next attempt reads and writes."""
        return state_digest(self.experiment.digest, self.changes)

    def after_attempt(self, changes: dict[str, int]) -> Decision:
        """Return the decision for one more attempt in the same launch: it resumes, and `changes` are in its config."""
        return replace(self, action=PlannedAction.RESUME, attempt=self.attempt + 1, changes=changes, is_told=False)

    @property
    def is_followed(self) -> bool:
        """The attempt waits or runs on a cluster already."""
        return self.action is PlannedAction.FOLLOW

    def numbered(self, attempt: int) -> Decision:
        """Return the decision to follow an attempt that a cluster has begun by itself, unless it is older than this."""
        if attempt < self.attempt:
            return self
        is_told = self.is_told and attempt == self.attempt
        return replace(self, action=PlannedAction.FOLLOW, attempt=attempt, is_told=is_told)


def decide_experiment(experiment: Experiment, evidence: Evidence, *, fresh: bool, is_selected: bool = True) -> Decision:
    """Decide what a launch does with an experiment. With `fresh` everything is trained from its beginning. Pure."""
    action, why = _choose(experiment, evidence, fresh)
    if not is_selected:
        action, why = PlannedAction.LEAVE, f"not selected; {_standing(evidence)}"
    # A number is never used twice: an event of an earlier attempt must not be taken for an event of a later attempt.
    is_whole = action not in (PlannedAction.RESUME, PlannedAction.FOLLOW)
    duration = evidence.duration
    is_followed = action is PlannedAction.FOLLOW
    next_attempt = max(evidence.attempt, evidence.highest_attempt) + action.is_training
    return Decision(
        experiment,
        action,
        why,
        attempt=evidence.open_attempt if is_followed else next_attempt,
        changes=evidence.changes if not action.is_from_beginning and action is not PlannedAction.LEAVE else {},
        duration=replace(duration, share_done=0.0) if is_whole and duration.share_done else duration,
        repeats=_repeats(experiment, evidence, fresh) if action.is_from_beginning and evidence.attempt else None,
        evidence=evidence,
        is_told=is_followed and evidence.is_told,
    )


def _choose(experiment: Experiment, evidence: Evidence, fresh: bool) -> tuple[PlannedAction, str]:
    ending = evidence.ending
    if evidence.obstacle:
        return PlannedAction.RUN, f"will fail: {evidence.obstacle}. Move that away"
    if evidence.open_attempt:
        return PlannedAction.FOLLOW, _standing(evidence)
    if ending is None:
        return PlannedAction.RUN, "new"
    steps = plural(evidence.num_steps, "step")
    if fresh:
        return PlannedAction.REDO, "--fresh starts over"
    if evidence.digest != experiment.digest:
        return PlannedAction.REDO, _difference(experiment, evidence)
    if evidence.is_kept:
        return PlannedAction.KEEP, f"{ending}, {steps}{_changed_code(experiment, evidence)}"
    if evidence.has_checkpoint:
        return PlannedAction.RESUME, f"{ending} after {steps}; goes on from its checkpoint"
    return PlannedAction.REDO, f"{ending} after {steps}, and there is no checkpoint"


def _standing(evidence: Evidence) -> str:
    if evidence.open_attempt:
        does = "runs" if evidence.is_claimed else "waits"
        return f"attempt {evidence.open_attempt} {does} on a cluster already"
    return evidence.ending or "has not run"


def _changed_code(experiment: Experiment, evidence: Evidence) -> str:
    """Say that the script has changed since an experiment was trained: that alone is no reason to train it again."""
    is_changed_since = experiment.code and evidence.code and experiment.code != evidence.code
    return " (the script has changed since; --fresh trains it again)" if is_changed_since else ""


def _repeats(experiment: Experiment, evidence: Evidence, fresh: bool) -> RepeatedTraining:
    return RepeatedTraining(
        steps=evidence.num_steps,
        seconds=evidence.seconds,
        is_finished=evidence.is_kept,
        is_set_aside=fresh or evidence.digest != experiment.digest,
        digest=evidence.digest,
    )


def _difference(experiment: Experiment, evidence: Evidence) -> str:
    """Return what has changed since the experiment was trained, as far as `sweep.json` tells it."""
    planned, content = evidence.planned, experiment.content
    if planned is None or content is None or not is_changed(content, planned.before):
        return "its configuration changed"
    return describe_change(content, planned.before)
