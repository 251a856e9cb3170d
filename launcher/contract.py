"""`Run`: what the launcher gives a training function, `def run(config, run) -> None`. Lives in the worker process.

Training code needs no import of this module: any object with these members will do, so the same function runs without
the launcher. How records and checkpoints become files is the business of `records` and `checkpoints`.
"""

from __future__ import annotations

import math
import operator
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from launcher.checkpoints import Checkpoints
from launcher.records import ENVELOPE, RecordWriter
from launcher.share import Share


class Diverged(Exception):
    """The watched metric is no longer finite, and the job says to stop then."""


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
        watched: str | None = None,
        stop_after: int | None = None,
        share: Share | None = None,
    ) -> None:
        self.name = name
        self.seed = seed
        self.attempt = attempt  # from 1
        self.device = device  # "cuda" or "cpu": the worker sees only its own device, as index 0
        self.outcome = outcome  # folder for artefacts, shared by the experiments: put the name into file names
        self.was_stopped = False  # the function has been told to stop
        self._writer = writer
        self._checkpoints = checkpoints
        self._checkpoint_s = checkpoint_s
        self._watched = watched
        self._stop_after = stop_after
        self._share = share
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
            Diverged: the metric the job watches is not finite (the record is written).
        """
        step = operator.index(step)
        if step < self._last_step or step < 0:
            raise ValueError(f"run.log: step {step} comes after step {self._last_step}; steps never go back")
        if not ENVELOPE.isdisjoint(metrics):
            raise _reserved("run.log", metrics)
        self._writer.write(metrics, step)
        self._last_step = step
        if self._share is not None and (threads := self._share.apply()) is not None:
            self.info(threads=threads)
        if self._watched in metrics and not math.isfinite(float(metrics[self._watched])):
            raise Diverged(f"{self._watched} is {metrics[self._watched]} at step {step}")

    def total(self, steps: int) -> None:
        """Say how many steps to expect, for progress and time left."""
        self._writer.write({"kind": "total", "steps": operator.index(steps)})

    def info(self, **facts: float | int | str) -> None:
        """Record facts about the experiment as a whole, such as its number of parameters; they become table columns."""
        if not ENVELOPE.isdisjoint(facts):
            raise _reserved("run.info", facts)
        self._writer.write({"kind": "info"} | facts)

    @property
    def should_save(self) -> bool:
        """True when the time between checkpoints is over, or a stop was asked for."""
        return self._is_asked or time.monotonic() - self._saved_s >= self._checkpoint_s

    def save(self, state: Mapping[str, Any], step: int) -> None:
        """Write a checkpoint of everything a resume needs: tensors, numbers, strings, and lists and dicts of them.

        One that cannot be written is told in the log; the one before it stays, and training goes on.
        """
        self._writer.write({"kind": "phase", "phase": f"in the checkpoint of step {step}"})
        try:
            self._checkpoints.save(state, step)
        except OSError as error:
            print(f"the checkpoint of step {step} could not be written: {error.strerror}", flush=True)
        self._saved_s = time.monotonic()
        self._writer.write({"kind": "phase", "phase": f"after step {step}"})

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
        is_asked = self._is_asked or (self._stop_after is not None and self._last_step >= self._stop_after)
        self.was_stopped |= is_asked
        return is_asked

    def ask_to_stop(self) -> None:
        """Ask the training function to stop at its next look at `should_stop`. Called from a signal handler."""
        self._is_asked = True


def _reserved(call: str, values: Mapping[str, Any]) -> ValueError:
    """Return what is raised for names that a record uses itself."""
    return ValueError(f"{call}: {', '.join(sorted(ENVELOPE & values.keys()))} is a reserved name")
