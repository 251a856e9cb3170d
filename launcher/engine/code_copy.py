"""Copies the code of a sweep into its outcome folder, and lets attempts on a cluster run the copy (`code = "copy"`).

    outcome/attempts/_code/<digest>/      the files as they lay in the repository; equal code has one copy

A script is started from the copy, in the working directory that it always has. For a function, folders of the copy are
searched for modules before the folders of the repository. Links lead to modules that git ignores.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import os
import shutil
import sys
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Self
from urllib.parse import unquote, urlsplit

from launcher.clusters.fingerprint import module_file
from launcher.command.script import Script
from launcher.errors import WriteError
from launcher.planning.tracked_code import INSTALLED, TrackedCode
from launcher.worker.spec import Spec

_UNFINISHED = ".unfinished"
_NUM_DIGITS = 12
_CODE = (".py", ".sh", ".yaml", ".yml", ".toml", ".ini", ".cfg")  # words of a command that may name files of the copy


@dataclass(frozen=True)
class CodeCopy:
    """A copy that was made.

    root: the repository's folder.
    folder: of the copy, absolute.
    """

    root: Path
    folder: Path
    files: frozenset[str]

    @classmethod
    def make(cls, code: TrackedCode, parent: Path) -> Self:
        """Copy the code into a folder below `parent`, unless its copy is there. The caller holds the outcome's lock.

        Raises:
            WriteError: it cannot be copied, or the copy was edited.
        """
        made = parent / _UNFINISHED
        try:
            shutil.rmtree(made, ignore_errors=True)  # a launch was killed
            made.mkdir(parents=True)
            (parent / ".gitignore").write_text("*\n")  # or another sweep of this repository would copy the copies
            for name in code.files:
                _copy(code.root, name, made)
            digest = _digest(made, code.files)
            folder = parent / digest[:_NUM_DIGITS]
            if not os.path.lexists(folder):
                made.rename(folder)
            elif _digest(folder, code.files) != digest:
                raise WriteError(f"{folder} is a copy of the code, and was edited. Move it away, and launch again.")
            for name in code.beside:
                if not os.path.lexists(folder / name):
                    (folder / name).symlink_to(code.root / name)
        except OSError as error:
            raise WriteError(f"the code cannot be copied: {error.filename or parent}: {error.strerror}.") from error
        finally:
            shutil.rmtree(made, ignore_errors=True)
        return cls(code.root, folder, frozenset(code.files))

    def spec(self, spec: Spec) -> Spec:
        """Return the specification of an attempt that runs the copy."""
        if spec.script is not None:
            return replace(spec, script=self._script(spec.script))
        own = map(self._in_copy, (spec.folder, Path.cwd()))
        return replace(spec, search=tuple(dict.fromkeys(filter(None, [*own, *self._places]))))

    def outside(self, modules: Iterable[str], folder: Path) -> tuple[str, ...]:
        """Return those modules that the repository does not have: a process that imports them may run any copy."""
        files = {module: module_file(module, folder) for module in modules}
        return tuple(name for name, file in files.items() if file is None or not self._in_copy(file.resolve()))

    def _script(self, script: Script) -> Script:
        argv = tuple(self._word(word, script.folder) for word in script.argv)
        path = script.environment.get("PYTHONPATH", os.environ.get("PYTHONPATH", ""))
        given = [self._in_copy(script.folder / entry) or entry for entry in path.split(os.pathsep) if entry]
        own = [os.path.dirname(script.folder / word) for word in script.argv if word.endswith(".py")][:1]
        search = os.pathsep.join(dict.fromkeys(filter(None, [*given, *self._places, *own])))
        return replace(script, argv=argv, environment=script.environment | {"PYTHONPATH": search})

    def _word(self, word: str, folder: Path) -> str:
        """Return a word of a command, or of `key=word`, which names its file in the copy if it names a file of code."""
        key, equals, value = word.rpartition("=")
        if not value.endswith(_CODE) or "\0" in value:
            return word
        path = Path(os.path.realpath(folder / value))
        if not path.is_relative_to(self.root) or str(path.relative_to(self.root)) not in self.files:
            return word
        return f"{key}{equals}{self._in_copy(path)}"

    def _in_copy(self, path: Path) -> str:
        """Return where a folder or file of the repository is in the copy; empty if it is not there."""
        path = Path(os.path.realpath(path))
        copied = self.folder / os.path.relpath(path, self.root)
        return str(copied) if path.is_relative_to(self.root) and copied.exists() else ""

    @cached_property
    def _places(self) -> list[str]:
        """The folders of the copy in whose originals Python finds modules, whatever the working directory is."""
        originals = [Path(entry) for entry in sys.path[1:] if entry and not INSTALLED & {*Path(entry).parts}]
        originals += _editable_folders()
        return [copied for folder in originals if (copied := self._in_copy(folder))]


def _editable_folders() -> list[Path]:
    """Return the folders of projects that are installed by `pip install -e`, with src/ before each."""
    found = []
    for distribution in importlib.metadata.distributions():
        try:
            told = json.loads(distribution.read_text("direct_url.json") or "{}")
            if told.get("dir_info", {}).get("editable"):
                folder = Path(unquote(urlsplit(told["url"]).path))
                found += [folder / "src", folder]
        except (OSError, ValueError, KeyError, AttributeError):
            continue
    return [folder for folder in found if folder.is_dir()]


def _copy(root: Path, name: str, made: Path) -> None:
    """Copy a file with its permissions. A link stays a link; it leads outside if it did."""
    source, target = root / name, made / name
    target.parent.mkdir(parents=True, exist_ok=True)
    if not source.is_symlink():
        shutil.copy(source, target)
        return
    leads = Path(os.path.realpath(source))
    is_inside = leads.is_relative_to(root)
    target.symlink_to(os.path.relpath(leads, os.path.realpath(source.parent)) if is_inside else leads)


def _digest(folder: Path, files: Iterable[str]) -> str:
    found = hashlib.sha256()
    for name in files:
        path = folder / name
        content = os.fsencode(os.readlink(path)) if path.is_symlink() else path.read_bytes()
        found.update(os.fsencode(name) + b"\0" + str(len(content)).encode() + b"\0" + content)
        found.update(b"x" if os.access(path, os.X_OK) else b"-")
    return found.hexdigest()
