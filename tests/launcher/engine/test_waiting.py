"""Which refusals are told, how often, and when what was refused is tried again."""

from __future__ import annotations

import pytest

from launcher.engine.waiting import LOOK_S, Waiting
from launcher.executors.base import Refusal
from launcher.store.events import LoggedEvent, Waits


class Told:
    def __init__(self) -> None:
        self.messages: list[str] = []
        self.events: list[LoggedEvent] = []
        self.waiting = Waiting(self.messages.append, self.events.append)


@pytest.fixture
def told() -> Told:
    return Told()


def test_it_is_time_to_try_again_a_few_times_a_second(told: Told) -> None:
    assert told.waiting.is_due(100.0, is_idle=False)
    assert not told.waiting.is_due(100.0, is_idle=False)
    assert not told.waiting.is_due(100.0 + LOOK_S - 0.01, is_idle=False)
    assert told.waiting.is_due(100.0 + LOOK_S, is_idle=False)


def test_a_refusal_is_told_when_it_has_lasted_to_the_next_look(told: Told) -> None:
    told.waiting.refused("a", Refusal("GPU 0: 7.1 GB held", "GPU-0"))
    assert told.messages == []
    told.waiting.is_due(100.0, is_idle=False)
    assert told.messages == ["GPU 0: 7.1 GB held; a waits."]
    assert told.events == [Waits("a", "GPU 0: 7.1 GB held")]


def test_who_starts_before_the_look_has_not_waited(told: Told) -> None:
    told.waiting.refused("a", Refusal("GPU 0: 7.1 GB held", "GPU-0"))
    told.waiting.started("a", "GPU-1")
    told.waiting.is_due(100.0, is_idle=False)
    assert told.messages == []


def test_other_amounts_are_the_same_reason_and_another_holder_is_not(told: Told) -> None:
    for now_s, why in enumerate(("7.1 GB held by pid 3", "7.2 GB held by pid 3", "7.2 GB held by pid 4")):
        told.waiting.refused("a", Refusal(why, "GPU-0"))
        told.waiting.is_due(100.0 + now_s, is_idle=False)
    assert told.messages == ["7.1 GB held by pid 3; a waits.", "7.2 GB held by pid 4; a waits."]


def test_a_start_on_the_device_makes_the_next_refusal_there_news(told: Told) -> None:
    for now_s in (100.0, 200.0):
        told.waiting.refused("a", Refusal("held", "GPU-0"))
        told.waiting.is_due(now_s, is_idle=False)
        told.waiting.started("a", ["GPU-0"])
    assert told.messages == ["held; a waits."] * 2


def test_of_each_device_the_first_that_is_refused_is_told(told: Told) -> None:
    for name, place in (("a", "GPU-0"), ("b", "GPU-0"), ("c", "GPU-1")):
        told.waiting.refused(name, Refusal(f"{place} is full", place))
    told.waiting.is_due(100.0, is_idle=False)
    assert told.messages == ["GPU-0 is full; a waits.", "GPU-1 is full; c waits."]


def test_a_refusal_without_a_reason_passes_in_a_moment_and_is_not_told(told: Told) -> None:
    told.waiting.refused("a", Refusal())
    told.waiting.is_due(100.0, is_idle=True)
    assert told.messages == []


def test_where_nothing_runs_the_way_out_is_told_too(told: Told) -> None:
    told.waiting.refused("a", Refusal("held", "GPU-0"))
    told.waiting.is_due(100.0, is_idle=True)
    assert told.messages == ["held; a waits. Nothing runs meanwhile; Ctrl-C gives up."]
