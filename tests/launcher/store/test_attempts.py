"""What events and records together say of the newest attempt: its ending, its reason, its time."""

from __future__ import annotations

from typing import Any

import pytest

from launcher.store.attempts import AtWork, LastAttempt, at_work, last_attempts, last_ending, spent_s, why_ended
from launcher.store.ending import EndingKind
from launcher.store.events import Ended, MovedAside, Requeued, Started
from launcher.store.history import History
from launcher.store.launch_info import LaunchInfo
from launcher.store.locks import Holder
from launcher.store.manifest import Manifest


def recorded(attempt: int, **end: Any) -> History:
    """Return the history of an attempt that has written two records, and a last one if it has an ending."""
    history = History()
    history.add({"n": 1, "attempt": attempt, "at_s": 0.0, "kind": "start"})
    history.add({"n": 2, "attempt": attempt, "at_s": 4.0, "step": 1})
    if end:
        history.add({"n": 3, "attempt": attempt, "at_s": 5.0, "kind": "end", **end})
    return history


def test_an_attempt_that_goes_on_has_the_time_of_those_before_it() -> None:
    events = [
        Started("a", 1, "GPU 0", 2),
        Ended("a", 1, EndingKind.KILLED, "SIGKILL", 3.0),
        Started("a", 2, "GPU 1", 4, goes_on=True, changed={"batch_size": 2}),
        Ended("a", 2, EndingKind.DONE, "", 2.0),
    ]
    assert last_attempts(events[:3])["a"] == LastAttempt(
        2, "GPU 1", 4, None, "", 3.0, ("attempt 1: killed, SIGKILL",), {"batch_size": 2}
    )
    last = last_attempts(events)["a"]
    assert (last.ending, last.seconds) == (EndingKind.DONE, 5.0)


def test_an_attempt_that_begins_anew_has_nothing_of_those_before_it() -> None:
    events = [Started("a", 1, "cpu", 1), Ended("a", 1, EndingKind.FAILED, "why", 3.0), Started("a", 2, "cpu", 1)]
    assert last_attempts(events)["a"] == LastAttempt(2, "cpu", 1)


def test_what_was_moved_aside_leaves_only_the_number_and_the_ending() -> None:
    events = [Started("a", 3, "cpu", 1), Ended("a", 3, EndingKind.FAILED, "why", 3.0), MovedAside("a", "earlier/1")]
    assert last_attempts(events)["a"] == LastAttempt(3, "", 0, EndingKind.FAILED)
    assert last_attempts(events[::2])["a"] == LastAttempt(3, "", 0, EndingKind.INTERRUPTED)
    assert last_attempts(events[2:]) == {}


def test_an_end_of_another_attempt_and_other_events_change_nothing() -> None:
    events = [Started("a", 2, "cpu", 1), Ended("a", 1, EndingKind.FAILED, "", 3.0), Requeued("a", 1)]
    assert last_attempts(events) == {"a": LastAttempt(2, "cpu", 1)}
    assert last_attempts(events[1:]) == {}


@pytest.mark.parametrize(
    ("history", "last", "ending", "why"),
    [
        (History(), None, None, ""),
        (History(), LastAttempt(1, "cpu", 1, EndingKind.FAILED, "no process"), None, ""),
        (recorded(1), None, "interrupted", ""),
        (recorded(1), LastAttempt(1, "cpu", 1), "interrupted", "its launcher was gone"),
        (recorded(1, ending="done"), LastAttempt(1, "cpu", 1), "done", ""),
        (
            recorded(1, ending="done"),
            LastAttempt(1, "cpu", 1, EndingKind.FAILED, "exit code 3"),
            "failed",
            "exit code 3",
        ),
        (recorded(2), LastAttempt(1, "cpu", 1, EndingKind.FAILED, "why"), "interrupted", ""),
    ],
)
def test_the_launcher_is_believed_then_the_last_record_else_it_was_interrupted(
    history: History, last: LastAttempt | None, ending: str | None, why: str
) -> None:
    assert last_ending(history, last) == ending
    assert why_ended(ending, last) == why


def test_an_open_attempt_counts_until_its_newest_record() -> None:
    assert spent_s(recorded(1), LastAttempt(1, "cpu", 1)) == 4.0
    assert spent_s(recorded(2), LastAttempt(2, "cpu", 1, seconds=10.0)) == 14.0
    assert spent_s(recorded(1), LastAttempt(1, "cpu", 1, EndingKind.FAILED, "", 6.0)) == 6.0
    assert spent_s(recorded(2), LastAttempt(1, "cpu", 1, EndingKind.FAILED, "", 6.0)) == 6.0
    assert spent_s(recorded(1), None) == 4.0, "without events the records alone say it"


def test_a_launch_is_at_work_if_it_is_the_one_that_wrote_the_manifest() -> None:
    launch = LaunchInfo(pid=5, host="here", attempts={"a": 2})
    manifest = Manifest("s", "job.toml", "t:f", 0, [], [], [], launch)
    assert at_work(manifest, Holder(5, "here")) == AtWork({"a": 2})
    for holder in (None, Holder(6, "here"), Holder(5, "there"), Holder()):
        assert at_work(manifest, holder) == AtWork()


def test_an_experiment_runs_while_an_attempt_of_this_launch_has_no_end() -> None:
    launch = AtWork({"a": 2})
    assert launch.is_running("a", LastAttempt(2, "cpu", 1))
    assert launch.is_running("a", LastAttempt(3, "cpu", 1))
    assert not launch.is_running("a", LastAttempt(1, "cpu", 1)), "of an earlier launch"
    assert not launch.is_running("a", LastAttempt(2, "cpu", 1, EndingKind.DONE))
    assert not launch.is_running("a", None)
    assert not launch.is_running("b", LastAttempt(2, "cpu", 1))
