"""What a launch does with an experiment: what is kept, run, resumed, redone or left, and why. No files."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import pytest

from launcher.config.identity import Content
from launcher.planning.decision import Decision, PlannedAction, RepeatedTraining, decide_experiment
from launcher.planning.estimate import DurationEstimate
from launcher.planning.evidence import Evidence
from launcher.planning.experiment import Experiment
from launcher.store.ending import EndingKind
from launcher.store.manifest import ManifestExperiment

HERE = Experiment("a", 0, {}, {"lr": 0.2}, "now", given={"lr": 0.2})
DONE = Evidence(attempt=1, ending=EndingKind.DONE, digest="now", num_steps=100, seconds=60.0)
DIVERGED = replace(DONE, ending=EndingKind.DIVERGED, num_steps=1)
INTERRUPTED = replace(DONE, ending=EndingKind.INTERRUPTED, num_steps=40)
FAILED = replace(INTERRUPTED, ending=EndingKind.FAILED)
OF_OTHER = replace(DONE, digest="before")
UNREADABLE = replace(DONE, obstacle="records/a.jsonl cannot be read: Permission denied")
AT_40 = {"has_checkpoint": True}


@dataclass(frozen=True)
class Case:
    name: str
    evidence: Evidence
    action: str
    why: str
    attempt: int
    fresh: bool = False
    is_selected: bool = True
    repeats: tuple[int, bool] | None = field(default=None)  # steps, and whether the old records are moved aside


CASES = [
    Case("nothing is there", Evidence(), "run", "new", 1),
    Case("it is done", DONE, "keep", "done, 100 steps", 1),
    Case("it has diverged", DIVERGED, "keep", "diverged, 1 step", 1),
    Case("it is done, and all is to be fresh", DONE, "redo", "--fresh starts over", 2, fresh=True, repeats=(100, True)),
    Case("its configuration is another", OF_OTHER, "redo", "its configuration changed", 2, repeats=(100, True)),
    Case(
        "it was interrupted with a checkpoint",
        replace(INTERRUPTED, **AT_40),
        "resume",
        "interrupted after 40 steps; goes on from its checkpoint",
        2,
    ),
    Case(
        "it failed with a checkpoint",
        replace(FAILED, **AT_40),
        "resume",
        "failed after 40 steps; goes on from its checkpoint",
        2,
    ),
    Case(
        "it failed without a checkpoint: its records are appended to",
        FAILED,
        "redo",
        "failed after 40 steps, and there is no checkpoint",
        2,
        repeats=(40, False),
    ),
    Case(
        "a checkpoint does not help a fresh start",
        replace(FAILED, **AT_40),
        "redo",
        "--fresh starts over",
        2,
        fresh=True,
        repeats=(40, True),
    ),
    Case(
        "its records cannot be read",
        UNREADABLE,
        "run",
        "will fail: records/a.jsonl cannot be read: Permission denied. Move that away",
        2,
        repeats=(100, False),
    ),
    Case("it was not selected and is done", DONE, "leave", "not selected; done", 1, is_selected=False),
    Case("it was not selected and is new", Evidence(), "leave", "not selected; has not run", 0, is_selected=False),
    Case("it was not selected, but fresh", OF_OTHER, "leave", "not selected; done", 1, fresh=True, is_selected=False),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_action_follows_from_what_is_there(case: Case) -> None:
    decision = decide_experiment(HERE, case.evidence, fresh=case.fresh, is_selected=case.is_selected)
    assert (decision.action, decision.why, decision.attempt) == (case.action, case.why, case.attempt)
    repeats = decision.repeats
    assert (repeats and (repeats.steps, repeats.is_set_aside)) == case.repeats


def test_only_run_resume_and_redo_train() -> None:
    assert [action for action in PlannedAction if action.is_training] == ["run", "resume", "redo", "follow"]
    assert [action for action in PlannedAction if action.is_from_beginning] == ["run", "redo"]


def test_a_change_is_named_where_the_manifest_knows_the_earlier_configuration() -> None:
    experiment = replace(HERE, content=Content("train:run", {"lr": 0.2}, 0))
    planned = ManifestExperiment("a", {}, {"lr": 0.1}, "before")
    decision = decide_experiment(experiment, replace(OF_OTHER, planned=planned), fresh=False)
    assert (decision.action, decision.why) == ("redo", "changed: lr 0.1 → 0.2")


def test_the_number_of_an_attempt_is_never_used_again_though_its_records_are_gone() -> None:
    lost = Evidence(highest_attempt=7)
    assert decide_experiment(HERE, lost, fresh=False).attempt == 8


def halved(evidence: Evidence) -> Evidence:
    return replace(evidence, changes={"batch_size": 8, "accumulation": 2})


@pytest.mark.parametrize("evidence", [DONE, replace(FAILED, **AT_40)])
def test_a_halved_batch_stays_halved_where_the_training_is_kept_or_goes_on(evidence: Evidence) -> None:
    decision = decide_experiment(HERE, halved(evidence), fresh=False)
    assert decision.config == {"lr": 0.2, "batch_size": 8, "accumulation": 2}
    assert decision.given == decision.config
    assert decision.state_digest != HERE.digest, "checkpoints of the whole batch are not read"


@pytest.mark.parametrize("fresh", [True, False])
def test_an_experiment_that_begins_anew_has_the_batch_that_was_asked_for(fresh: bool) -> None:
    decision = decide_experiment(HERE, halved(FAILED), fresh=fresh)
    assert (decision.config, decision.state_digest) == (HERE.config, HERE.digest)


def test_only_a_resumed_experiment_does_not_do_its_share_again() -> None:
    duration = DurationEstimate(work=1.0, seconds=60.0, share_done=0.4)
    resumed = decide_experiment(HERE, replace(FAILED, duration=duration, **AT_40), fresh=False)
    redone = decide_experiment(HERE, replace(FAILED, duration=duration), fresh=False)
    assert (resumed.duration.share_done, redone.duration.share_done) == (0.4, 0.0)
    again = redone.after_attempt({})
    assert again.duration.share_done == 0.0, "the attempt before has told nothing yet"


def test_one_more_attempt_of_a_launch_resumes_with_the_changes_of_the_attempt_before() -> None:
    decision = Decision(HERE, PlannedAction.RUN, "new", 1)
    again = decision.after_attempt({"batch_size": 4})
    assert (again.is_resumed, again.attempt, again.config["batch_size"]) == (True, 2, 4)
    assert not decision.is_resumed


def test_what_is_repeated_tells_the_cost() -> None:
    repeats = decide_experiment(HERE, OF_OTHER, fresh=False).repeats
    assert repeats == RepeatedTraining(100, 60.0, is_finished=True, is_set_aside=True, digest="before")
