"""How one experiment stands, folded from its manifest entry, its records, its events and who is at work."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

from launcher.store.ending import EndingKind
from launcher.store.events import Ended, LoggedEvent, MovedAside, Requeued, Started, Withdrawn
from launcher.store.experiment_state import (
    NOT_STARTED,
    RUNNING,
    WAITING,
    WITHDRAWN,
    ExperimentState,
    LaunchState,
    fold,
    mark_of,
)
from launcher.store.launch_info import LaunchInfo
from launcher.store.manifest import ManifestExperiment
from launcher.store.record_summary import RecordSummary

T0 = 1_700_000_000.0  # when the first attempt starts, since the epoch
AT = "2023-11-14T22:13:20+00:00"  # the same
LATER = "2023-11-14T22:23:20+00:00"
PLANNED = ManifestExperiment("a", {"lr": 1}, {"lr": 1, "width": 2}, "digest")
LAUNCH = LaunchInfo(pid=7, at=AT, attempts={"a": 1})
AT_WORK = LaunchState(phase="running", launch=LAUNCH, now_s=T0 + 60)
GONE = LaunchState(phase="gone", launch=LAUNCH, now_s=T0 + 60)
ENDED = LaunchState(phase="ended", launch=LAUNCH, now_s=T0 + 60)


def records(*attempts: list[dict[str, Any]], digest: str = "digest") -> RecordSummary:
    """Return the summary of attempts; each begins with a start record and writes a record a second."""
    found: list[dict[str, Any]] = []
    for attempt, lines in enumerate(attempts, start=1):
        for second, line in enumerate([{"kind": "start", "digest": digest}, *lines]):
            found.append({"n": len(found) + 1, "attempt": attempt, "at_s": float(second), **line})
    summary = RecordSummary()
    summary.add_all(found)
    return summary


def steps(*losses: float, first: int = 1) -> list[dict[str, Any]]:
    return [{"step": step, "loss": loss} for step, loss in enumerate(losses, start=first)]


def started(attempt: int = 1, *, goes_on: bool = False, at: str = AT) -> Started:
    return Started("a", attempt, "GPU 0", 2, goes_on=goes_on, at=at)


def ended(ending: EndingKind, attempt: int = 1, why: str = "", seconds: float = 5.0) -> Ended:
    return Ended("a", attempt, ending, why, seconds, at=AT)


def state_of(
    summary: RecordSummary | None = None, events: list[LoggedEvent] | None = None, launch: LaunchState | None = ENDED
) -> ExperimentState:
    return fold(PLANNED, summary or RecordSummary(), events or [], launch, metrics=["loss"])


DONE: dict[str, Any] = {"kind": "end", "ending": "done"}


def test_an_experiment_that_has_not_begun_is_not_started_or_waits_for_the_launch_that_runs_it() -> None:
    state = state_of()
    assert (state.state, state.ending, state.outcome, state.seconds, state.device) == (NOT_STARTED, None, "", None, "")
    assert state.outcome == ""
    assert state_of(launch=AT_WORK).state == WAITING
    assert state_of(launch=LaunchState(phase="starting", launch=LAUNCH)).state == WAITING
    other = LaunchState(phase="running", launch=replace(LAUNCH, attempts={"b": 1}))
    assert state_of(launch=other).state == NOT_STARTED, "the launch at work does not run it"
    assert state_of(launch=None).state == NOT_STARTED


def test_a_running_experiment_has_no_ending_and_its_time_goes_on() -> None:
    state = state_of(records(steps(3.0, 2.0)), [started()], AT_WORK)
    assert (state.state, state.outcome, state.ending, state.why) == (RUNNING, RUNNING, None, "")
    assert state.seconds == 60.0, "until now, not until its newest record"
    assert (state.device, state.threads, state.last_step) == ("GPU 0", 2, 2)
    assert [(span.ending, span.seconds) for span in state.spans] == [(RUNNING, 60.0)]
    assert not state.is_done
    assert not state.has_failed


def test_an_experiment_whose_launcher_was_killed_is_interrupted_after_its_newest_record() -> None:
    state = state_of(records(steps(3.0, 2.0)), [started()], GONE)
    assert (state.state, state.outcome, state.why) == ("interrupted", "interrupted", "its launcher was gone")
    assert state.seconds == 2.0
    assert [(span.ending, span.seconds) for span in state.spans] == [(EndingKind.INTERRUPTED, 2.0)]


def test_a_worker_that_ended_after_its_launcher_has_the_ending_of_its_last_record() -> None:
    state = state_of(records([*steps(3.0), DONE]), [started()], GONE)
    assert (state.state, state.why, state.seconds) == ("done", "", 2.0)
    asked = state_of(records([*steps(3.0), DONE | {"ending": "interrupted"}]), [started()], GONE)
    assert (asked.state, asked.why) == ("interrupted", ""), "stop has asked it on a cluster, without a launcher"
    next_one = state_of(records([*steps(3.0), DONE | {"ending": "interrupted"}]), [started(), started(2)], GONE)
    assert next_one.why == "its launcher was gone"


def test_a_done_experiment_is_kept_by_a_launch_that_does_not_run_it() -> None:
    summary, events = records([*steps(3.0, 1.0, 2.0), DONE]), [started(), ended(EndingKind.DONE)]
    state = state_of(summary, events)
    assert (state.state, state.is_done, state.is_kept, state.seconds) == ("done", True, False, 5.0)
    again = LaunchState(phase="running", launch=replace(LAUNCH, attempts={"b": 1}))
    assert state_of(summary, events, again).is_kept
    checking = LaunchState(phase="starting", launch=LAUNCH)
    assert state_of(summary, events, checking).state == "done", "nobody trains it again"


def test_an_experiment_that_failed_and_was_tried_again_has_the_ending_of_the_newest_attempt() -> None:
    failed: list[LoggedEvent] = [started(), ended(EndingKind.FAILED, why="it broke")]
    state = state_of(records(steps(1.0)), failed)
    assert (state.state, state.why, state.has_failed) == ("failed", "it broke", True)
    waits = [*failed, Requeued("a", 7, at=LATER)]
    assert state_of(records(steps(1.0)), waits, AT_WORK).state == WAITING
    assert state_of(records(steps(1.0)), waits, ENDED).state == "failed", "the launch ended before it was tried again"
    events = [*waits, started(2, at=LATER), ended(EndingKind.DONE, 2)]
    state = state_of(records(steps(1.0), [*steps(5.0, 4.0), DONE]), events)
    assert (state.state, state.attempt, state.seconds, state.earlier) == ("done", 2, 5.0, ())
    assert state.curves["loss"].best == 4.0, "the first attempt, from which it does not go on, was replaced"


def test_a_diverged_experiment_never_is_the_best() -> None:
    state = state_of(records([*steps(1.0, math.nan)]), [started(), ended(EndingKind.DIVERGED, why="loss is nan")])
    assert (state.state, state.has_failed, state.is_done) == ("diverged", True, False)
    assert state.curves["loss"].best == 1.0


def test_a_resumed_experiment_adds_up_its_attempts() -> None:
    summary = records(steps(5.0, 4.0, 3.0), [{"kind": "resume", "step": 2}, *steps(2.5, 2.0, first=3), DONE])
    events = [started(), ended(EndingKind.INTERRUPTED, seconds=10.0), started(2, goes_on=True, at=LATER)]
    state = state_of(summary, [*events, ended(EndingKind.DONE, 2, seconds=4.0)])
    assert (state.state, state.attempt, state.seconds) == ("done", 2, 14.0)
    assert state.earlier == ("attempt 1: interrupted",)
    assert list(state.curves["loss"].values) == [5.0, 4.0, 2.5, 2.0]
    assert [(span.attempt, span.ending, span.start_s - T0) for span in state.spans] == [
        (1, "interrupted", 0.0),
        (2, "done", 600.0),
    ]
    running = LaunchState(phase="running", launch=LAUNCH, now_s=T0 + 660)
    assert state_of(summary, events, running).seconds == 70.0, "the time of the first attempt, and a minute"


def test_what_was_moved_aside_says_nothing_about_an_experiment_begun_anew() -> None:
    events = [started(), ended(EndingKind.FAILED, why="it broke"), MovedAside("a", "earlier/1", at=LATER)]
    state = state_of(RecordSummary(), events)
    assert (state.state, state.why, state.seconds, state.spans) == (NOT_STARTED, "", None, ())
    assert state.highest_attempt == 1, "a number is never used again"
    again = [*events, started(2, at=LATER)]
    state = state_of(records([]), again, LaunchState(phase="running", launch=LAUNCH, now_s=T0 + 601))
    assert (state.state, state.seconds) == (RUNNING, 1.0)


def test_records_of_another_configuration_count_as_none() -> None:
    summary = records([*steps(1.0), DONE], digest="former")
    events = [started(), ended(EndingKind.DONE)]
    state = state_of(summary, events)
    assert (state.state, state.attempt, state.last_step, state.seconds, state.curves) == (NOT_STARTED, 0, 0, None, {})
    assert (
        state_of(summary, events, LaunchState(phase="running", launch=replace(LAUNCH, attempts={"a": 2}))).state
        == WAITING
    )
    plan = state_of(summary, events, launch=None)
    assert (plan.state, plan.digest, plan.num_steps) == ("done", "former", 1), "a plan asks what there is"
    newer = [*events, started(2, at=LATER)]
    assert state_of(summary, newer, AT_WORK).state == RUNNING, "an attempt that has written no record yet"


def test_an_attempt_that_wrote_no_record_stands_in_the_events_alone() -> None:
    state = state_of(RecordSummary(), [started(), ended(EndingKind.KILLED, why="SIGKILL")])
    assert (state.state, state.why, state.seconds, state.device) == ("killed", "SIGKILL", 5.0, "GPU 0")
    assert state_of(RecordSummary(), [started()], GONE).state == "interrupted"
    newer = [started(), ended(EndingKind.FAILED), started(2), ended(EndingKind.KILLED, 2)]
    assert state_of(records(steps(1.0)), newer).state == "killed"


def test_records_without_events_are_enough() -> None:
    state = state_of(records(steps(1.0), [*steps(2.0), DONE]))
    assert (state.state, state.seconds, state.device, state.threads) == ("done", 3.0, "", None)


def test_a_withdrawn_experiment_is_withdrawn_only_by_the_newest_launch() -> None:
    events: list[LoggedEvent] = [Withdrawn("a", 7, at=LATER)]
    assert state_of(events=events, launch=AT_WORK).state == WITHDRAWN
    assert state_of(events=events, launch=ENDED).state == WITHDRAWN
    other = LaunchState(phase="running", launch=replace(LAUNCH, pid=8))
    assert state_of(events=events, launch=other).state == WAITING


def test_records_that_cannot_be_read_are_the_reason_that_is_told() -> None:
    summary = RecordSummary(obstacle="a.jsonl cannot be read: it is a pipe, not a file")
    state = state_of(summary)
    assert (state.state, state.why, state.obstacle) == (NOT_STARTED, summary.obstacle, summary.obstacle)


def test_a_history_of_few_metrics_gives_the_same_state() -> None:
    light = RecordSummary(metrics=["loss"])
    lines: list[dict[str, Any]] = [{"kind": "start", "digest": "digest"}, *steps(3.0, math.nan, 2.0), DONE]
    light.add_all({"n": n, "attempt": 1, "at_s": float(n - 1), **line} for n, line in enumerate(lines, start=1))
    events = [started(), ended(EndingKind.DONE)]
    few, whole = state_of(light, events), state_of(records(lines[1:]), events)
    assert few.curves["loss"].best == whole.curves["loss"].best == 2.0
    compared = ("state", "ending", "seconds", "last_step", "num_steps", "attempt", "phase", "last_s", "spans", "digest")
    assert [getattr(few, name) for name in compared] == [getattr(whole, name) for name in compared]


def test_attempts_before_an_experiment_began_anew_are_left_out_and_so_is_a_start_without_a_time() -> None:
    anew = [started(), ended(EndingKind.DONE), started(2, at=LATER), ended(EndingKind.INTERRUPTED, 2, "asked")]
    spans = state_of(events=[*anew, started(3, goes_on=True, at="no time")]).spans
    assert [(span.attempt, span.seconds, span.ending, span.why) for span in spans] == [(2, 5.0, "interrupted", "asked")]


def test_only_an_attempt_of_the_launch_at_work_runs() -> None:
    second = LaunchState(phase="running", launch=replace(LAUNCH, attempts={"a": 2}))
    assert state_of(events=[started(2)], launch=second).state == RUNNING
    assert state_of(events=[started(3)], launch=second).state == RUNNING, "it was tried again"
    assert state_of(events=[started(1)], launch=second).state == WAITING, "an attempt of an earlier launch"
    assert state_of(events=[started(2), ended(EndingKind.FAILED, 2)], launch=second).state == "failed"


def test_what_waits_on_a_cluster_has_no_ending_and_its_records_still_count() -> None:
    events = [started(), ended(EndingKind.INTERRUPTED), started(2, goes_on=True)]
    left = LaunchState(phase="left", launch=LAUNCH, on_cluster={"a": False})
    state = state_of(records(steps(2.0, 1.0)), events, left)
    assert (state.state, state.ending, state.why, state.last_step) == (WAITING, None, "", 2)
    assert (state.earlier, state.seconds) == (("attempt 1: interrupted",), 5.0)
    assert state_of(events=[started()], launch=left).seconds is None, "it has not begun"


def test_an_attempt_that_a_cluster_has_begun_by_itself_has_the_time_of_its_records() -> None:
    left = LaunchState(phase="left", launch=LAUNCH, on_cluster={"a": True})
    state = state_of(records(steps(3.0, 2.0), steps(1.0, first=3)), [started()], left)
    assert (state.state, state.attempt, state.seconds) == (RUNNING, 2, 3.0), "two seconds and another"


def test_marks_of_outcomes() -> None:
    assert [mark_of(outcome) for outcome in ("done", "running", "interrupted", "failed")] == ["✓", "…", "‖", "✗"]
