"""Claims: of many that ask for an attempt one gets it, also when the answer of the file server was lost."""

from __future__ import annotations

import errno
import os
import threading
from pathlib import Path

import pytest

from launcher.store.attempt_files import AttemptFiles
from launcher.store.claims import Claim, claim, is_newest


def test_of_many_one_gets_the_attempt(tmp_path: Path) -> None:
    folder = tmp_path / "attempts" / "a"
    claims = [Claim.of_this_process("17") for _ in range(20)]
    got: list[Claim] = []
    start = threading.Barrier(len(claims))

    def run(mine: Claim) -> None:
        start.wait()
        if claim(folder, 1, mine):
            got.append(mine)

    threads = [threading.Thread(target=run, args=(mine,)) for mine in claims]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(got) == 1
    assert Claim.read(folder / "1.claim") == got[0]
    assert os.listdir(folder) == ["1.claim"], "no temporary file is left"
    assert claim(folder, 2, claims[0]), "another attempt is another claim"


def test_a_listing_that_fails_now_and_then_loses_no_claim(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    listdir, failures = os.listdir, [OSError(errno.ESTALE, "stale"), OSError(errno.EIO, "gone")]

    def flaky(folder: Path) -> list[str]:
        if failures:
            raise failures.pop()
        return listdir(folder)

    monkeypatch.setattr(os, "listdir", flaky)
    claimed = claim(tmp_path / "a", 1, Claim.of_this_process("17"))
    assert claimed is not None
    assert claimed.claims == {1}
    failures[:] = [OSError(errno.EIO, "gone")] * 3
    with pytest.raises(OSError, match="gone"):
        claim(tmp_path / "a", 2, Claim.of_this_process("17"))
    assert listdir(tmp_path / "a") == ["1.claim"], "it is given up"


def test_a_lost_answer_of_the_server_loses_no_claim(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    link = os.link

    def repeated(source: Path, target: Path) -> None:
        link(source, target)
        raise FileExistsError  # the client has sent the call again, and this is the answer to the second

    monkeypatch.setattr(os, "link", repeated)
    assert claim(tmp_path, 1, Claim.of_this_process())
    monkeypatch.setattr(Claim, "read", classmethod(lambda _cls, _path: None))  # as if the name were not known yet
    assert claim(tmp_path, 2, Claim.of_this_process())
    monkeypatch.setattr(os, "link", link)
    assert not claim(tmp_path, 2, Claim.of_this_process())


def test_an_attempt_that_has_ended_is_not_claimed_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "1.end").touch()  # its supervisor has removed its claim
    assert not claim(tmp_path, 1, Claim.of_this_process())
    assert os.listdir(tmp_path) == ["1.end"]
    assert claim(tmp_path, 2, Claim.of_this_process())

    def fail(_folder: Path) -> list[str]:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(os, "listdir", fail)
    with pytest.raises(OSError, match="Input"):
        claim(tmp_path, 3, Claim.of_this_process())
    monkeypatch.undo()
    assert sorted(os.listdir(tmp_path)) == ["1.end", "2.claim"], "an attempt that nobody runs is not claimed"


def test_a_file_that_is_no_claim_is_another_s(tmp_path: Path) -> None:
    for content in ("", "[]", '{"nonce": 3}', '{"pid": 1}', "\0"):
        (tmp_path / "1.claim").write_text(content)
        assert Claim.read(tmp_path / "1.claim") is None
        assert not claim(tmp_path, 1, Claim.of_this_process())
    (tmp_path / "1.claim").write_text('{"nonce": "n", "host": 3, "pid": "x", "at": null, "new": 1}')
    assert Claim.read(tmp_path / "1.claim") == Claim("n")


def test_a_claim_counts_until_a_newer_one_or_its_removal(tmp_path: Path) -> None:
    folder = tmp_path / "a"
    assert is_newest(folder, 1) is None, "a folder that is gone has no claims"
    claim(folder, 1, Claim.of_this_process())
    (folder / ".x.tmp").touch()
    (folder / "7.order").touch()
    (folder / "01.claim").touch()
    assert is_newest(folder, 1) is True
    claim(folder, 2, Claim.of_this_process())
    assert is_newest(folder, 1) is False
    (folder / "1.claim").unlink()
    assert is_newest(folder, 1) is None
    assert AttemptFiles.look(folder).newest_claim == 2
    with pytest.raises(NotADirectoryError):
        is_newest(folder / "2.claim", 1)


def test_without_hard_links_the_error_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_source: Path, _target: Path) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)
    with pytest.raises(PermissionError):
        claim(tmp_path, 1, Claim.of_this_process())
    assert not os.listdir(tmp_path)
