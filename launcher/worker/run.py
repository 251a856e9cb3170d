"""`Run`: the object through which a training function, `def run(config, run) -> None`, talks to the launcher.

It exists in the worker process. Training code need not import this module. The function uses only the public members of
`Run`, so it also works without the launcher, with any object that has the same members. `store.records` and
`store.checkpoints` write the files.
"""

from __future__ import annotations

import contextlib
import math
import operator
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from launcher.config import redact
from launcher.store import values
from launcher.store.checkpoints import Checkpoints
from launcher.store.records import ENVELOPE, RecordWriter, reserved_names
from launcher.worker.thread_budget import ThreadBudget


class Diverged(Exception):
    """The watched metric is NaN or infinite, and the job file says to stop then."""


STEP_LIMIT = values.MOST + 1  # a step, and a number of steps, must be smaller


class _LastSteps(threading.local):
    """The last step that the current thread has logged. Each thread sees its own value."""

    def __init__(self, of_all: list[list[int]]) -> None:
        self.mine = [0]  # a list, so that a caller fetches this attribute, which is slow, only once
        of_all.append(self.mine)


class Run:
    """An attempt of an experiment, as the training function sees it. All threads of the process may use it."""

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
        thread_budget: ThreadBudget | None = None,
    ) -> None:
        self.name = name
        self.seed = seed
        self.attempt = attempt  # from 1
        self.device = device  # "cuda" or "cpu"; the worker sees only its own GPU, which has index 0
        self.outcome = outcome  # the folder for artefacts; all experiments share it, so put `name` into file names
        self.was_stopped = False  # whether the training function has read `should_stop` as True
        self._writer = writer
        self._checkpoints = checkpoints
        self._checkpoint_s = checkpoint_s
        self._watched = watched
        self._stop_after = stop_after
        self._thread_budget = thread_budget
        self._saved_s = time.monotonic()
        self._saving = threading.RLock()
        self._all_steps: list[list[int]] = []
        self._steps = _LastSteps(self._all_steps)
        self._is_asked = False
        self.divergence = ""  # set once the watched metric is not finite: its value and step

    # The `/` saves time: Python compares each metric's name with the names of the parameters, and `/` excludes `self`.
    def log(self, /, step: int, **metrics: float | int | str) -> None:
        """Record the metrics of a step. When this returns, no crash of a process can lose them.

        Steps are counted from 1 or from 0. Logging a step again adds metrics to it. In each thread, steps never
        decrease. A metric whose name ends in `_s` is a time in seconds, and is ignored when runs are compared.

        Raises:
            ValueError: the step is before the last step that this thread has logged, or a metric has a reserved name.
            TypeError: a metric is not a number or string.
            OSError: the record could not be written, as on a full disk.
            RuntimeError: this process was forked from the process to which the launcher gave this run.
            Diverged: the metric that the job file watches is not finite. The record has been written.
        """
        if type(step) is not int:
            step = _whole("run.log: step", step)
        last = self._steps.mine
        if not last[0] <= step < STEP_LIMIT:
            raise _out_of_order(step, last[0])
        self._writer.write(metrics, step)
        last[0] = step
        if self._thread_budget is not None and (threads := self._thread_budget.apply()) is not None:
            self.info(threads=threads)
        if self._watched is not None and not _is_finite(metrics.get(self._watched, 0)):
            self.divergence = f"{self._watched} is {metrics[self._watched]} at step {step}"
            raise Diverged(self.divergence)

    def total(self, steps: int) -> None:
        """Record how many steps to expect, from which the launcher computes progress and time left.

        Raises:
            TypeError: the number of steps is not a whole number.
            ValueError: the number of steps is negative, or 2**63 or more.
        """
        self._writer.write({"kind": "total", "steps": _whole("run.total: steps", steps)})

    def info(self, **facts: float | int | str) -> None:
        """Record facts about the whole experiment, such as its number of parameters: each is a column of the table.

        A fact whose name suggests a secret, such as `api_key`, is recorded as `***`.

        Raises:
            TypeError, ValueError, OSError, RuntimeError: for the reasons that `log` lists.
        """
        if not ENVELOPE.isdisjoint(facts):
            raise reserved_names("run.info", facts)
        self._writer.write({"kind": "info"} | redact.table(facts))

    @property
    def should_save(self) -> bool:
        """Whether to save now: the time between checkpoints has passed, or the launcher has asked for a stop."""
        return self._is_asked or time.monotonic() - self._saved_s >= self._checkpoint_s

    def save(self, state: Mapping[str, Any], step: int) -> None:
        """Write a checkpoint of everything that a resume needs.

        `state`: a dict of tensors, NumPy arrays, numbers, texts, and lists and dicts of them.
        `step`: the last step that is done.
        If the checkpoint cannot be written, as on a full disk, the log says so, the previous checkpoint stays, and
        training goes on.

        Raises:
            TypeError: `load` could not return a value of the state. The message says which value, and where it is.
            ValueError: the step is negative, or 2**63 or more.
            RuntimeError: this process was forked from the process to which the launcher gave this run.
        """
        step = _whole("run.save: step", step)
        self._writer.write({"kind": "phase", "phase": f"in the checkpoint of step {step}"})
        with self._saving:
            try:
                self._checkpoints.save(state, step)
            except OSError as error:
                with contextlib.suppress(Exception):  # the target may have closed stdout, or put anything there
                    print(f"the checkpoint of step {step} could not be written: {error.strerror}", flush=True)
            self._saved_s = time.monotonic()
        self._writer.write({"kind": "phase", "phase": f"after step {step}"})

    def load(self) -> dict[str, Any] | None:
        """Return the state of the newest usable checkpoint, with its tensors on the CPU; None if there is none.

        A checkpoint is usable if it is undamaged and belongs to this experiment in this configuration.
        """
        found = self._checkpoints.load()
        if passed_over := self._checkpoints.passed_over:
            name, why = next(iter(passed_over.items()))
            goes_on = {"step": found[1]} if found else {}
            self._writer.write(
                {"kind": "passed_over", "checkpoint": name, "why": why, "num": len(passed_over)} | goes_on
            )
        if found is None:
            return None
        state, step = found
        self._steps.mine[0] = step
        self._writer.write({"kind": "resume", "step": step})
        return state

    @property
    def should_stop(self) -> bool:
        """Whether to stop now. If it is True, save and return."""
        is_at_end = self._stop_after is not None and max(self._all_steps)[0] >= self._stop_after
        is_asked = self._is_asked or is_at_end or bool(self.divergence)
        self.was_stopped |= is_asked
        return is_asked

    def ask_to_stop(self) -> None:
        """Make `should_stop` True. Called from a signal handler."""
        self._is_asked = True

    def __reduce__(self) -> tuple[Any, ...]:
        """Make the pickled copy, for another process, a run with the same name, seed and device that cannot record."""
        about = {"name": self.name, "seed": self.seed, "attempt": self.attempt, "device": self.device}
        files = {"outcome": self.outcome, "writer": self._writer, "checkpoints": self._checkpoints}
        return _sent, (about | files | {"checkpoint_s": self._checkpoint_s},)

    def __copy__(self) -> Run:
        """Return this run itself: a process has only one run."""
        return self

    def __deepcopy__(self, _memo: dict[int, Any]) -> Run:
        """Return this run itself: a process has only one run."""
        return self


def _sent(values: dict[str, Any]) -> Run:
    return Run(**values)


def _whole(what: str, value: Any) -> int:
    """Return a step, or a number of steps, as a plain int.

    Raises:
        TypeError: the value is not a whole number.
        ValueError: the value is negative, or 2**63 or more.
    """
    if isinstance(value, bool | float) or not hasattr(value, "__index__"):
        raise TypeError(f"{what} is {value!r:.100}, a {type(value).__name__}; give a whole number, as by int()")
    number = int(operator.index(value))
    if not 0 <= number < STEP_LIMIT:
        raise ValueError(f"{what} is {_shown(number)}; it must be from 0 to 2**63 - 1")
    return number


def _shown(number: int) -> str:
    return str(number) if number.bit_length() <= 64 else f"a number of {number.bit_length()} bits"


def _is_finite(value: Any) -> bool:
    try:
        return math.isfinite(float(value))
    except (OverflowError, ValueError):  # an int beyond any float; text
        return True


def _out_of_order(step: int, last: int) -> ValueError:
    if not 0 <= step < STEP_LIMIT:
        return ValueError(f"run.log: step is {_shown(step)}; it must be from 0 to 2**63 - 1")
    return ValueError(f"run.log: step {step} comes after step {last}; steps never go back")
