"""A target that a Python program names: "module:function", or the function itself.

A worker is another process. It imports the module by its name, so the function must stand in a file: a function of a
notebook cell, of the program's main file, or of another function cannot be imported.
"""

from __future__ import annotations

import inspect
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from launcher.errors import InputError
from launcher.text import inline

_INSTALLED = ("site-packages", "dist-packages")


def spec_of(target: str | Callable[..., Any]) -> str:
    """Return a target as "module:function".

    Raises:
        InputError: the function cannot be imported by a worker.
    """
    if isinstance(target, str):
        return target
    module, name = getattr(target, "__module__", None), getattr(target, "__qualname__", None)
    if not inspect.isroutine(target) or not isinstance(module, str) or not isinstance(name, str):
        raise InputError(f'target is a function, or text as "module:function", not {inline(repr(target), 100)}.')
    if module == "__main__":
        raise InputError(
            f"the target {inline(name)} is a function of a notebook cell or of the main program, which a worker cannot "
            'import.\n  Put it into a file beside it, such as train.py, and give target="train:run", or import it from '
            "there."
        )
    found = getattr(sys.modules.get(module), name, None) if "." not in name and "<" not in name else None
    if found is not target:
        raise InputError(
            f"the target {inline(f'{module}:{name}')} cannot be imported by a worker: it is no function at the top "
            "level of its module.\n  Define it there with def, and give its configuration to experiments."
        )
    return f"{module}:{name}"


def folder_of(spec: str) -> Path:
    """Return the folder in which a worker finds the target's module: where this program would import it from.

    Relative to the working directory if it lies below. The working directory if the module is found nowhere, or is
    installed.
    """
    top = spec.partition(":")[0].partition(".")[0]
    for entry in ("", *sys.path):
        folder = Path(entry or os.curdir).absolute()
        is_there = (folder / f"{top}.py").is_file() or (folder / top / "__init__.py").is_file()
        if is_there and not any(part in folder.parts for part in _INSTALLED):
            here = Path.cwd()
            return folder.relative_to(here) if folder.is_relative_to(here) else folder
    return Path()
