"""What must be the same on a node as where an order was written, so that the same numbers come out.

The order holds the fingerprint of the machine that wrote it. The supervisor takes the node's and compares. Nothing is
imported for it: files are read, and packages are asked for their versions.
"""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from launcher.store.files import read
from launcher.store.provenance import package_version
from launcher.worker.spec import Spec

_ROOT = Path(__file__).parent.parent
# Packages that act on no node: what they hold cannot change a number.
_ELSEWHERE = frozenset({"cli", "planning", "reports", "search", "terminal"})
_PACKAGES = {"launcher": "sweep-launcher", "torch": "torch"}
_MEND = "Give both machines the same environment, such as by setup = [...] of [cluster]"
_WORDS = {
    "launcher": ("the launcher's version", _MEND),
    "sources": ("the launcher's code", _MEND),
    "python": ("Python", _MEND),
    "torch": ("torch", _MEND),
    "target": ("the target's module", "It was edited meanwhile, or this node sees another copy. Launch again"),
    "script": ("the script", "It was edited meanwhile, or this node sees another copy. Launch again"),
}


def fingerprint(spec: Spec) -> dict[str, str]:
    """Return what must be the same for an attempt, as this process finds it on its machine.

    A text is a version, or the digest of a file. What is not there, or has no source that can be read, is missing.
    """
    found = {name: package_version(package) for name, package in _PACKAGES.items()}
    found |= {"sources": _digest_of_sources(), "python": f"{sys.version_info.major}.{sys.version_info.minor}"}
    if spec.script is None:
        found["target"] = _digest(module_file(spec.target.partition(":")[0], *map(Path, spec.search), spec.folder))
    else:
        found["script"] = _digest(_script_file(spec.script.argv, spec.script.folder))
    return {name: text for name, text in found.items() if text}


def differences(ordered: Mapping[str, str], here: Mapping[str, str]) -> list[str]:
    """Return what differs between the machine of the order and this one, a sentence each; none if all is the same.

    What the order does not name is not compared.
    """
    return [
        f"{what} is {_shown(here.get(name, ''))} on this node, and was {_shown(text)} where the order was written. {do}"
        for name, text in ordered.items()
        if here.get(name, "") != text
        for what, do in [_WORDS.get(name, (name, _MEND))]
    ]


def module_file(module: str, *folders: Path) -> Path | None:
    """Return the source file of a module, which is not imported; None if there is none.

    `folders` are searched first.
    """
    parts = module.split(".")
    for place in [*folders, Path.cwd(), *map(Path, sys.path)]:
        path = place.joinpath(*parts)
        for file in (path / "__init__.py", path.parent / f"{path.name}.py"):
            if os.path.isfile(file):
                return file
    return None


def _script_file(argv: tuple[str, ...], folder: Path) -> Path | None:
    """Return the file of Python code that a command runs; None if it names none."""
    files = (folder / word for word in argv if word.endswith(".py") and "\0" not in word)
    return next((file for file in files if os.path.isfile(file)), None)


def _digest(file: Path | None) -> str:
    if file is None:
        return ""
    try:
        return hashlib.sha256(read(file.resolve())).hexdigest()
    except OSError:
        return ""


@cache
def _digest_of_sources() -> str:
    """Return a digest of the launcher's own code, as far as it runs on a node."""
    found = hashlib.sha256()
    for folder, folders, files in os.walk(_ROOT):
        folders[:] = sorted(name for name in folders if folder != str(_ROOT) or name not in _ELSEWHERE)
        for name in sorted(files):
            if name.endswith(".py"):
                path = os.path.join(folder, name)
                found.update(os.path.relpath(path, _ROOT).encode() + b"\0")
                with open(path, "rb") as file:
                    found.update(file.read() + b"\0")
    return found.hexdigest()


def _shown(text: str) -> str:
    """Return a version as it is, and the beginning of a digest."""
    return (text[:12] if len(text) == 64 else text) or "missing"
