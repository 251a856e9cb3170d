"""What is added to a library right after a script has imported it, where its job file has `hooks`.

`launcher/shim/sitecustomize.py` calls these functions, each with the library's module that it has waited for. In a
script that no launcher has started, nobody calls them.
"""

from __future__ import annotations

import functools
import inspect
import sys

from launcher.integrations.adapter import Adapter
from launcher.integrations.wandb_steps import WandbSteps

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
            cls.log = _recorded(cls.log, *_of_wandb())
    own = {name: cls for name, cls in vars(module).items() if getattr(cls, "__module__", "") == module.__name__}
    for name, methods in (("Summary", ("update",)), ("SummaryDisabled", ("update", "__setitem__", "__setattr__"))):
        for method in methods if name in own else ():  # each way to set a value calls one of them
            setattr(own[name], method, _summed_up(getattr(own[name], method), *_of_wandb()))


@functools.lru_cache(maxsize=1)
def _of_wandb() -> tuple[Adapter, WandbSteps]:
    """Return what all classes of runs share."""
    adapter = Adapter("wandb")
    return adapter, WandbSteps(adapter.last_step_before)


def _recorded(log: Callable[..., Any], adapter: Adapter, steps: WandbSteps) -> Callable[..., Any]:
    @functools.wraps(log)
    def _log_and_record(self: Any, data: Any, step: int | None = None, commit: bool | None = None, **more: Any) -> Any:
        steps.is_logging = True
        try:
            result = log(self, data, step=step, commit=commit, **more)
        finally:
            steps.is_logging = False
        try:
            main_run = getattr(sys.modules.get("wandb"), "run", None)
            adapter.log(steps.step(self, step, commit, main_run), data)
        except Exception as error:  # noqa: BLE001  the values are the user's objects, and wandb has taken them
            adapter.tell(error)
        return result

    return _log_and_record


def _summed_up(change: Callable[..., Any], adapter: Adapter, steps: WandbSteps) -> Callable[..., Any]:
    """Return a method that sets values of a summary, after which they are recorded at the last step."""

    @functools.wraps(change)
    def _change_and_record(self: Any, *given: Any, **more: Any) -> Any:
        result = change(self, *given, **more)
        if not steps.is_logging:
            try:
                adapter.log(steps.last, {given[0]: given[1]} if len(given) == 2 else dict(*given, **more))
            except Exception as error:  # noqa: BLE001  the values are the user's objects, and wandb has taken them
                adapter.tell(error)
        return result

    return _change_and_record


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
    num_calls = adapter.last_step_before or 0

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
        from launcher.integrations.keras import leaving_at_a_stop, with_callback

        try:
            given = signature.bind(*args, **more)
            given.arguments["callbacks"] = with_callback(given.arguments.get("callbacks"))
        except TypeError:  # wrong arguments, of which Keras itself tells
            return fit(*args, **more)
        return leaving_at_a_stop(fit)(*given.args, **given.kwargs)

    cls.fit = _fit_with_ours


HOOKS = {
    "wandb": hook_wandb,
    "transformers": hook_transformers,
    "lightning": hook_lightning,
    "accelerate": hook_accelerate,
    "keras": hook_keras,
}
