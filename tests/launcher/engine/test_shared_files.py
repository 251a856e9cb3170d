"""Which files that changed are told: not the one into which a person has put what the launcher itself prints."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import pytest

from launcher.engine.attempt import Attempt
from launcher.engine.classify_ending import Ending
from launcher.engine.listener import AttemptEnd
from launcher.engine.shared_files import SharedFiles
from launcher.store.ending import EndingKind
from launcher.store.record_summary import RecordSummary
from tests.launcher.engine.parts import CPU, decision


def test_the_file_that_takes_the_launchers_own_output_is_not_told(tmp_path: Path) -> None:
    told: list[str] = []
    printed, model = tmp_path / "nohup.out", tmp_path / "model.pt"
    model.touch()
    saved = os.dup(2)
    with printed.open("w") as file:
        os.dup2(file.fileno(), 2)
    try:
        listener = SharedFiles(told.append)
    finally:
        os.dup2(saved, 2)
        os.close(saved)
    for name in ("a", "b"):
        facts = RecordSummary(touched=[str(printed), str(model), f"{model}\0"])
        listener.ended(AttemptEnd(decision(name), CPU, Ending(EndingKind.DONE, ""), facts, 1.0, 0))
    assert [text.split(" changed while ")[0].rpartition("/")[2] for text in told[:1]] == ["model.pt"]
    assert not any("nohup.out" in text for text in told)


@dataclass
class _Begun:
    name: str


@pytest.mark.parametrize(
    ("order", "is_told"), [("+a +b -a -b", True), ("+a -a +b -b", False), ("+a +b -b -a", True), ("+a -a +a -a", False)]
)
def test_metrics_of_one_file_are_told_where_two_experiments_ran_side_by_side(order: str, is_told: bool) -> None:
    told: list[str] = []
    listener = SharedFiles(told.append)
    for word in order.split():
        name = word[1]
        if word[0] == "+":
            listener.started(cast(Attempt, _Begun(name)))
        else:
            facts = RecordSummary(followed=["/x/runs/events.1"], touched=["/x/runs/events.1", f"/x/own/{name}.csv"])
            listener.ended(AttemptEnd(decision(name), CPU, Ending(EndingKind.DONE, ""), facts, 1.0, 0))
    assert [text for text in told if "was recorded for" in text] == (told if is_told else [])
    assert len(told) <= 1, "once, as the stronger of two messages"
