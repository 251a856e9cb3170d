"""What the events say of the newest attempt: its device, its ending, its reason, its time."""

from __future__ import annotations

from launcher.store.attempts import LastAttempt, last_attempts
from launcher.store.ending import EndingKind
from launcher.store.events import Ended, MovedAside, Requeued, Started


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
