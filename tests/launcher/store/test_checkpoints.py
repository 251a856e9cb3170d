"""Two checkpoints are kept; a bad one is passed over for the one before, and runs no code."""

from __future__ import annotations

import hashlib
import json
import os
import pickle
from pathlib import Path

import pytest

from launcher.store.checkpoints import Checkpoints


@pytest.fixture
def checkpoints(tmp_path: Path) -> Checkpoints:
    return Checkpoints(tmp_path / "checkpoints" / "a", "a", "digest")


def test_two_checkpoints_are_kept_and_the_newest_is_loaded(checkpoints: Checkpoints) -> None:
    import torch

    for step in (5, 10, 15):
        checkpoints.save({"step": step, "weights": torch.full((3,), float(step))}, step)
    assert [path.name for path in checkpoints.files()] == ["step-000000000015.ckpt", "step-000000000010.ckpt"]
    loaded = checkpoints.load()
    assert loaded is not None
    assert loaded[1] == 15
    assert loaded[0]["weights"].tolist() == [15.0] * 3
    checkpoints.clear()
    assert checkpoints.load() is None


class Bomb:
    """Unpickling this runs code."""

    def __reduce__(self) -> tuple[object, ...]:
        return os.mkdir, ("pwn",)


def spoil(path: Path, how: str) -> None:
    whole = path.read_bytes()
    match how:
        case "empty":
            path.write_bytes(b"")
        case "flipped":
            path.write_bytes(whole[:-10] + bytes([whole[-10] ^ 1]) + whole[-9:])
        case "another's":
            path.write_bytes(whole.replace(b'"experiment": "a"', b'"experiment": "b"'))
        case "garbage":
            path.write_bytes(b"\0" * 1000)
        case "bomb":
            payload = pickle.dumps(Bomb(), protocol=2)
            header = {"experiment": "a", "digest": "digest", "step": 10, "sha256": hashlib.sha256(payload).hexdigest()}
            path.write_bytes(json.dumps(header).encode() + b"\n" + payload)
        case size:
            path.write_bytes(whole[: len(whole) * int(size) // 8])


@pytest.mark.parametrize(
    "how", ["empty", "flipped", "another's", "garbage", "bomb", *(str(part) for part in range(1, 8))]
)
def test_22_a_bad_checkpoint_is_passed_over_for_the_one_before(
    checkpoints: Checkpoints,
    how: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    monkeypatch.chdir(tmp_path)
    checkpoints.save({"step": 5}, 5)
    checkpoints.save({"step": 10}, 10)
    spoil(checkpoints.files()[0], how)
    loaded = checkpoints.load()
    assert loaded == ({"step": 5}, 5)
    assert "step-000000000010.ckpt passed over" in capsys.readouterr().out
    assert not Path("pwn").exists(), "the bomb went off"
