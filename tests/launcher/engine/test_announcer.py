"""What a launch tells of its attempts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from launcher.engine.announcer import Announcer
from launcher.engine.classify_ending import Ending
from launcher.engine.listener import AttemptEnd
from launcher.store.ending import EndingKind
from launcher.store.paths import Paths
from launcher.store.record_summary import RecordSummary
from tests.launcher.engine.parts import CPU, decision


class Told:
    """A console that keeps what it is told."""

    def __init__(self, folder: Path) -> None:
        self.messages: list[tuple[str, str]] = []
        console: Any = self
        self.announcer = Announcer(console, Paths(folder, folder))

    def message(self, text: str, kind: str) -> None:
        self.messages.append((text, kind))

    def fails(self, name: str, why: str) -> str:
        """End an attempt as failed, and return what is told."""
        ending = Ending(EndingKind.FAILED, why)
        self.announcer.ended(AttemptEnd(decision(name), CPU, ending, RecordSummary(), 1.0, 3))
        text, kind = self.messages[-1]
        assert kind == "failure"
        return text


def test_a_failure_like_one_before_is_told_in_a_line(tmp_path: Path) -> None:
    told = Told(tmp_path)
    assert told.fails("lr_1", "ValueError: loss 1 (train.py:3), in set-up").count("\n") == 2
    assert told.fails("lr_2", "ValueError: loss 2 (train.py:3), in set-up") == (
        f"lr_2 failed on cpu:0, like lr_1. Its log: {tmp_path}/lr_2.log"
    )
    assert told.fails("wide", "ValueError: loss 2 (train.py:9), in set-up").count("\n") == 2, "of another line"
    assert told.fails("lr_1", "ValueError: loss 1 (train.py:3), in set-up").count("\n") == 2, "its own next attempt"
