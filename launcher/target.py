"""Finds a target ("module:function") and its configuration class, and checks configurations against that class.

The launcher must not import training code: it drags in torch and may touch a GPU. So the class is found by reading the
source of the target's module (`config: TrainConfig` and the import that brings the name), and only the module that
defines the class is imported. Where the class lives in the training module itself, or cannot be found by reading, the
same check runs in a short-lived child process (`python -m launcher.target`), which sees no GPU.
"""

from __future__ import annotations

import ast
import contextlib
import hashlib
import importlib
import importlib.util
import inspect
import json
import os
import subprocess
import sys
import typing
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, is_dataclass
from pathlib import Path
from typing import Any

from launcher import fields
from launcher.errors import InputError, did_you_mean
from launcher.fields import Fault

IMPORT_LIMIT_S = 120.0


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


@dataclass(frozen=True)
class Checked:
    """One experiment's configuration: resolved with every default, or what is wrong with it."""

    config: dict[str, Any]
    inputs: dict[str, str]  # path → sha256 of the files the result depends on
    faults: tuple[Fault, ...]


@contextlib.contextmanager
def importable(folder: Path) -> Iterator[None]:
    """Search the job file's folder first when importing."""
    sys.path.insert(0, str(folder.resolve()))
    try:
        yield
    finally:
        with contextlib.suppress(ValueError):
            sys.path.remove(str(folder.resolve()))


def find(spec: str, folder: Path) -> Target:
    """Find a target without importing its module (only the packages around it).

    Raises:
        InputError: there is no such module or function, or the function does not take (config, run).
    """
    module, _, function = spec.partition(":")
    with importable(folder):
        try:
            found = importlib.util.find_spec(module)
        except ModuleNotFoundError as error:
            found = None if module.startswith(str(error.name)) else _unimportable(spec, error)
        except Exception as error:  # noqa: BLE001  the package's own code runs here and may raise anything
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


def _unimportable(spec: str, error: Exception) -> typing.NoReturn:
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
    if isinstance(annotation, ast.Constant) and isinstance(annotation.value, str):
        annotation = ast.parse(annotation.value, mode="eval").body
    if isinstance(annotation, ast.Subscript):  # dict[str, Any]
        annotation = annotation.value
    if not isinstance(annotation, ast.Name):
        return None
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            for alias in node.names:
                if (alias.asname or alias.name) == annotation.id:
                    origin = importlib.util.resolve_name("." * node.level + (node.module or ""), package)
                    return f"{origin}:{alias.name}"
        if isinstance(node, ast.ClassDef) and node.name == annotation.id:
            return None
    return "dict" if annotation.id == "dict" else None


def check(target: Target, configs: Mapping[str, Mapping[str, Any]]) -> dict[str, Checked]:
    """Check the configuration of every experiment.

    Raises:
        InputError: the configuration class itself cannot be had.
    """
    if target.config_class == "dict":
        return {name: Checked(dict(config), {}, ()) for name, config in configs.items()}
    if target.config_class is not None:
        module, _, name = target.config_class.partition(":")
        if module != target.module:
            with importable(target.folder):
                cls = _attribute(target, module, name)
                return _check_all(cls, configs)
    return _check_in_child(target, configs)


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
        raise InputError(f'sweep.target "{target.spec}": importing {module} failed: {error}.') from error


def _check_all(cls: type, configs: Mapping[str, Mapping[str, Any]]) -> dict[str, Checked]:
    return {name: _check_one(cls, config) for name, config in configs.items()}


def _check_one(cls: type, config: Mapping[str, Any]) -> Checked:
    if cls is dict:
        return Checked(dict(config), {}, ())
    instance, faults = fields.check(cls, config)
    if instance is None:
        return Checked({}, {}, tuple(faults))
    try:
        paths = instance.inputs() if callable(getattr(instance, "inputs", None)) else []
        inputs = {str(path): _sha256(Path(path)) for path in paths}
    except (ValueError, OSError) as error:
        return Checked({}, {}, (Fault(None, str(error)),))
    return Checked(fields.plain(instance), inputs, ())


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _check_in_child(target: Target, configs: Mapping[str, Mapping[str, Any]]) -> dict[str, Checked]:
    request = json.dumps({"spec": target.spec, "folder": str(target.folder), "configs": configs}, default=str)
    try:
        answer = subprocess.run(
            [sys.executable, "-m", "launcher.target"],
            input=request,
            capture_output=True,
            text=True,
            timeout=IMPORT_LIMIT_S,
            env={**os.environ, "CUDA_VISIBLE_DEVICES": ""},
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise InputError(
            f'sweep.target "{target.spec}": importing {target.module} took more than {IMPORT_LIMIT_S:.0f} s.\n'
            '  Does it train when imported? Put that under if __name__ == "__main__".'
        ) from error
    try:
        reply = json.loads(answer.stdout.splitlines()[-1])
    except (IndexError, ValueError):
        last = (answer.stderr.strip().splitlines() or [f"exit code {answer.returncode}"])[-1]
        raise InputError(f'sweep.target "{target.spec}": importing {target.module} failed: {last}.') from None
    if "error" in reply:
        raise InputError(reply["error"])
    return {
        name: Checked(one["config"], one["inputs"], tuple(Fault(**fault) for fault in one["faults"]))
        for name, one in reply.items()
    }


def _answer() -> None:
    """Be the child of `_check_in_child`: a request on stdin, one line of JSON on stdout, everything else on stderr."""
    request = json.load(sys.stdin)
    target = Target(request["spec"], Path(request["folder"]), None)
    with contextlib.redirect_stdout(sys.stderr), importable(target.folder):
        try:
            reply: dict[str, Any] = {
                name: asdict(checked) for name, checked in _check_all(config_class(target), request["configs"]).items()
            }
        except InputError as error:
            reply = {"error": str(error)}
    print(json.dumps(reply, default=str))


if __name__ == "__main__":
    _answer()
