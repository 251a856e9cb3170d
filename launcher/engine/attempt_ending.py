"""Finds out how an attempt on a cluster ended, from what its supervisor and its records say. Pure."""

from __future__ import annotations

import re
from dataclasses import replace

from launcher.engine.classify_ending import Circumstances, Ending, classify
from launcher.executors.base import ProcessExit
from launcher.store.attempt_files import AttemptEnding
from launcher.store.ending import EndingKind
from launcher.store.record_facts import RecordFacts
from launcher.store.records import Record, tidy

SUPERSEDED = "superseded"
# A cluster sends SIGTERM to every process of a job, also to those that the worker has started. The worker notices
# their deaths before it comes to its own end.
_CHILD_DIED = re.compile(r"DataLoader worker\b.*(killed by signal|exited unexpectedly)|\bSIGTERM\b", re.DOTALL)


def classify_attempt(ended: AttemptEnding, history: RecordFacts, why: str = "") -> Ending:
    """Return how an attempt ended. `history`: of its own record file. `why`: why it was interrupted, if it was."""
    ending = _classify(ended, history)
    return replace(ending, why=ending.why or why) if ending.kind == EndingKind.INTERRUPTED else ending


def _classify(ended: AttemptEnding, history: RecordFacts) -> Ending:
    if ended.refused:
        return Ending(EndingKind.FAILED, ended.refused)
    if ended.verdict:
        return Ending(EndingKind.FAILED, ended.verdict)
    if ended.asked == SUPERSEDED:
        return Ending(EndingKind.INTERRUPTED, "a newer attempt has taken its place")
    if ended.asked and ended.code is None and ended.signal is None and history.end is None:
        return Ending(EndingKind.INTERRUPTED)
    last_word = _checked(ended.last_word)
    if ended.asked and _lost_a_child(history.end or last_word):
        return Ending(EndingKind.INTERRUPTED)
    exit = ProcessExit(ended.code, ended.signal, ended.was_memory_short)
    around = Circumstances(
        was_asked=bool(ended.asked),
        was_forced=ended.was_forced,
        hung_s=ended.hung_s,
        was_memory_short=ended.was_memory_short,
        last_word=last_word,
    )
    return classify(exit, history, around)


def _checked(word: Record | None) -> Record | None:
    """Return the last word of a worker, which comes from a file; None if it says no ending."""
    return tidy({"kind": "end"} | word) if word is not None else None


def _lost_a_child(last_word: Record | None) -> bool:
    """Return whether a worker failed because a process that it had started was ended."""
    if last_word is None or last_word["ending"] not in (EndingKind.FAILED, EndingKind.KILLED):
        return False
    return _CHILD_DIED.search(str(last_word.get("error"))) is not None
