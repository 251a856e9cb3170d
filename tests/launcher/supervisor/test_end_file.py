"""The end of an attempt, as its supervisor writes it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from launcher.store.attempt_files import AttemptEnding, AttemptFiles
from launcher.store.claims import Claim, claim
from launcher.supervisor.end_file import EndFile, write_end


def test_an_end_beside_a_newer_claim_says_so(tmp_path: Path) -> None:
    for attempt in (1, 2):
        assert claim(tmp_path, attempt, Claim.of_this_process())
    assert EndFile(tmp_path, "a", 1).write(AttemptEnding(code=0))
    assert AttemptEnding.read(AttemptFiles(tmp_path).path(1, "end")) == AttemptEnding(code=0, asked="superseded")
    assert EndFile(tmp_path, "a", 2).write(AttemptEnding(code=0))
    assert AttemptEnding.read(AttemptFiles(tmp_path).path(2, "end")) == AttemptEnding(code=0, frees_claim=True)


def test_an_end_takes_the_place_of_the_claim_unless_the_job_may_go_on(tmp_path: Path) -> None:
    for name, asked, left in (("a", "", ["1.end"]), ("b", "limit", ["1.claim", "1.end"])):
        folder = tmp_path / name
        assert claim(folder, 1, Claim.of_this_process())
        write_end(folder, 1, AttemptEnding(code=0, asked=asked))
        assert sorted(os.listdir(folder)) == left
        assert AttemptFiles.look(folder).newest_claim == 1
        ended = AttemptEnding.read(folder / "1.end")
        assert ended is not None
        assert ended.frees_claim is not bool(asked)
        assert not claim(folder, 1, Claim.of_this_process()), "a job that comes late"
        assert sorted(os.listdir(folder)) == left


def test_a_claim_that_cannot_be_removed_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert claim(tmp_path, 1, Claim.of_this_process())

    def refuse(_path: Path, missing_ok: bool = False) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(Path, "unlink", refuse)
    write_end(tmp_path, 1, AttemptEnding(code=0))
    assert sorted(os.listdir(tmp_path)) == ["1.claim", "1.end"]


def test_an_end_that_cannot_be_written_is_tried_again(tmp_path: Path) -> None:
    folder = tmp_path / "a"
    assert claim(folder, 1, Claim.of_this_process())
    folder.rename(tmp_path / "away")
    end = EndFile(folder, "a", 1)
    assert not end.write(AttemptEnding(code=0))
    assert not end.write(AttemptEnding(code=0)), "not at once"
