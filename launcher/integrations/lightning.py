"""`LauncherCallback`: a Trainer of Lightning records what it logs, and saves and stops when the launcher asks.

Where the launcher is installed, Lightning finds `callbacks` by an entry point and gives the callback to every Trainer.
In another environment `hooks = ["lightning"]` in the job file does the same. No line of the script changes.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys

if "pytorch_lightning" in sys.modules and "lightning.pytorch" not in sys.modules:  # the older name of the package
    from pytorch_lightning import Callback
    from pytorch_lightning.loggers import Logger
else:
    from lightning.pytorch import Callback
    from lightning.pytorch.loggers import Logger

from launcher.current_run.current import is_launched
from launcher.integrations.adapter import Adapter

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

CHECKPOINT = "stop.ckpt"  # in the experiment's folder


def callbacks() -> list[Any]:
    """Return the callback for a new Trainer; nothing in a script that no launcher has started."""
    return [LauncherCallback()] if is_launched() else []


class LauncherLogger(Logger):  # type: ignore[misc]
    """Records what the Trainer logs. It has no folder of its own: checkpoints lie where they would without it."""

    def __init__(self, adapter: Adapter, folder: str) -> None:
        """`folder`: the Trainer's `default_root_dir`."""
        super().__init__()
        self._adapter = adapter
        self._folder = folder

    @property
    def name(self) -> str:
        """The name of the logger."""
        return "launcher"

    @property
    def version(self) -> str:
        """Nothing: there is one."""
        return ""

    @property
    def save_dir(self) -> str:
        """The folder that the Trainer has where there is no logger."""
        return self._folder

    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        """Record the metrics of a step."""
        self._adapter.log(step or 0, metrics)

    def log_hyperparams(self, *args: Any, **more: Any) -> None:
        """Record nothing: the configuration is known."""


class LauncherCallback(Callback):  # type: ignore[misc]
    """Adds the logger once the folders of the Trainer are settled, and lets the Trainer stop between two batches."""

    def __init__(self) -> None:
        self._adapter = Adapter("lightning")
        self._is_saved = False
        self._has_signal = False
        self._others: list[Any] = []  # handlers of SIGTERM that were there before Lightning's

    def on_fit_start(self, trainer: Any, pl_module: Any) -> None:
        """Add the logger."""
        self._add_logger(trainer)

    def on_train_start(self, trainer: Any, pl_module: Any) -> None:
        """Record how many steps to expect. Before, the question would load the data, earlier than without us."""
        self._adapter.begin_training(trainer.global_step)
        steps = trainer.estimated_stepping_batches
        if 0 < steps < float("inf"):
            self._adapter.total(int(steps))
        if trainer.world_size > 1:
            self._take_signal()

    def on_validation_start(self, trainer: Any, pl_module: Any) -> None:
        """Add the logger where nothing is fitted before."""
        self._add_logger(trainer)

    def on_test_start(self, trainer: Any, pl_module: Any) -> None:
        """Add the logger where nothing is fitted before."""
        self._add_logger(trainer)

    def on_train_batch_end(self, trainer: Any, pl_module: Any, outputs: Any, batch: Any, batch_idx: int) -> None:
        """Save a checkpoint and stop, if the launcher has asked for it or Lightning has taken its signal."""
        is_asked = self._adapter.run.should_stop or self._has_signal or bool(trainer.received_sigterm)
        if trainer.world_size > 1:  # all ranks stop at the same batch: one alone would wait for the others
            is_asked = trainer.strategy.reduce_boolean_decision(is_asked, all=False)
        if is_asked and not trainer.should_stop:
            self._save(trainer)
            trainer.should_stop = True

    def on_exception(self, trainer: Any, pl_module: Any, exception: BaseException) -> None:
        """Save a checkpoint where Lightning ends by itself because of its signal, as in the midst of a validation."""
        if isinstance(exception, SystemExit) and trainer.received_sigterm and trainer.state.fn == "fit":
            self._save(trainer)

    def _take_signal(self) -> None:
        """Take SIGTERM from Lightning. Its handler broadcasts to the other ranks, wherever each of them is just then.

        Where all ranks get the signal, that broadcast meets another rank's gradients, and all ranks wait for ever.
        """
        handler: Any = signal.getsignal(signal.SIGTERM)
        if _is_lightnings(handler):
            self._others = [
                each for each in handler.signal_handlers if not _is_lightnings(getattr(each, "__self__", 0))
            ]
            with contextlib.suppress(ValueError):  # not in the main thread
                signal.signal(signal.SIGTERM, self._on_signal)

    def _on_signal(self, number: int, frame: Any) -> None:
        self._has_signal = True
        for handler in self._others:
            if callable(handler):
                handler(number, frame)

    def _save(self, trainer: Any) -> None:
        if not self._is_saved:
            self._is_saved = True
            trainer.save_checkpoint(os.path.join(_folder(self._adapter.run), CHECKPOINT))

    def _add_logger(self, trainer: Any) -> None:
        if not any(isinstance(logger, LauncherLogger) for logger in trainer.loggers):
            trainer.loggers = [*trainer.loggers, LauncherLogger(self._adapter, trainer.default_root_dir)]


def _is_lightnings(value: object) -> bool:
    return type(value).__module__.startswith(("lightning.", "pytorch_lightning."))


def _folder(run: Any) -> str:
    """Return the experiment's own folder; of a training function, a folder beside the other files of the sweep."""
    return str(run.dir if hasattr(run, "dir") else run.outcome / "lightning" / run.name)
