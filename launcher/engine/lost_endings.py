"""Endings that no launcher saw, because the launcher had died before: the next launch writes them down."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Sequence

from launcher.engine.fault_isolation import FaultIsolation
from launcher.planning.plan import Plan
from launcher.sinks.sink import MakeSink
from launcher.store.events import Ended, EventLog
from launcher.store.paths import Paths
from launcher.store.records import Record, RecordReader


def record_lost_endings(plan: Plan, sinks: Sequence[MakeSink], warn: Callable[[str], None]) -> None:
    """Write the lost endings into `events.jsonl`, and complete the sinks of each of these attempts.

    Afterwards every attempt has an ending. A disk that is full is no reason to end a launch here: the launch tells of
    it with its first own event.
    """
    lost = {
        decision.experiment.name: decision.evidence.lost_ending
        for decision in plan.decisions
        if decision.evidence.lost_ending
    }
    if not lost:
        return
    isolation = FaultIsolation(warn)
    with contextlib.suppress(OSError), contextlib.closing(EventLog(plan.paths.events)) as events:
        for name, ending in lost.items():
            records: list[Record] = []
            with contextlib.suppress(OSError):
                read = RecordReader(plan.paths.records(name)).read()
                records = [record for record in read if record["attempt"] == ending.attempt]
            told = f"{name} {ending.ending}, its launcher was gone"
            for make in sinks:
                complete = functools.partial(_complete, make, plan.paths, name, records, told)
                isolation.run(name, "what a sink lacks of its last attempt", complete, None)
            events.append(Ended(name, ending.attempt, ending.ending, "", ending.seconds))


def _complete(make: MakeSink, paths: Paths, experiment: str, records: Sequence[Record], ending: str) -> None:
    sink = make(paths, experiment)
    try:
        sink.catch_up(records)
        sink.ending(ending)
    finally:
        sink.close()
