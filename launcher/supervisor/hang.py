"""Ends a worker that has recorded nothing for too long, once it has written its stacks."""

from __future__ import annotations

import contextlib
import math

from launcher.engine.follower import Follower
from launcher.engine.silence import SilenceWatch
from launcher.executors.base import Handle
from launcher.worker.spec import Spec

STACKS_S = 0.5  # that a worker which hangs has for writing its stacks; then it is killed


class HangWatch:
    """Watches one worker, from the first look on."""

    def __init__(self, spec: Spec, kill_after_s: float | None) -> None:
        """Begin. `kill_after_s`: seconds without a record; of a script, also without output. None: never."""
        self._spec = spec
        self._kill_after_s = kill_after_s
        self._silence: SilenceWatch | None = None
        self.hung_s: float | None = None  # how long it was silent when it was ended; None: it was not

    def due_s(self, worker: Handle, follower: Follower, now_s: float) -> float:
        """Return when to kill the worker, which has been told to write its stacks and end; infinite if it lives."""
        if self._silence is None:
            self._silence = SilenceWatch(now_s, math.inf, self._kill_after_s)
        num_records = follower.num_records.get(self._spec.experiment, 0)
        silence = self._silence.look(num_records + self._num_printed(), now_s, worker.cpu_seconds)
        if silence is None or not silence.is_final:
            return math.inf
        self.hung_s = silence.seconds
        worker.end_with_stacks()
        return now_s + STACKS_S

    def _num_printed(self) -> int:
        if self._spec.script is None:
            return 0
        with contextlib.suppress(OSError):
            return self._spec.paths.log(self._spec.experiment).stat().st_size
        return 0
