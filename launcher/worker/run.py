"""`Run`: what the launcher gives a training function, `def run(config, run) -> None`. Lives in the worker process.

Training code needs no import of this module: any object with these members will do, so the same function runs without
the launcher. How records and checkpoints become files is the business of `records` and `checkpoints`.
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
    """The watched metric is no longer finite, and the job says to stop then."""


STEP_LIMIT = values.MOST + 1  # steps, and how many of them, are below


class _LastSteps(threading.local):
    """The last step that this thread has logged; each thread sees its own."""

    def __init__(self, of_all: list[list[int]]) -> None:
        self.mine = [0]  # a list: reading an attribute of a thread takes longer than reading an entry of a list
        of_all.append(self.mine)


class Run:
    """One attempt of one experiment, as its training function sees it. All threads of its process may use it."""

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
        self.device = device  # "cuda" or "cpu": the worker sees only its own device, as index 0
        self.outcome = outcome  # folder for artefacts, shared by the experiments: put the name into file names
        self.was_stopped = False  # `should_stop` has been True
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

    # The `/` saves time: Python compares the name of each metric with the parameters' names, of which it hides one.
    def log(self, /, step: int, **metrics: float | int | str) -> None:
        """Record the metrics of a step, counted from 1 or from 0; when this returns, no crash can lose them.

        Logging a step again adds to it. Each thread has steps of its own, which never go back. Names ending in `_s`
        are times: they are left out when runs are compared.

        Raises:
            ValueError: the step is before the last that this thread has logged, or a metric has a reserved name.
            TypeError: a metric is not a number or string.
            OSError: the record could not be written, as on a full disk.
            RuntimeError: this process is a child of the one that was given this run.
            Diverged: the metric the job watches is not finite (the record is written).
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
        """Say how many steps to expect, for progress and time left.

        Raises:
            TypeError: it is no whole number.
            ValueError: it is negative, or 2**63 or more.
        """
        self._writer.write({"kind": "total", "steps": _whole("run.total: steps", steps)})

    def info(self, **facts: float | int | str) -> None:
        """Record facts about the experiment as a whole, such as its number of parameters; they become table columns.

        A fact whose name says that it is a secret, such as `api_key`, is recorded as `***`.
        """
        if not ENVELOPE.isdisjoint(facts):
            raise reserved_names("run.info", facts)
        self._writer.write({"kind": "info"} | redact.table(facts))

    @property
    def should_save(self) -> bool:
        """True when the time between checkpoints is over, or a stop was asked for."""
        return self._is_asked or time.monotonic() - self._saved_s >= self._checkpoint_s

    def save(self, state: Mapping[str, Any], step: int) -> None:
        """Write a checkpoint of everything a resume needs: tensors, arrays, numbers, text, and lists and dicts of them.

        One that cannot be written is told in the log; the one before it stays, and training goes on.

        Raises:
            TypeError: the state holds something that `load` could not give back; it says what, and where.
            ValueError: the step is negative, or 2**63 or more.
            RuntimeError: this process is a child of the one that was given this run.
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
        """Return the newest sound checkpoint of this experiment and configuration, tensors on the CPU; None if none."""
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
        """True when asked to stop: save and return."""
        is_at_end = self._stop_after is not None and max(self._all_steps)[0] >= self._stop_after
        is_asked = self._is_asked or is_at_end or bool(self.divergence)
        self.was_stopped |= is_asked
        return is_asked

    def ask_to_stop(self) -> None:
        """Ask the training function to stop at its next look at `should_stop`. Called from a signal handler."""
        self._is_asked = True

    def __reduce__(self) -> tuple[Any, ...]:
        """Become, in the process this is sent to, a run that knows its name and records nothing."""
        about = {"name": self.name, "seed": self.seed, "attempt": self.attempt, "device": self.device}
        files = {"outcome": self.outcome, "writer": self._writer, "checkpoints": self._checkpoints}
        return _sent, (about | files | {"checkpoint_s": self._checkpoint_s},)

    def __copy__(self) -> Run:
        """Return this run: there is one."""
        return self

    def __deepcopy__(self, _memo: dict[int, Any]) -> Run:
        """Return this run: there is one."""
        return self


def _sent(values: dict[str, Any]) -> Run:
    return Run(**values)


def _whole(what: str, value: Any) -> int:
    """Return a count as a plain int.

    Raises:
        TypeError: it is not a whole number.
        ValueError: it is out of bounds.
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
