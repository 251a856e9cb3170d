"""A target, the training function named by "module:function", and how a worker imports it.

`planning.target_source` finds a target for the launcher, which reads the source and imports no training code.
"""

from __future__ import annotations

import contextlib
import importlib
import inspect
import os
import sys
import typing
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from launcher.config.class_fields import is_config_class
from launcher.errors import InputError
from launcher.text import error_text

_OUR_PACKAGE = __name__.partition(".")[0]
NAME_TAKEN = (
    f"the name {_OUR_PACKAGE} is this program's own, whose package is loaded wherever a target runs. "
    f"Rename your {_OUR_PACKAGE}.py, or your folder {_OUR_PACKAGE}."
)


@dataclass(frozen=True)
class Target:
    """A training function: its name, the folder of its job file, and its configuration class where that is known."""

    spec: str  # "module:function"
    folder: Path  # of the job file; searched first, so that a train.py beside it is found
    config_class: str | None  # "module:class", "dict" for unchecked keys, or None: only importing the module can tell
    search: tuple[str, ...] = ()  # folders with a copy of the code, searched before all others

    @property
    def module(self) -> str:
        """The dotted module name."""
        return self.spec.partition(":")[0]

    @property
    def function(self) -> str:
        """The function's name in the module."""
        return self.spec.partition(":")[2]


def is_our_name(module: str) -> bool:
    """Return whether a module's name belongs to this program, so that a target's module cannot have it."""
    return module.partition(".")[0] == _OUR_PACKAGE


@contextlib.contextmanager
def importable(target: Target) -> Iterator[None]:
    """Let imports work as in `python train.py` beside the job file: that folder is searched first.

    `sys.argv` has no arguments meanwhile. With the launcher's arguments there, an argparse in training code would
    read them as its own.
    """
    folders, argv = [*target.search, str(target.folder.resolve())], sys.argv
    sys.path[:0] = folders
    sys.argv = [_script(target)]
    try:
        yield
    finally:
        sys.argv = argv
        for folder in folders:
            with contextlib.suppress(ValueError):
                sys.path.remove(folder)


def _script(target: Target) -> str:
    """Return the path that `sys.argv[0]` would have if the target's module were run as a script."""
    name = target.module.replace(".", os.sep)
    files = [os.path.join(folder, name + end) for folder in sys.path for end in (".py", f"{os.sep}__init__.py")]
    return next((os.path.abspath(file) for file in files if os.path.isfile(file)), files[0])


def config_class(target: Target) -> type:
    """Import the target's module and return the class of its configurations; `dict` where keys are not checked.

    Raises:
        InputError: the first parameter is annotated with neither a class that has fields nor dict, or there is no such
            function.
    """
    function = load_function(target)
    try:
        hints = typing.get_type_hints(function)
        first = next(iter(inspect.signature(function).parameters))
    except (NameError, TypeError, ValueError, StopIteration) as error:
        raise InputError(
            f'sweep.target "{target.spec}": its annotations cannot be read: {error_text(error)}.'
        ) from error
    cls = hints.get(first)
    if typing.get_origin(cls) is dict or cls is dict:
        return dict
    if not (isinstance(cls, type) and is_config_class(cls)):
        raise InputError(
            f'sweep.target "{target.spec}": the first parameter, {first}, must be annotated with a dataclass '
            "or a model of pydantic (its fields are the keys of [config]), or with dict for unchecked keys."
        )
    return cls


def load_function(target: Target) -> Callable[[Any, Any], object]:
    """Import the target's module and return the function. Only child processes call this, never the launcher.

    Raises:
        InputError: the module cannot be imported or has no such function.
    """
    try:
        function: Callable[[Any, Any], object] = getattr(importlib.import_module(target.module), target.function)
    except AttributeError as error:
        raise InputError(f'sweep.target "{target.spec}": {error}.') from error
    except ImportError as error:
        hint = f"\n  {NAME_TAKEN}" if is_our_name(error.name or "") else ""
        raise InputError(
            f'sweep.target "{target.spec}": importing {target.module} failed: {error_text(error)}.{hint}'
        ) from error
    return function
