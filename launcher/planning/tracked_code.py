"""Finds the code of a sweep in its git repository, for `code = "copy"`: what a launch on a cluster copies.

Jobs may wait for hours. With a copy, the code may be edited meanwhile.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from launcher.child_process import start_program
from launcher.clusters.fingerprint import module_file
from launcher.errors import InputError
from launcher.planning.job import Sweep
from launcher.text import inline

MOST_BYTES = 20_000_000
_LIMIT_S = 30.0  # a network folder is slow
_NUM_NAMED = 3
INSTALLED = frozenset({"site-packages", "dist-packages"})
_STARTERS = ("torch.distributed.run", "torch.distributed.launch", "accelerate.commands.launch", "deepspeed")
_OF_HOOKS = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX", "GIT_COMMON_DIR")  # they name a repository
_INSTEAD = 'Or leave code = "copy" out: then code must not be edited while jobs wait.'


@dataclass(frozen=True)
class TrackedCode:
    """What git tracks in a repository, and Python files that git does neither track nor ignore.

    root: the repository's folder, without links.
    files: relative to it, in order; links to files and folders are among them.
    beside: further modules in the folders of Python files, as `_version.py` and `_ext.so`, which git ignores.
    """

    root: Path
    files: tuple[str, ...]
    num_bytes: int
    beside: tuple[str, ...] = ()

    @classmethod
    def of(cls, sweep: Sweep) -> Self | None:
        """Return the code that the target or the script of a sweep belongs to; None if the job file wants no copy.

        Raises:
            InputError: no copy can be made of it, or a copy would not be what runs.
        """
        if sweep.cluster.code != "copy":
            return None
        file = _code_file(sweep)
        answer = _git(file.parent, "rev-parse", "--show-toplevel")
        root = Path(os.fsdecode(answer.rstrip(b"\n"))).resolve()
        found = _files(root, sweep.outcome.absolute().resolve())
        if os.path.relpath(file, root) not in found:
            raise _error(f"git ignores {inline(str(file), 500)}. Let git track it: git add -f {file.name}.")
        if (num_bytes := sum(found.values())) > MOST_BYTES:
            largest = sorted(found, key=lambda name: -found[name])[:_NUM_NAMED]
            named = ", ".join(f"{inline(name, 200)} ({found[name] / 1e6:.1f} MB)" for name in largest)
            raise _error(
                f"what git tracks or does not ignore in {root} is {num_bytes / 1e6:.0f} MB, and at most "
                f"{MOST_BYTES / 1e6:.0f} MB are copied. The largest files are {named}."
            )
        return cls(root, tuple(sorted(found)), num_bytes, tuple(_modules_beside(root, found)))


def _code_file(sweep: Sweep) -> Path:
    """Return the file of the target's module or of the script, without links."""
    settings = sweep.settings
    if settings.inside:
        raise _error("with inside = true a script runs where it lies.")
    if settings.target:
        found = module_file(settings.target.partition(":")[0], sweep.target_folder.absolute())
        if found is None:
            raise _error(f'the target "{settings.target}" has no source file.')
        return found.resolve()
    folder = Path.cwd() if "{" in settings.cwd else Path(settings.cwd).absolute()
    for before, word in zip(["", *settings.command], settings.command, strict=False):
        if before == "-m" and word not in _STARTERS:
            raise _error(f'"-m {inline(word, 100)}" runs a module of the working directory. Name its file.')
        if word.endswith((".py", ".sh")) and (folder / word).is_file():
            return (folder / word).resolve()
    raise _error("the command names no file that ends in .py or .sh.")


def _files(root: Path, outcome: Path) -> dict[str, int]:
    """Return the files to copy with their sizes in bytes. What launches have copied before is not among them."""
    listed = _git(root, "ls-files", "-z", "--cached", "--recurse-submodules")
    listed += _git(root, "ls-files", "-z", "--others", "--exclude-standard", "--", "*.py")
    found = {}
    for name in map(os.fsdecode, filter(None, listed.split(b"\0"))):
        path = root / name
        if path.is_relative_to(outcome) or not os.path.lexists(path) or (path.is_dir() and not path.is_symlink()):
            continue  # it was removed since git has seen it, or is a submodule that is not here
        if INSTALLED & {*path.parts}:
            continue  # in an environment that git does not ignore
        found[name] = os.lstat(path).st_size
    return found


def _modules_beside(root: Path, files: Iterable[str]) -> Iterator[str]:
    """Yield the modules in the folders of Python files that are not among the files themselves."""
    known = set(files)
    for folder in sorted({os.path.dirname(name) for name in known if name.endswith(".py")}):
        for name in sorted(os.listdir(root / folder)):
            path = os.path.join(folder, name)
            if name.endswith((".py", ".so", ".pyd")) and path not in known and (root / path).is_file():
                yield path


def _git(folder: Path, *words: str) -> bytes:
    environment = {key: value for key, value in os.environ.items() if key not in _OF_HOOKS}
    command = ["git", "--no-optional-locks", "-C", str(folder), *words]
    try:
        git = start_program(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, environment=environment)
        found, told = git.communicate(limit_s=_LIMIT_S)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise _error(f"git does not answer: {error}.") from error
    if git.process.returncode:
        why = inline(told.decode("utf-8", "replace").strip(), 500)
        raise _error(f"{inline(str(folder), 500)} cannot be read by git: {why}. In a folder without git: git init.")
    return found


def _error(why: str) -> InputError:
    return InputError(f'cluster.code = "copy": {why}\n  {_INSTEAD}')
