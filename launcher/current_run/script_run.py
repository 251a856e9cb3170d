"""`ScriptRun`: the run of a script that the launcher has started by its `command`.

    script                                    ┊   worker (follows the file as it grows)
    run.log(step, loss=…) ─▶ one os.write ────┊─▶ {dir}/.launcher/run.jsonl ─▶ records
    run.should_stop ◀── a look at the file ───┊── {dir}/.launcher/stop, then SIGTERM

When a call returns, the kernel has its line: no crash of the script loses it. There is no lock and no buffer, and each
line is appended by one call of the kernel. So every thread may record, and every process that the script forks.
"""

from __future__ import annotations

import os
import time

from launcher.current_run.rank import is_first_rank
from launcher.current_run.rank_answers import RankAnswers
from launcher.current_run.stop_request import StopRequest

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path
    from typing import Any

    from launcher.store.checkpoints import Checkpoints

FOLDER = ".launcher"  # in the experiment's folder
_OPEN = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW


class ScriptRun:
    """An attempt of an experiment, as its script sees it. Only the first of several ranks records anything."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        """Take what the worker has put into the environment."""
        self.name = environment["LAUNCHER_NAME"]
        self.seed = int(environment.get("LAUNCHER_SEED", "0"))
        self.attempt = int(environment.get("LAUNCHER_ATTEMPT", "1"))
        self.device = environment.get("LAUNCHER_DEVICE", "cpu")
        # The last step that earlier attempts have recorded, where this one goes on from a checkpoint: for adapters.
        self.last_step_before = int(environment["LAUNCHER_LAST_STEP"]) if "LAUNCHER_LAST_STEP" in environment else None
        self.was_stopped = False  # whether the script has read `should_stop` as True
        self._dir = environment["LAUNCHER_DIR"]
        self._outcome = environment.get("LAUNCHER_OUTCOME_DIR", self._dir)
        own = os.path.join(self._dir, FOLDER)
        self._checkpoint_folder = environment.get("LAUNCHER_CHECKPOINTS", os.path.join(own, "checkpoints"))
        self._state_digest = environment.get("LAUNCHER_STATE_DIGEST", "")
        self._checkpoint_s = float(environment.get("LAUNCHER_CHECKPOINT_S", "inf"))
        self._stop = StopRequest(os.path.join(own, "stop"))
        self._answers = RankAnswers(os.path.join(own, "ranks"), self.attempt)
        self._saved_s = time.monotonic()
        self._fd = -1
        self._is_torn = False  # the last line has no end
        self._steps: Any = None  # the last step of each thread
        self._checkpoints: Checkpoints | None = None

    @property
    def outcome(self) -> Path:
        """The folder of the sweep. All experiments share it, so put `name` into file names."""
        from pathlib import Path

        return Path(self._outcome)

    @property
    def dir(self) -> Path:
        """The folder of this experiment, `outcome/<sweep>/runs/<name>`. It is kept from attempt to attempt."""
        from pathlib import Path

        return Path(self._dir)

    def log(self, /, step: int, **metrics: Any) -> None:
        """Record the metrics of a step. When this returns, no crash of a process can lose them.

        Steps are counted from 1 or from 0. Logging a step again adds metrics to it. In each thread, steps never
        decrease. A metric whose name ends in `_s` is a time in seconds, and is ignored when runs are compared.

        Raises:
            ValueError: the step is before the last step that this thread has logged, or a metric has a reserved name.
            TypeError: a metric is not a number or string.
            OSError: the line could not be written, as on a full disk.
        """
        from launcher.current_run.json_line import refuse_reserved, whole

        step = whole("run.log: step", step)
        last = self._last_step()
        if step < last.step:
            raise ValueError(f"run.log: step {step} comes after step {last.step}; steps never go back")
        refuse_reserved("run.log", metrics)
        self._write({"step": step, **metrics})
        last.step = step

    def total(self, steps: int) -> None:
        """Record how many steps to expect, from which the launcher computes progress and time left.

        Raises:
            TypeError: the number of steps is not a whole number.
            ValueError: the number of steps is negative, or 2**63 or more.
        """
        from launcher.current_run.json_line import whole

        self._write({"kind": "total", "steps": whole("run.total: steps", steps)})

    def info(self, **facts: Any) -> None:
        """Record facts about the whole experiment, such as its number of parameters: each is a column of the table.

        A fact whose name suggests a secret, such as `api_key`, is recorded as `***`.

        Raises:
            TypeError, ValueError, OSError: for the reasons that `log` lists.
        """
        from launcher.config import redact
        from launcher.current_run.json_line import refuse_reserved

        refuse_reserved("run.info", facts)
        self._write({"kind": "info", **redact.table(facts)})

    @property
    def should_save(self) -> bool:
        """Whether to save now: the time between checkpoints has passed, or the launcher has asked for a stop.

        All ranks get the same answers, if they ask equally often.
        """
        is_due = self._stop.is_made() or time.monotonic() - self._saved_s >= self._checkpoint_s
        return self._answers.answer("should_save", is_due)

    @property
    def should_stop(self) -> bool:
        """Whether to stop now. If it is True, save and end.

        All ranks get the same answers, if they ask equally often.
        """
        is_asked = self._answers.answer("should_stop", self._stop.is_made())
        self.was_stopped |= is_asked
        return is_asked

    def save(self, state: Mapping[str, Any], step: int) -> None:
        """Write a checkpoint of everything that a resume needs; the first rank does it.

        `state`: a dict of tensors, NumPy arrays, numbers, texts, and lists and dicts of them.
        `step`: the last step that is done.
        If the checkpoint cannot be written, as on a full disk, the log says so, the previous checkpoint stays, and
        training goes on.

        Raises:
            TypeError: `load` could not return a value of the state. The message says which value, and where it is.
            ValueError: the step is negative, or 2**63 or more.
        """
        from launcher.current_run.json_line import whole

        step = whole("run.save: step", step)
        if is_first_rank():
            self._write({"kind": "phase", "phase": f"in the checkpoint of step {step}"})
            try:
                self._open_checkpoints().save(state, step)
            except OSError as error:
                print(f"the checkpoint of step {step} could not be written: {error.strerror}", flush=True)
            self._write({"kind": "phase", "phase": f"after step {step}"})
        self._saved_s = time.monotonic()

    def load(self) -> dict[str, Any] | None:
        """Return the state of the newest usable checkpoint, with its tensors on the CPU; None if there is none.

        A checkpoint is usable if it is undamaged and belongs to this experiment in this configuration. Each rank may
        load it.
        """
        found = self._open_checkpoints().load()
        if found is None:
            return None
        state, step = found
        self._last_step().step = step
        self._write({"kind": "resume", "step": step})
        return state

    def close(self) -> None:
        """Release the file."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1
        self._answers.close()

    def __reduce__(self) -> tuple[Any, ...]:
        """Let a copy in another process of the script be made of the environment there."""
        return _of_this_process, ()

    def __deepcopy__(self, _memo: dict[int, Any]) -> ScriptRun:
        """Return this run itself: a process has only one run."""
        return self

    def _write(self, fields: Mapping[str, Any]) -> None:
        if not is_first_rank():
            return
        from launcher.current_run.json_line import json_line

        line = json_line(fields)
        if self._fd < 0:
            folder = os.path.join(self._dir, FOLDER)
            os.makedirs(folder, exist_ok=True)
            self._fd = os.open(os.path.join(folder, "run.jsonl"), _OPEN, 0o666)
        if self._is_torn:
            line = b"\n" + line
        num_written = os.write(self._fd, line)
        while num_written < len(line):  # the disk is nearly full
            self._is_torn = True
            num_written += os.write(self._fd, line[num_written:])
        self._is_torn = False

    def _last_step(self) -> Any:
        if self._steps is None:
            import threading

            self._steps = type("_Steps", (threading.local,), {"step": 0})()
        return self._steps

    def _open_checkpoints(self) -> Checkpoints:
        if self._checkpoints is None:
            from pathlib import Path

            from launcher.store.checkpoints import Checkpoints

            self._checkpoints = Checkpoints(Path(self._checkpoint_folder), self.name, self._state_digest)
        return self._checkpoints


def _of_this_process() -> ScriptRun:
    return ScriptRun(os.environ)
