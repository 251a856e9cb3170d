"""What a plan foretells, and what a launch says is left: order, times, memory, from what was measured."""

from __future__ import annotations

import heapq
import math
from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from launcher.devices.device import Device
from launcher.devices.slots import Slot
from launcher.engine.experiments import Experiments
from launcher.engine.messages import Begin, Done, Ended, Start
from launcher.engine.scheduler import Scheduler
from launcher.engine.time_left import TimeLeft
from launcher.planning.decision import Decision, PlannedAction
from launcher.planning.estimate import DurationEstimate, extrapolate_attempt
from launcher.planning.evidence import Evidence
from launcher.planning.experiment import Experiment
from launcher.planning.forecast import forecast
from launcher.planning.plan import Plan
from launcher.store.ending import EndingKind
from launcher.store.history import History
from launcher.store.paths import Paths
from launcher.store.records import Record

GIB = 2**30


def plan_of(seconds: dict[str, float | None], memory: dict[str, int] | None = None) -> Plan:
    """Make a plan of new experiments that are known to take so long."""
    decisions = [
        Decision(
            Experiment(name, index, {}, {}, name),
            PlannedAction.RUN,
            "new",
            1,
            duration=DurationEstimate(seconds=value),
            evidence=Evidence(peak_memory_bytes=(memory or {}).get(name)),
        )
        for index, (name, value) in enumerate(seconds.items())
    ]
    return Plan(None, Paths(Path("o"), Path("l")), decisions)  # type: ignore[arg-type]  # no sweep is looked at


def kept(decision: Decision) -> Decision:
    return replace(decision, action=PlannedAction.KEEP, evidence=Evidence(ending=EndingKind.DONE))


@pytest.mark.parametrize(("num_slots", "each"), [(1, 1), (2, 1), (3, 1), (7, 1), (2, 2), (5, 2), (7, 3)])
@pytest.mark.parametrize("is_parallel", [True, False])
def test_the_order_foretold_is_what_the_scheduler_does(num_slots: int, each: int, is_parallel: bool) -> None:
    seconds: dict[str, float | None] = {f"e{number}": 10.0 * math.sqrt(2 + number * 7 % 11) for number in range(11)}
    plan = plan_of(seconds)
    starts = forecast(plan, num_slots, is_parallel=is_parallel, slots_each=each).starts
    names = plan.order if is_parallel else list(seconds)
    designated = None if is_parallel else [index * each % num_slots for index in range(len(names))]
    scheduler = Scheduler(names, num_slots, designated, needs=dict.fromkeys(names, each))
    started, running, now_s = [], [], 0.0
    actions = scheduler.handle(Begin())
    while Done() not in actions:
        for action in actions:
            assert isinstance(action, Start)
            started.append((action.experiment, action.slots, round(now_s, 6)))
            heapq.heappush(running, (now_s + (seconds[action.experiment] or 0.0), action.experiment))
        now_s, ended = heapq.heappop(running)
        actions = scheduler.handle(Ended(ended, "done"))
    assert [(start.experiment, start.slots, round(start.starts_s, 6)) for start in starts] == started


def test_waves_say_who_follows_whom() -> None:
    told = forecast(plan_of({"a": 3.0, "b": 2.0, "c": 2.0, "d": 1.0}), 2, is_parallel=True)
    assert [[start.experiment for start in wave] for wave in told.waves] == [["a", "b"], ["c", "d"]]
    assert [start.after for start in told.starts] == [None, None, "b", "a"]
    assert (told.seconds, told.work_seconds) == (4.0, 8.0)


def test_what_is_done_tells_how_fast_the_rest_is_and_so_the_order() -> None:
    plan = plan_of({"done": 20.0, "measured": 50.0, "new": None})
    works = {"done": 1.0, "measured": 2.0, "new": 4.0}
    decisions = [
        replace(one, duration=replace(one.duration, work=works[one.experiment.name])) for one in plan.decisions
    ]
    decisions[0] = replace(decisions[0], action=PlannedAction.KEEP, evidence=Evidence(ending=EndingKind.DONE))
    plan = replace(plan, decisions=decisions)
    told = forecast(plan, 1, is_parallel=True)
    assert plan.order == ["new", "measured"]
    assert {name: one.seconds for name, one in told.estimates.items()} == {"measured": 50.0, "new": 90.0}
    assert told.work_seconds == 140.0, "what is done is not to be done"


def seeded_plan(seconds: dict[tuple[str, int], float | None]) -> Plan:
    """Make a plan of configurations on seeds, each of which is known to take so long."""
    plan = plan_of({f"{name}+s{seed}": value for (name, seed), value in seconds.items()})
    decisions = [
        replace(decision, experiment=replace(decision.experiment, group=name, seed=seed))
        for decision, (name, seed) in zip(plan.decisions, seconds, strict=True)
    ]
    return replace(plan, decisions=decisions)


def test_a_new_seed_takes_as_long_as_its_configuration_did_on_other_seeds() -> None:
    plan = seeded_plan({("short", 0): 10.0, ("long", 0): 50.0, ("short", 1): None, ("long", 1): None, ("new", 1): None})
    done = [kept(decision) for decision in plan.decisions[:2]]
    plan = replace(plan, decisions=[*done, *plan.decisions[2:]])
    told = forecast(plan, 1, is_parallel=True)
    assert {name: each.seconds for name, each in told.estimates.items()} == {
        "short+s1": 10.0,
        "long+s1": 50.0,
        "new+s1": 30.0,  # about which nothing is known: an average experiment
    }
    assert not told.estimates["long+s1"].is_measured
    assert plan.order == ["long+s1", "new+s1", "short+s1"]


def test_all_configurations_are_trained_on_a_seed_before_any_on_the_next() -> None:
    plan = seeded_plan({("short", 0): 1.0, ("long", 0): 5.0, ("short", 1): 1.0, ("long", 1): 5.0})
    assert plan.order == ["long+s0", "short+s0", "long+s1", "short+s1"]
    assert [start.experiment for start in forecast(plan, 2, is_parallel=True).starts] == plan.order


def test_before_anything_was_measured_no_time_and_no_memory_is_told() -> None:
    told = forecast(plan_of({"a": None, "b": None}), 1, is_parallel=True)
    assert (told.seconds, told.memory_bytes, told.estimates["a"].seconds) == (None, None, None)


def test_memory_is_the_most_that_is_held_at_once_and_others_stand_in_where_none_was_measured() -> None:
    told = forecast(plan_of({"a": 3.0, "b": 2.0, "c": 2.0}, {"a": 5 * GIB, "b": GIB}), 2, is_parallel=True)
    assert told.estimates["c"].memory_bytes == 3 * GIB
    assert told.memory_bytes == 8 * GIB, "a beside c, after b has ended"
    alone = forecast(plan_of({"a": 3.0, "b": 2.0}, {"a": 5 * GIB, "b": GIB}), 2, is_parallel=False)
    assert alone.memory_bytes == 5 * GIB, "one after another"


def test_the_time_left_is_told_by_what_is_done_until_this_launch_has_measured() -> None:
    plan = plan_of({"done": 20.0, "one": None, "two": None})
    decisions = [
        replace(decision, duration=replace(decision.duration, work=1.0, is_earlier=True)) for decision in plan.decisions
    ]
    plan = replace(plan, decisions=[kept(decisions[0]), *decisions[1:]])
    experiments = Experiments(plan.to_run, plan.order, plan.durations)
    executor: Any = SimpleNamespace(slots=[Slot(0, Device("cpu", "cpu"), 1)], set_threads=print)
    time_left = TimeLeft(experiments, executor, print, is_parallel=False, is_elastic=False)
    running = Measured("one", DurationEstimate(1.0, 3.0, 0.0))
    experiments.running["one"] = running  # type: ignore[assignment]  # no process behind it
    assert time_left.seconds_left(["two"]) == 40.0
    time_left.learn(running, History())  # type: ignore[arg-type]
    assert time_left.seconds_left(["two"]) == 6.0


def test_before_its_first_step_an_attempt_tells_nothing_and_what_was_known_before_holds() -> None:
    history = History()
    for record in RESUMED[:-1]:
        history.add(record)
        assert extrapolate_attempt(history, 2, 0.1, 7.0) is None, "not a tenth of a second for eighty steps"
    history.add(RESUMED[-1])
    assert extrapolate_attempt(history, 2, 5.0, 7.0) == DurationEstimate(None, 25.0, 0.2), (
        "four of the twenty that were left"
    )


RESUMED: list[Record] = [
    {"at_s": 0.0, "attempt": 1, "kind": "start"},
    {"at_s": 0.0, "attempt": 1, "kind": "total", "steps": 100},
    {"at_s": 9.0, "attempt": 1, "step": 80, "loss": 1.0},
    {"at_s": 0.0, "attempt": 2, "kind": "start"},
    {"at_s": 0.0, "attempt": 2, "kind": "resume", "step": 80},
    {"at_s": 5.0, "attempt": 2, "step": 84, "loss": 1.0},
]


@dataclass(frozen=True)
class Measured:
    """An attempt that tells how long it takes."""

    name: str
    measure: DurationEstimate

    def known(self, _history: History, _now_s: float) -> DurationEstimate:
        return self.measure
