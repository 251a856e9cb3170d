"""Finds a target ("module:function") and its configuration class by reading source, and imports it in workers.

`config: TrainConfig` in the function's signature, and the import that brings the name, tell where the class is; nothing
of the training code runs for that. Checking configurations against the class is `configs`' business.
"""

from __future__ import annotations

import ast
import contextlib
import importlib
import importlib.util
import inspect
import os
import sys
import typing
from collections.abc import Callable, Iterator
from dataclasses import dataclass, is_dataclass
from pathlib import Path
from typing import Any

from launcher.errors import InputError
from launcher.text import did_you_mean

_TAKEN = (
    f"the name {__package__} is this program's own, whose package is loaded wherever a target runs. "
    f"Rename your {__package__}.py, or your folder {__package__}."
)


@dataclass(frozen=True)
class Target:
    """A training function: where it is, and where its configuration class is if reading the source tells."""

    spec: str
    folder: Path  # of the job file; searched first, so that a train.py beside it is found
    config_class: str | None  # "module:class", "dict" for unchecked, or None: ask the module itself

    @property
    def module(self) -> str:
        """The dotted module name."""
        return self.spec.partition(":")[0]

    @property
    def function(self) -> str:
        """The function's name in the module."""
        return self.spec.partition(":")[2]


@contextlib.contextmanager
def importable(target: Target) -> Iterator[None]:
    """Import, and run, as `python train.py` beside the job file would: that folder is searched first.

    And `sys.argv` has no arguments: an argparse in training code would take the launcher's for its own.
    """
    folder, argv = str(target.folder.resolve()), sys.argv
    sys.path.insert(0, folder)
    sys.argv = [_script(target)]
    try:
        yield
    finally:
        sys.argv = argv
        with contextlib.suppress(ValueError):
            sys.path.remove(folder)


def _script(target: Target) -> str:
    """Return the file that a script's `sys.argv[0]` would name."""
    name = target.module.replace(".", os.sep)
    files = [os.path.join(folder, name + end) for folder in sys.path for end in (".py", f"{os.sep}__init__.py")]
    return next((os.path.abspath(file) for file in files if os.path.isfile(file)), files[0])


def find(spec: str, folder: Path) -> Target:
    """Find a target without importing its module (only the packages around it).

    Raises:
        InputError: there is no such module or function, or the function does not take (config, run).
    """
    module, _, function = spec.partition(":")
    if module.partition(".")[0] == __package__:
        raise InputError(f'sweep.target "{spec}": {_TAKEN}')
    with importable(Target(spec, folder, None)):
        try:
            found = importlib.util.find_spec(module)
        except ModuleNotFoundError as error:
            found = None if module.startswith(str(error.name)) else _unimportable(spec, error)
        except (Exception, SystemExit) as error:  # noqa: BLE001  the package's own code runs here and may raise anything
            found = _unimportable(spec, error)
    if found is None:
        raise InputError(
            f'sweep.target "{spec}": there is no module {module}.\n'
            f"  Looked beside the job file ({folder.resolve()}), in the working directory and among installed packages."
        )
    if found.origin is None or not found.origin.endswith(".py"):
        return Target(spec, folder, None)
    file = Path(found.origin)
    try:
        tree = ast.parse(file.read_bytes(), filename=str(file))
    except (SyntaxError, ValueError) as error:
        raise InputError(f'sweep.target "{spec}": {file} is not valid Python: {error}.') from error
    functions = {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}
    if isinstance(functions.get(function), ast.AsyncFunctionDef):
        raise InputError(f'sweep.target "{spec}": {function} is async; a training function is a plain def.')
    if function not in functions:
        if _defines(tree, function):
            return Target(spec, folder, None)
        raise InputError(
            f'sweep.target "{spec}": {file} has no function {function}.{did_you_mean(function, functions)}\n'
            f"  Functions: {', '.join(sorted(functions)) or 'none'}"
        )
    parameters = functions[function].args
    if len(parameters.posonlyargs + parameters.args) < 2:
        raise InputError(
            f'sweep.target "{spec}": {file}:{functions[function].lineno}: {function} must take two arguments, '
            f"as in def {function}(config: TrainConfig, run) -> None."
        )
    first = (parameters.posonlyargs + parameters.args)[0]
    return Target(spec, folder, _config_class(tree, first.annotation, module, found.parent or ""))


def _unimportable(spec: str, error: BaseException) -> typing.NoReturn:
    raise InputError(f'sweep.target "{spec}": importing its package failed: {type(error).__name__}: {error}.')


def _defines(tree: ast.Module, name: str) -> bool:
    """Say whether the module binds the name in some way other than by def (an import, an assignment)."""
    return any(
        (isinstance(node, ast.alias) and (node.asname or node.name) in (name, "*"))
        or (isinstance(node, ast.Name) and node.id == name and isinstance(node.ctx, ast.Store))
        for node in ast.walk(tree)
    )


def _config_class(tree: ast.Module, annotation: ast.expr | None, module: str, package: str) -> str | None:
    """Follow the annotation of the first parameter to the module that defines the class."""
    with contextlib.suppress(SyntaxError):
        if isinstance(annotation, ast.Constant) and isinstance(annotation.value, str):
            annotation = ast.parse(annotation.value, mode="eval").body
    if isinstance(annotation, ast.Subscript) and ast.unparse(annotation.value) == "dict":  # dict[str, Any]
        return "dict"
    if not isinstance(annotation, ast.Name):
        return None
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            for alias in node.names:
                if (alias.asname or alias.name) == annotation.id:
                    try:
                        origin = importlib.util.resolve_name("." * node.level + (node.module or ""), package)
                    except ImportError:
                        return None
                    return f"{origin}:{alias.name}"
        if isinstance(node, ast.ClassDef) and node.name == annotation.id:
            return None
    return "dict" if annotation.id == "dict" else None


def config_class(target: Target) -> type:
    """Return the class of the target's configurations (`dict` where unchecked), importing the target's module.

    Raises:
        InputError: the function or its annotation is not what the contract asks for.
    """
    function = load_function(target)
    try:
        hints = typing.get_type_hints(function)
        first = next(iter(inspect.signature(function).parameters))
    except (NameError, TypeError, ValueError, StopIteration) as error:
        raise InputError(f'sweep.target "{target.spec}": its annotations cannot be read: {error}.') from error
    cls = hints.get(first)
    if typing.get_origin(cls) is dict or cls is dict:
        return dict
    if not (isinstance(cls, type) and is_dataclass(cls)):
        raise InputError(
            f'sweep.target "{target.spec}": the first parameter, {first}, must be annotated with a dataclass '
            "(its fields are the keys of [config]), or with dict for unchecked keys."
        )
    return cls


def load_function(target: Target) -> Callable[[Any, Any], object]:
    """Import the target's module and return the function. For workers; the launcher never calls it."""
    function: Callable[[Any, Any], object] = _attribute(target, target.module, target.function)
    return function


def _attribute(target: Target, module: str, name: str) -> Any:
    try:
        return getattr(importlib.import_module(module), name)
    except AttributeError as error:
        raise InputError(f'sweep.target "{target.spec}": {error}.') from error
    except ImportError as error:
        hint = f"\n  {_TAKEN}" if (error.name or "").partition(".")[0] == __package__ else ""
        raise InputError(f'sweep.target "{target.spec}": importing {module} failed: {error}.{hint}') from error
