"""Kernel locks: one holder a file, named by the note it left; none outlives its holder."""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
from pathlib import Path

import pytest

from launcher.errors import InUseError
from launcher.store.locks import find_holder, lock_folder


def test_a_folder_is_locked_once_and_the_holder_is_named(tmp_path: Path) -> None:
    lock = lock_folder(tmp_path / ".lock")
    with pytest.raises(InUseError, match=f"in use by pid {os.getpid()} on .* since .*, started in"):
        lock_folder(tmp_path / ".lock")
    lock.release()
    lock_folder(tmp_path / ".lock").release()


def test_a_lock_does_not_outlive_its_holder(tmp_path: Path) -> None:
    code = "import sys, pathlib; from launcher.store.locks import lock_folder; lock_folder(pathlib.Path(sys.argv[1]))"
    subprocess.run([sys.executable, "-c", code, str(tmp_path / ".lock")], check=True)
    lock_folder(tmp_path / ".lock").release()


def test_a_holder_is_seen_and_a_look_refuses_nobody(tmp_path: Path) -> None:
    path = tmp_path / ".lock"
    assert find_holder(path) is None
    lock = lock_folder(path)
    holder = find_holder(path)
    assert holder is not None
    assert holder.pid == os.getpid()
    lock.release()
    assert find_holder(path) is None
    with path.open() as looking:
        fcntl.flock(looking, fcntl.LOCK_SH)
        code = (
            f"from launcher.store.locks import lock_folder; from pathlib import Path; lock_folder(Path({str(path)!r}))"
        )
        refused = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
        assert "InUseError" in refused.stderr, "one that goes on looking is a holder"
    lock_folder(path).release()
