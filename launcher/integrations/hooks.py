"""What is added to a library right after a script has imported it, where its job file has `hooks`.

`launcher/shim/sitecustomize.py` calls these functions, each with the library's module that it has waited for. In a
script that no launcher has started, nobody calls them.
"""

from __future__ import annotations

import functools
import inspect

from launcher.integrations.adapter import Adapter

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from types import ModuleType
    from typing import Any


def hook_wandb(module: ModuleType) -> None:
    """Record what is logged to wandb's runs. wandb's own mode, online, offline or disabled, stays as it is."""
    for name in ("Run", "NoopRun"):
        cls = vars(module).get(name)
        if cls is not None and "log" in vars(cls):
            cls.log = _recorded(cls.log)


def _recorded(log: Callable[..., Any]) -> Callable[..., Any]:
    adapter = Adapter("wandb")

    @functools.wraps(log)
    def _log_and_record(self: Any, data: Any, step: int | None = None, commit: bool | None = None, **more: Any) -> Any:
        result = log(self, data, step=step, commit=commit, **more)
        try:
            adapter.log(_wandb_step(self, step, commit), data)
        except Exception as error:  # noqa: BLE001  the values are the user's objects, and wandb has taken them
            adapter.tell(error)
        return result

    return _log_and_record


def _wandb_step(run: Any, step: int | None, commit: bool | None) -> int:
    """Return the step of a call, by wandb's rules: calls are counted from 0, and one without `commit` shares its step.

    wandb would have to ask another process for the step.
    """
    kept = vars(run)  # a Run refuses other attributes
    current: int = max(kept.get("_launcher_step", 0), step or 0)
    is_committed = commit if commit is not None else step is None
    kept["_launcher_step"] = current + 1 if is_committed else current
    return current


def hook_transformers(module: ModuleType) -> None:
    """Give every Trainer the callback."""
    from launcher.integrations.transformers import LauncherCallback

    module.DEFAULT_CALLBACKS.append(LauncherCallback)


def hook_lightning(module: Any) -> None:
    """Give every Trainer the callback, as the entry point does where the launcher is installed."""
    load = module._load_external_callbacks

    @functools.wraps(load)
    def _load_with_ours(group: str) -> list[Any]:
        from launcher.integrations.lightning import LauncherCallback, callbacks

        found: list[Any] = load(group)
        return found if any(isinstance(each, LauncherCallback) for each in found) else [*found, *callbacks()]

    module._load_external_callbacks = _load_with_ours


def hook_accelerate(module: ModuleType) -> None:
    """Record what is logged by any Accelerator, whatever trackers it has."""
    cls = module.Accelerator
    log, adapter = cls.log, Adapter("accelerate")
    num_calls = 0

    @functools.wraps(log)
    def _log_and_record(self: Any, values: Mapping[str, Any], step: int | None = None, **more: Any) -> Any:
        nonlocal num_calls
        result = log(self, values, step=step, **more)
        num_calls += 1
        adapter.log(num_calls if step is None else step, values)
        return result

    cls.log = _log_and_record


def hook_keras(module: ModuleType) -> None:
    """Give every `fit` the callback."""
    cls = module.Model
    fit = cls.fit
    signature = inspect.signature(fit)

    @functools.wraps(fit)
    def _fit_with_ours(*args: Any, **more: Any) -> Any:
        from launcher.integrations.keras import with_callback

        try:
            given = signature.bind(*args, **more)
            given.arguments["callbacks"] = with_callback(given.arguments.get("callbacks"))
        except TypeError:  # wrong arguments, of which Keras itself tells
            return fit(*args, **more)
        return fit(*given.args, **given.kwargs)

    cls.fit = _fit_with_ours


HOOKS = {
    "wandb": hook_wandb,
    "transformers": hook_transformers,
    "lightning": hook_lightning,
    "accelerate": hook_accelerate,
    "keras": hook_keras,
}
