"""Between two tasks of a worker of scripts: whether it may take another, and how it waits for it."""

from __future__ import annotations

import contextlib
import os
import pickle
import resource
import select
from dataclasses import dataclass

from launcher.worker.process_setup import send_output_to
from launcher.worker.script_task import TASK_BYTES, ScriptTask

_GROWTH_BYTES = 4 << 20  # by which a worker may grow: it has read what its scripts have told


@dataclass(frozen=True)
class Traits:
    """What the next script would find of this process, which it starts: the kernel hands it down."""

    nice: int
    cores: frozenset[int]
    peak_bytes: int  # the most memory so far: the kernel takes it for the least that a child has held

    @classmethod
    def now(cls) -> Traits:
        """Return those of this process."""
        peak_bytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        return cls(os.getpriority(os.PRIO_PROCESS, 0), frozenset(os.sched_getaffinity(0)), peak_bytes)

    def are_kept_by(self, now: Traits) -> bool:
        """Return whether this process is as it was. A script may have changed it, as by `renice -n 10 -g 0`."""
        has_grown = now.peak_bytes > self.peak_bytes + _GROWTH_BYTES
        return (self.nice, self.cores) == (now.nice, now.cores) and not has_grown


def next_task(tasks_fd: int, wakeup: int) -> ScriptTask | None:
    """Wait for the next task; None if there is none, or a signal comes before it.

    `tasks_fd`: the socket by which tasks come, a message each. `wakeup`: readable after a signal.
    Meanwhile this process holds neither the log nor the folder of the script that has ended.
    """
    with contextlib.suppress(KeyboardInterrupt):
        send_output_to(os.devnull)
        os.chdir("/")
        poll = select.poll()
        for fd in (tasks_fd, wakeup):
            poll.register(fd, select.POLLIN)
        if tasks_fd in {fd for fd, _ in poll.poll()} and (message := os.read(tasks_fd, TASK_BYTES)):
            task: ScriptTask = pickle.loads(message)  # noqa: S301  the launcher's own
            return task
    return None
