"""Endings that no launcher saw, because the launcher had died before: the next launch writes them down."""

from __future__ import annotations

import contextlib

from launcher.planning.plan import Plan
from launcher.sinks.text_log import text_log
from launcher.store.events import Ended, EventLog
from launcher.store.records import RecordReader


def record_lost_endings(plan: Plan) -> None:
    """Write the lost endings into `events.jsonl`, and complete the log of each of these attempts.

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
    with contextlib.suppress(OSError), contextlib.closing(EventLog(plan.paths.events)) as events:
        for name, ending in lost.items():
            log = text_log(plan.paths, name)
            with contextlib.suppress(OSError):
                records = RecordReader(plan.paths.records(name)).read()
                log.catch_up(record for record in records if record["attempt"] == ending.attempt)
            log.ending(f"{name} {ending.ending}, its launcher was gone")
            log.close()
            events.append(Ended(name, ending.attempt, ending.ending, "", ending.seconds))
