"""`Run`: what the launcher gives a training function, `def run(config, run) -> None`. Lives in the worker process.

Training code needs no import of this module: any object with these members will do, so the same function runs without
the launcher. How records and checkpoints become files is the business of `records` and `checkpoints`.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from launcher.checkpoints import Checkpoints
from launcher.records import ENVELOPE, RecordWriter


class Run:
    """One attempt of one experiment, as its training function sees it."""

    def __init__(
        self,
        *,
        name: str,
        seed: int,
        attempt: int,
        device: str,
        outcome: Path,
        writer: RecordWriter,
        checkpoints: Checkpoints,
        checkpoint_s: float,
    ) -> None:
        self.name = name
        self.seed = seed
        self.attempt = attempt  # from 1
        self.device = device  # "cuda" or "cpu": the worker sees only its own device, as index 0
        self.outcome = outcome  # folder for artefacts, shared by the experiments: put the name into file names
        self.phase = "in set-up"  # or "after step N" and so on: where the attempt is, should it fail
        self.was_stopped = False  # the function has been told to stop
        self._writer = writer
        self._checkpoints = checkpoints
        self._checkpoint_s = checkpoint_s
        self._saved_s = time.monotonic()
        self._last_step = 0
        self._is_asked = False

    def log(self, step: int, **metrics: float | int | str) -> None:
        """Record the metrics of a step, counted from 1; when this returns, no crash can lose them.

        Logging a step again adds to it. Names ending in `_s` are times: they are left out when runs are compared.

        Raises:
            ValueError: the step is before one already logged, or a metric has a reserved name.
            TypeError: a metric is not a number or string.
            OSError: the record could not be written, as on a full disk.
        """
        if not isinstance(step, int) or step < max(self._last_step, 0):
            raise ValueError(
                f"run.log: step {step!r} comes after step {self._last_step}; steps are whole and never go back"
            )
        if not ENVELOPE.isdisjoint(metrics):
            raise ValueError(f"run.log: {', '.join(sorted(ENVELOPE & metrics.keys()))} is a reserved name")
        self._writer.write({"step": step} | metrics)
        self._last_step = step
        self.phase = f"after step {step}"

    def total(self, steps: int) -> None:
        """Say how many steps to expect, for progress and time left."""
        self._writer.write({"kind": "total", "steps": steps})

    def info(self, **facts: float | int | str) -> None:
        """Record facts about the experiment as a whole, such as its number of parameters; they become table columns."""
        if not ENVELOPE.isdisjoint(facts):
            raise ValueError(f"run.info: {', '.join(sorted(ENVELOPE & facts.keys()))} is a reserved name")
        self._writer.write({"kind": "info"} | facts)

    @property
    def should_save(self) -> bool:
        """True when the time between checkpoints is over, or a stop was asked for."""
        return self._is_asked or time.monotonic() - self._saved_s >= self._checkpoint_s

    def save(self, state: Mapping[str, Any], step: int) -> None:
        """Write a checkpoint of everything a resume needs: tensors, numbers, strings, and lists and dicts of them.

        Raises:
            OSError: it could not be written; the checkpoints before it are intact.
        """
        phase, self.phase = self.phase, f"in the checkpoint of step {step}"
        self._checkpoints.save(state, step)
        self._saved_s = time.monotonic()
        self.phase = phase

    def load(self) -> dict[str, Any] | None:
        """Return the newest sound checkpoint of this experiment and configuration, tensors on the CPU; None if none."""
        found = self._checkpoints.load()
        if found is None:
            return None
        state, step = found
        self._last_step = step
        self._writer.write({"kind": "resume", "step": step})
        return state

    @property
    def should_stop(self) -> bool:
        """True when asked to stop: save and return."""
        self.was_stopped |= self._is_asked
        return self._is_asked

    def ask_to_stop(self) -> None:
        """Ask the training function to stop at its next look at `should_stop`. Called from a signal handler."""
        self._is_asked = True
