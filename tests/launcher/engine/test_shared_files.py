"""Which files that changed are told: not the one into which a person has put what the launcher itself prints."""

from __future__ import annotations

import os
from pathlib import Path

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
