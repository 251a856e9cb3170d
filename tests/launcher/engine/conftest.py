"""The folder in which launches in memory run."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.launcher.conftest import copy_toy


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the toy target, which is the working directory; locks of devices are in it too."""
    copy_toy(tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LAUNCHER_LOCKS", str(tmp_path / "locks"))
    return tmp_path
