"""`LauncherCallback`: a Trainer of transformers records what it logs, and saves and stops when the launcher asks.

    Trainer(…, callbacks=[LauncherCallback()])

With `hooks = ["transformers"]` in the job file every Trainer has it, and no line of the script changes.
"""

from __future__ import annotations

from transformers.trainer_callback import TrainerCallback

from launcher.integrations.adapter import Adapter

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class LauncherCallback(TrainerCallback):  # type: ignore[misc]
    """Records the Trainer's logs by its global step. Checkpoints are the Trainer's own, in its `output_dir`."""

    def __init__(self) -> None:
        self._adapter = Adapter("transformers")

    def on_train_begin(self, args: Any, state: Any, control: Any, **more: Any) -> None:
        """Record how many steps to expect."""
        self._adapter.begin_training(state.global_step)
        self._adapter.total(state.max_steps)

    def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **more: Any) -> None:
        """Record what the Trainer logs. What it sums up at the end are facts about the whole experiment."""
        if not state.is_world_process_zero or not logs:
            return
        known = {_named(name): value for name, value in logs.items() if not name.endswith("_per_second")}
        if "train_runtime" in logs:
            self._adapter.info({name: value for name, value in known.items() if name != "epoch"})
        else:
            self._adapter.log(state.global_step, known)

    def on_step_end(self, args: Any, state: Any, control: Any, **more: Any) -> None:
        """Let the Trainer save and stop, if the launcher has asked for it."""
        if self._adapter.run.should_stop:  # the same on all ranks
            control.should_save = True
            control.should_training_stop = True


def _named(name: str) -> str:
    """Return the name of a metric; a time ends in `_s`, so that it is not compared between runs."""
    return f"{name}_s" if name.endswith("_runtime") else name
