"""Which commit a sweep was launched from."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

from launcher.planning.provenance import commit


def test_the_commit_is_that_of_the_folder_and_says_if_it_is_dirty(tmp_path: Path) -> None:
    assert commit(tmp_path / "absent") == ""
    clean = {key: value for key, value in os.environ.items() if not key.startswith("GIT_")}

    def git(*words: str) -> None:
        identity = ["-c", "user.name=a", "-c", "user.email=a@b"]
        subprocess.run(["git", "-C", str(tmp_path), *identity, *words], check=True, capture_output=True, env=clean)

    git("init")
    assert commit(tmp_path) == "", "no commit yet"
    (tmp_path / "f").write_text("1")
    git("add", "f")
    git("commit", "-m", "m")
    assert re.fullmatch(r"[0-9a-f]{40}", commit(tmp_path))
    (tmp_path / "f").write_text("2")
    assert re.fullmatch(r"[0-9a-f]{40}-dirty", commit(tmp_path))
