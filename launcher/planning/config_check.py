"""Checks configurations against the configuration class of a target, in this process or in a child process.

The launcher must not import training code, which imports torch and may touch a GPU. If `target_source` has found the
class in a module of its own, only this module is imported here. Otherwise the class lives in the training module, or
the source does not tell where it is. The same check then runs in a short-lived child process that sees no GPU: in a
fork of this process, or in a new Python (`main`).
"""

from __future__ import annotations

import contextlib
import importlib
import json
import math
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.machinery import PathFinder
from pathlib import Path
from typing import Any

from launcher import child_process, forked_process
from launcher.config import notation, validation
from launcher.config.class_fields import is_config_class
from launcher.config.resolved import HOW_TO_MEND, Resolved, addresses, describe, differing, is_made_twice
from launcher.config.validation import FieldError
from launcher.errors import InputError
from launcher.text import error_text
from launcher.worker.target import Target, config_class, importable

IMPORT_LIMIT_S = 120.0
_WITHOUT_GPUS = {"CUDA_VISIBLE_DEVICES": ""}


@dataclass(frozen=True)
class CheckedConfig:
    """The configuration of one experiment: resolved with every default, or everything that is wrong with it."""

    resolved: Resolved
    inputs: dict[str, str]  # path → sha256 of the files that the result depends on
    errors: tuple[FieldError, ...]
    work: float | None = None  # what its method `work()` returns: how much there is to do, in any unit
    is_made_twice: bool = False  # made again from its own values, it would be another configuration

    @property
    def config(self) -> dict[str, Any]:
        """All fields with their values."""
        return self.resolved.config


def check(target: Target, configs: Mapping[str, Mapping[str, Any]]) -> dict[str, CheckedConfig]:
    """Check the configuration of every experiment. `configs` are as `notation.read` returns them.

    Raises:
        InputError: the configuration class itself cannot be imported.
    """
    if target.config_class == "dict":
        return {name: _unchecked(config) for name, config in configs.items()}
    if target.config_class is not None:
        module, _, name = target.config_class.partition(":")
        if module != target.module:
            with (
                importable(target),
                contextlib.chdir("."),
            ):  # the import may change the working directory
                cls = _import_class(target, module, name)
                if cls is not None:
                    return _check_all(cls, configs)
            return _check_in_child(target, configs, is_imported=True)
    return _check_in_child(target, configs, is_imported=_is_imported(target))


def _is_imported(target: Target) -> bool:
    """Return whether a name beside the target, or in the working directory, is that of a module imported here.

    In a fork, `import typer` in training code would find the launcher's typer in place of a `typer.py` beside it.
    """
    names = {target.module.partition(".")[0]}
    for folder in (target.folder, "."):
        with contextlib.suppress(OSError):
            names |= {name.partition(".")[0] for name in os.listdir(folder)}
    return not (names - {__name__.partition(".")[0]}).isdisjoint(sys.modules)


def _import_class(target: Target, module: str, name: str) -> type | None:
    """Import the module and return its class; None if only the child can tell, which imports everything anew.

    Raises:
        InputError: the module cannot be imported.
    """
    try:
        package = module.partition(".")[0]
        found, known = PathFinder.find_spec(package), sys.modules.get(package)
        if known is not None and found is not None and getattr(known, "__file__", None) != found.origin:
            return None  # an earlier sweep of this process had another module of the same name
        cls = getattr(importlib.import_module(module), name, None)
    except (Exception, SystemExit) as error:
        message = (
            f'sweep.target "{target.spec}": importing {module} failed: {type(error).__name__}: {error_text(error)}.'
        )
        raise InputError(message) from error
    return cls if is_config_class(cls) else None


def _check_all(cls: type, configs: Mapping[str, Mapping[str, Any]]) -> dict[str, CheckedConfig]:
    return {name: _check_one(cls, config) for name, config in configs.items()}


def _unchecked(config: Mapping[str, Any]) -> CheckedConfig:
    return CheckedConfig(Resolved(notation.bare(config)), {}, ())


def _refused(*errors: FieldError) -> CheckedConfig:
    return CheckedConfig(Resolved({}), {}, errors)


def _check_one(cls: type, given: Mapping[str, Any]) -> CheckedConfig:
    if cls is dict:
        return _unchecked(given)
    instance, errors = validation.check(cls, given)
    if instance is None:
        return _refused(*errors)
    try:
        paths = instance.inputs() if callable(getattr(instance, "inputs", None)) else []
        inputs = {str(path): _sha256(Path(path)) for path in paths}
        resolved = describe(instance, given)
        work = float(instance.work()) if callable(getattr(instance, "work", None)) else None
        again = differing(resolved, validation.build(cls, given), given)
        if changing := dict.fromkeys([*(difference.path for difference in again), *addresses(resolved)]):
            message = f"is another each time the configuration is made.\n  {HOW_TO_MEND}"
            return _refused(*(FieldError(path, message) for path in changing))
    except (ValueError, OSError) as error:
        return _refused(FieldError((), error_text(error) or f"inputs() or work() raised {type(error).__name__}"))
    except Exception as error:  # noqa: BLE001  the user's method runs here
        return _refused(
            FieldError((), f"its inputs(), work() or defaults fail: {type(error).__name__}: {error_text(error)}")
        )
    work = work if work and 0 < work < math.inf else None
    return CheckedConfig(resolved, inputs, (), work, is_made_twice(instance, resolved, given))


def _sha256(path: Path) -> str:
    import hashlib

    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _check_in_child(
    target: Target, configs: Mapping[str, Mapping[str, Any]], *, is_imported: bool
) -> dict[str, CheckedConfig]:
    """Check in a fork of this process, or in a new Python where a module of the user's is imported here already."""
    try:
        if not is_imported and forked_process.is_possible():
            answered = forked_process.ask(lambda: _in_fork(target, configs), IMPORT_LIMIT_S)
        else:
            answered = _ask_new_python(target, configs)
    except forked_process.TookTooLong as error:
        raise InputError(
            f'sweep.target "{target.spec}": importing {target.module} took more than {IMPORT_LIMIT_S:.0f} s.\n'
            '  Does it train when imported? Put that under if __name__ == "__main__".'
        ) from error
    try:
        reply = json.loads(answered.text.splitlines()[-1])
    except (IndexError, ValueError):
        lines = answered.errors.decode("utf-8", "replace").strip().splitlines()
        last = (lines or [f"exit code {answered.exit_code}"])[-1]
        raise InputError(f'sweep.target "{target.spec}": importing {target.module} failed: {last}.') from None
    if not isinstance(reply, dict):
        raise InputError(f'sweep.target "{target.spec}": importing {target.module} gave no answer.')
    if "error" in reply:
        raise InputError(reply["error"])
    if "configs" not in reply:  # it has no class. Unread it stays as it was given: JSON would make text of its dates
        return {name: _unchecked(config) for name, config in configs.items()}
    return _from_reply(reply)


def _ask_new_python(target: Target, configs: Mapping[str, Mapping[str, Any]]) -> forked_process.Answer:
    import subprocess  # not in the child, whose imports a person waits for

    content = {"spec": target.spec, "folder": str(target.folder), "configs": notation.marked(configs)}
    request = json.dumps(content, default=str)
    child = child_process.start_module(
        "launcher.planning.config_check",
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        environment=os.environ | _WITHOUT_GPUS,
    )
    try:
        out, err = child.communicate(request.encode(), IMPORT_LIMIT_S)
    except subprocess.TimeoutExpired as error:
        raise forked_process.TookTooLong from error
    return forked_process.Answer(out, err, child.process.returncode)


def _to_reply(checked: Mapping[str, CheckedConfig]) -> dict[str, Any]:
    """Return what the child tells of configurations. What many share, which is most of it, is told once."""
    rests: dict[Any, tuple[int, dict[str, Any]]] = {}
    configs = {}
    for name, config in checked.items():
        resolved, inputs = config.resolved, config.inputs
        lists = (*map(tuple, (resolved.at_default, resolved.left_out, resolved.unordered, inputs.items())),)
        key = (lists, config.errors, config.is_made_twice)
        if key not in rests:
            of_resolved = {key: value for key, value in vars(resolved).items() if key != "config"}
            errors = [vars(error) for error in config.errors]
            rest = {"resolved": of_resolved, "inputs": inputs, "errors": errors, "is_made_twice": config.is_made_twice}
            rests[key] = len(rests), rest
        configs[name] = resolved.config, config.work, rests[key][0]
    return {"configs": configs, "rests": [rest for _, rest in rests.values()]}


def _from_reply(reply: Mapping[str, Any]) -> dict[str, CheckedConfig]:
    """Return the configurations that the child has checked."""
    rests = []
    for rest in reply["rests"]:
        errors = tuple(FieldError(tuple(error["path"]), error["message"]) for error in rest["errors"])
        rests.append((rest["resolved"], rest["inputs"], errors, rest["is_made_twice"]))
    checked = {}
    for name, (config, work, number) in reply["configs"].items():
        of_resolved, inputs, errors, is_made_twice = rests[number]
        checked[name] = CheckedConfig(Resolved(config, **of_resolved), inputs, errors, work, is_made_twice)
    return checked


def _in_fork(target: Target, configs: Mapping[str, Mapping[str, Any]]) -> bytes:
    os.environ.update(_WITHOUT_GPUS)
    return _reply(target, configs).encode()


def main() -> None:
    """Check configurations in a new Python, for `_ask_new_python`.

    The request is read from stdin. The reply is one line of JSON on stdout. What training code prints goes to stderr.
    """
    request = json.load(sys.stdin)
    print(_reply(Target(request["spec"], Path(request["folder"]), None), notation.read(request["configs"])))


def _reply(target: Target, configs: Mapping[str, Mapping[str, Any]]) -> str:
    """Import the target, check the configurations, and return the outcome as JSON."""
    with contextlib.redirect_stdout(sys.stderr), importable(target):
        try:
            cls = config_class(target)
            reply: dict[str, Any] = {} if cls is dict else _to_reply(_check_all(cls, configs))
        except InputError as error:
            reply = {"error": str(error)}
    return json.dumps(reply, default=str)
