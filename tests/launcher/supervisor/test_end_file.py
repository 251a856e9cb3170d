"""The end of an attempt, as its supervisor writes it."""

from __future__ import annotations

from pathlib import Path

from launcher.store.attempt_files import AttemptEnding, AttemptFiles
from launcher.store.claims import Claim, claim
from launcher.supervisor.end_file import EndFile


def test_an_end_beside_a_newer_claim_says_so(tmp_path: Path) -> None:
    for attempt in (1, 2):
        assert claim(tmp_path, attempt, Claim.of_this_process())
    assert EndFile(tmp_path, "a", 1).write(AttemptEnding(code=0))
    assert AttemptEnding.read(AttemptFiles(tmp_path).path(1, "end")) == AttemptEnding(code=0, asked="superseded")
    assert EndFile(tmp_path, "a", 2).write(AttemptEnding(code=0))
    assert AttemptEnding.read(AttemptFiles(tmp_path).path(2, "end")) == AttemptEnding(code=0)


def test_an_end_that_cannot_be_written_is_tried_again(tmp_path: Path) -> None:
    folder = tmp_path / "a"
    assert claim(folder, 1, Claim.of_this_process())
    folder.rename(tmp_path / "away")
    end = EndFile(folder, "a", 1)
    assert not end.write(AttemptEnding(code=0))
    assert not end.write(AttemptEnding(code=0)), "not at once"
