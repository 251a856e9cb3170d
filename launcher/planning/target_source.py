"""Finds a target ("module:function") and its configuration class by reading source, so that no training code runs.

In `def run(config: TrainConfig, run)` the annotation of the first parameter names the class. The import statement that
brings this name into the module says which module defines the class. `config_check` checks configurations against it.
"""

from __future__ import annotations

import ast
import contextlib
import importlib.util
from pathlib import Path
from typing import Any, NoReturn

from launcher.errors import InputError
from launcher.store.metric import Metric
from launcher.store.names import is_metric
from launcher.text import did_you_mean, error_text
from launcher.worker.target import NAME_TAKEN, Target, importable, is_our_name


def find(spec: str, folder: Path) -> Target:
    """Find a target without importing its module. Packages around the module are imported.

    `folder`: of the job file. It is searched first, then the working directory and installed packages.

    Raises:
        InputError: there is no such module or function, or the function does not take (config, run).
    """
    module, _, name = spec.partition(":")
    if is_our_name(module):
        raise InputError(f'sweep.target "{spec}": {NAME_TAKEN}')
    unread = Target(spec, folder, None)
    found = _module_file(unread)
    if found is None:  # a compiled module, say: only importing it can tell more
        return unread
    file, package = found
    try:
        tree = ast.parse(file.read_bytes(), filename=str(file))
    except (SyntaxError, ValueError) as error:
        raise InputError(f'sweep.target "{spec}": {file} is not valid Python: {error}.') from error
    function = _function(tree, name, spec, file)
    if function is None:
        return unread
    parameters = function.args.posonlyargs + function.args.args
    if len(parameters) < 2:
        raise InputError(
            f'sweep.target "{spec}": {file}:{function.lineno}: {name} must take two arguments, '
            f"as in def {name}(config: TrainConfig, run) -> None."
        )
    return Target(spec, folder, _config_class(tree, parameters[0].annotation, package))


def find_metrics(spec: str, folder: Path) -> dict[str, dict[str, str]]:
    """Return unit and scale of the metrics that a target's module describes, read from its source; or none.

    `METRICS = {"loss": {"unit": "nats per token", "scale": "log"}}` at the top of the module is found. Any other
    `METRICS` is the module's own affair.
    """
    try:
        found = _module_file(Target(spec, folder, None))
        tree = ast.parse(found[0].read_bytes()) if found else ast.Module([], [])
    except (InputError, OSError, SyntaxError, ValueError):  # told by `find`
        return {}
    content: Any = {}
    for node in tree.body:
        is_ours = isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "METRICS"
        if isinstance(node, ast.Assign | ast.AnnAssign) and (
            is_ours or (isinstance(node, ast.AnnAssign) and ast.unparse(node.target) == "METRICS")
        ):
            with contextlib.suppress(ValueError, TypeError, MemoryError, RecursionError):
                content = ast.literal_eval(node.value) if node.value else {}
    if not isinstance(content, dict):
        return {}
    return {name: Metric.of_details(name, details).details for name, details in content.items() if is_metric(name)}


def _module_file(target: Target) -> tuple[Path, str] | None:
    """Return the source file of the target's module and the package it is in; None if it has no Python source."""
    try:
        with importable(target):
            found = importlib.util.find_spec(target.module)
    except ModuleNotFoundError as error:
        found = None if target.module.startswith(str(error.name)) else _raise_unimportable(target.spec, error)
    except (Exception, SystemExit) as error:  # noqa: BLE001  the package's own code runs here and may raise anything
        _raise_unimportable(target.spec, error)
    if found is None:
        raise InputError(
            f'sweep.target "{target.spec}": there is no module {target.module}.\n'
            f"  Looked beside the job file ({target.folder.resolve()}), in the working directory and among installed "
            "packages."
        )
    if found.origin is None or not found.origin.endswith(".py"):
        return None
    return Path(found.origin), found.parent or ""


def _raise_unimportable(spec: str, error: BaseException) -> NoReturn:
    told = f"{type(error).__name__}: {error_text(error)}"
    raise InputError(f'sweep.target "{spec}": importing its package failed: {told}.')


def _function(tree: ast.Module, name: str, spec: str, file: Path) -> ast.FunctionDef | None:
    """Return the definition of a function; None if the module binds the name in another way, as by an import."""
    functions = {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}
    function = functions.get(name)
    if isinstance(function, ast.AsyncFunctionDef):
        raise InputError(f'sweep.target "{spec}": {name} is async; a training function is a plain def.')
    if function is None and not _binds(tree, name):
        raise InputError(
            f'sweep.target "{spec}": {file} has no function {name}.{did_you_mean(name, functions)}\n'
            f"  Functions: {', '.join(sorted(functions)) or 'none'}"
        )
    return function


def _binds(tree: ast.Module, name: str) -> bool:
    """Return whether an import or an assignment anywhere in the module may bind the name."""
    return any(
        (isinstance(node, ast.alias) and (node.asname or node.name) in (name, "*"))
        or (isinstance(node, ast.Name) and node.id == name and isinstance(node.ctx, ast.Store))
        for node in ast.walk(tree)
    )


def _config_class(tree: ast.Module, annotation: ast.expr | None, package: str) -> str | None:
    """Return the class that an annotation names, as "module:class", "dict", or None if the source does not tell.

    `package`: of the module read; relative imports start from it.
    """
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
            return None  # the class lives in the training module itself
    return "dict" if annotation.id == "dict" else None
