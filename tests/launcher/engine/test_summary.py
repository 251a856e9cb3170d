"""The exit code of a launch, from how its experiments ended and what else happened."""

from __future__ import annotations

import signal
from typing import Any

import pytest

from launcher.engine.classify_ending import Ending
from launcher.engine.summary import Summary
from launcher.store.ending import EndingKind

DONE, FAILED = Ending(EndingKind.DONE), Ending(EndingKind.FAILED, "an error")


@pytest.mark.parametrize(
    ("facts", "code"),
    [
        ({}, 0),
        ({"endings": {"a": DONE}, "kept": {"b": EndingKind.DONE}}, 0),
        ({"endings": {"a": DONE, "b": FAILED}}, 1),
        ({"endings": {"a": Ending(EndingKind.INTERRUPTED)}}, 1),
        ({"endings": {"a": DONE}, "kept": {"b": EndingKind.DIVERGED}}, 1),  # kept, and yet not done
        ({"endings": {"a": DONE}, "not_started": ["b"]}, 1),
        ({"endings": {"a": DONE}, "num_unwritten": 2}, 5),  # all is done, but a view or a line of a log is missing
        ({"endings": {"a": FAILED}, "num_unwritten": 2}, 1),
        ({"not_started": ["a"], "has_no_device": True}, 4),
        ({"endings": {"a": DONE}, "not_started": ["b"], "has_no_device": True}, 1),  # the device was lost later
        ({"endings": {"a": DONE}, "has_lost_folder": True}, 5),
        ({"endings": {"a": FAILED}, "has_lost_folder": True}, 5),
        ({"endings": {"a": DONE}, "signal": signal.SIGINT}, 130),
        ({"not_started": ["a"], "signal": signal.SIGTERM, "has_lost_folder": True}, 143),
    ],
)
def test_the_exit_code_says_the_most_important_thing(facts: dict[str, Any], code: int) -> None:
    assert Summary(**{"endings": {}, "kept": {}} | facts).exit_code == code


def test_a_launch_that_only_keeps_had_no_work() -> None:
    assert not Summary(endings={}, kept={"a": EndingKind.DONE}).had_work
    assert Summary(endings={}, kept={}, not_started=["a"]).had_work
    assert Summary(endings={"a": DONE}, kept={}).had_work
