"""`LauncherCallback`: `model.fit` records the metrics of each epoch, and saves and stops when the launcher asks.

    model.fit(x, y, epochs=10, callbacks=[LauncherCallback()])

With `hooks = ["keras"]` in the job file every `fit` has it, and no line of the script changes.

A stop comes in the midst of an epoch. To Keras `stop_training` is the end of the training: it validates, and tells all
callbacks that the epoch is over. Then `BackupAndRestore` removes what the script would go on from, a `ModelCheckpoint`
is named as if the epoch were complete, and the mean of a part of an epoch is taken for its metric. So `fit` is left by
an exception, as by Ctrl-C, which ends at `fit`: it returns the history so far.
"""

from __future__ import annotations

import functools
import os
import threading

import keras

from launcher.integrations.adapter import Adapter

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

CHECKPOINT = "stop.keras"  # in the experiment's folder
_adapter: Adapter | None = None
_running = threading.local()  # `num`: how many calls of `fit` can be left by the exception


class _Stopped(BaseException):
    """Leads out of `fit`."""


class LauncherCallback(keras.callbacks.Callback):  # type: ignore[misc]
    """Records epochs, counted from 1. Those of a second `fit` are counted on."""

    def __init__(self) -> None:
        super().__init__()
        self._adapter = _shared_adapter()

    def on_train_begin(self, logs: Any = None) -> None:
        """Record how many epochs to expect."""
        self._adapter.begin_training()
        if self.params.get("epochs"):
            self._adapter.total(self.params["epochs"])

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Record the metrics of an epoch."""
        self._adapter.log(epoch + 1, logs or {})

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """Save the model and stop, if the launcher has asked for it."""
        run = self._adapter.run
        if run.should_stop and not self.model.stop_training:
            if hasattr(run, "dir"):
                self.model.save(os.path.join(str(run.dir), CHECKPOINT))
            self.model.stop_training = True
            if getattr(_running, "num", 0):  # not in a loop of the script's own
                raise _Stopped


def leaving_at_a_stop(fit: Callable[..., Any]) -> Callable[..., Any]:
    """Return `fit` as it is, but that it returns the history so far when the launcher asks for a stop."""

    @functools.wraps(fit)
    def _fit(self: Any, *args: Any, **more: Any) -> Any:
        _running.num = getattr(_running, "num", 0) + 1
        try:
            return fit(self, *args, **more)
        except _Stopped:
            return self.history
        finally:
            _running.num -= 1

    return _fit


keras.Model.fit = leaving_at_a_stop(keras.Model.fit)


def with_callback(callbacks: Any) -> Any:
    """Return the callbacks that a script gives to `fit`, a list or a CallbackList, with this one among them."""
    if hasattr(callbacks, "callbacks"):  # a CallbackList has its model already
        if not _has_ours(callbacks.callbacks):
            ours = LauncherCallback()
            ours.set_params(callbacks.params)
            ours.set_model(callbacks.model)
            callbacks.append(ours)
        return callbacks
    given = list(callbacks) if isinstance(callbacks, (list, tuple)) else [] if callbacks is None else [callbacks]
    return given if _has_ours(given) else [*given, LauncherCallback()]


def _has_ours(callbacks: Any) -> bool:
    return any(isinstance(each, LauncherCallback) for each in callbacks)


def _shared_adapter() -> Adapter:
    """Return the adapter of all callbacks of the script, which counts the epochs of one `fit` after another."""
    global _adapter
    if _adapter is None:
        _adapter = Adapter("keras")
    return _adapter
