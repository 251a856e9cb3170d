"""How attempts on a cluster ended, by what their supervisors and records say."""

from __future__ import annotations

from typing import Any

import pytest

from launcher.engine.attempt_ending import classify_attempt
from launcher.store.attempt_files import AttemptEnding
from launcher.store.ending import EndingKind
from launcher.store.history import History

LOADER = "RuntimeError: DataLoader worker (pid 71) is killed by signal: Terminated. "


def history(**end: Any) -> History:
    """Return the records of an attempt of ten steps; `end` is its last record, if it has one."""
    found = History()
    found.add({"n": 1, "attempt": 1, "at_s": 0.0, "kind": "start"})
    found.add({"n": 2, "attempt": 1, "at_s": 0.0, "kind": "total", "steps": 10})
    found.add({"n": 3, "attempt": 1, "at_s": 0.0, "step": 4, "loss": 1.0})
    if end:
        found.add({"n": 4, "attempt": 1, "at_s": 1.0, "kind": "end"} | end)
    return found


@pytest.mark.parametrize(
    ("ended", "end", "kind", "why"),
    [
        (AttemptEnding(code=0), {"ending": "done"}, "done", ""),
        (AttemptEnding(code=1), {"ending": "failed", "error": "ValueError: x"}, "failed", "ValueError: x"),
        (AttemptEnding(code=1, asked="stop"), {"ending": "failed", "error": "ValueError: x"}, "failed", "ValueError"),
        (AttemptEnding(code=1, asked="stop"), {"ending": "failed", "error": LOADER}, "interrupted", ""),
        (AttemptEnding(code=1, asked="limit"), {"ending": "failed", "error": LOADER}, "interrupted", ""),
        (AttemptEnding(code=1), {"ending": "failed", "error": LOADER}, "failed", "DataLoader"),
        (AttemptEnding(code=1, asked="stop"), {"ending": "killed", "error": "rank 1: SIGTERM"}, "interrupted", ""),
        (AttemptEnding(code=0, asked="stop"), {"ending": "interrupted"}, "interrupted", ""),
        (AttemptEnding(code=0, asked="stop"), {"ending": "done"}, "interrupted", ""),
        (AttemptEnding(signal="SIGKILL"), {}, "killed", "SIGKILL"),
        (AttemptEnding(signal="SIGKILL", was_memory_short=True), {}, "out_of_memory", "want of memory"),
        (AttemptEnding(signal="SIGKILL", asked="limit", was_forced=True), {}, "interrupted", "after the grace time"),
        (AttemptEnding(signal="SIGKILL", asked="superseded", was_forced=True), {}, "interrupted", "newer attempt"),
        (AttemptEnding(asked="stop"), {}, "interrupted", ""),
        (AttemptEnding(refused="n1 shows 0 GPUs"), {}, "failed", "n1 shows"),
        (AttemptEnding(asked="limit", verdict="no checkpoint"), {"ending": "interrupted"}, "failed", "no checkpoint"),
        (AttemptEnding(code=1, last_word={"ending": "failed", "error": "disk full"}), {}, "failed", "disk full"),
        (AttemptEnding(code=1, last_word={"ending": "x"}), {}, "failed", "exit code 1"),
        (AttemptEnding(code=1, last_word={"error": 3}), {}, "failed", "exit code 1"),
        (AttemptEnding(), {}, "failed", "unknown exit status"),
    ],
)
def test_an_ending_follows_from_both(ended: AttemptEnding, end: dict[str, Any], kind: str, why: str) -> None:
    found = classify_attempt(ended, history(**end))
    assert (found.kind, why in found.why) == (EndingKind(kind), True), found


def test_what_was_asked_after_all_steps_were_done_is_done() -> None:
    found = history()
    found.add({"n": 4, "attempt": 1, "at_s": 1.0, "step": 10, "loss": 1.0})
    found.add({"n": 5, "attempt": 1, "at_s": 1.0, "kind": "end", "ending": "done"})
    assert classify_attempt(AttemptEnding(code=0, asked="stop"), found).kind == EndingKind.DONE
