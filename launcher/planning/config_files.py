"""The files of `args = "file"` for a check.

An attempt writes its own file when it starts. A check must not write there, as an attempt may be running. So the files
of a check lie in a folder that is gone after it, and what a script says of them is told with the names they will have.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path


class CheckFiles:
    """The file of each experiment, by its name; there is none without `args = "file"`."""

    def __init__(self, files: Mapping[str, tuple[str, str]], folder: str) -> None:
        """Prepare. `files`: the path that the file of an attempt has, and its content."""
        self._files = files
        names = {name: Path(path).name for name, (path, _) in files.items()}
        self._there = {name: str(Path(folder, str(number), names[name])) for number, name in enumerate(names)}

    def words(self, name: str, words: Sequence[str]) -> list[str]:
        """Return the command of an experiment with the path of the file of this check."""
        if name not in self._files:
            return list(words)
        return [word.replace(self._files[name][0], self._there[name]) for word in words]

    def write(self) -> None:
        """Write the files. A script that reads its file before this moment ends, and trains nothing."""
        for name, (_, content) in self._files.items():
            path = Path(self._there[name])
            path.parent.mkdir()
            path.write_text(content, encoding="utf-8")

    def told(self, text: str) -> str:
        """Return what a script has said with the paths that attempts have."""
        for name, (path, _) in self._files.items():
            text = text.replace(self._there[name], path)
        return text


@contextmanager
def check_files(files: Mapping[str, tuple[str, str]]) -> Iterator[CheckFiles]:
    """Prepare files, none of which is there after the block."""
    if not files:
        yield CheckFiles(files, "")
        return
    with tempfile.TemporaryDirectory(prefix="launcher-check-") as folder:  # nobody else can read it
        yield CheckFiles(files, folder)
