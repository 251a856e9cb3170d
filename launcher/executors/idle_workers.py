"""The idle workers of a launch: workers of scripts that wait for their next task, on the devices that they have.

`worker.script` says when a worker waits.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from launcher.executors.worker_process import WorkerProcess
from launcher.store.locks import Lock

Devices = tuple[int, ...]  # the descriptors of their locks; CPU slots have none, and are all the same to a worker


def devices_of(locks: Sequence[Lock]) -> Devices:
    """Return what tells the devices with these locks from others."""
    return tuple(lock.fd for lock in locks)


class IdleWorkers:
    """The idle workers of a launch. There are never more than slots."""

    def __init__(self) -> None:
        self._workers: defaultdict[Devices, list[WorkerProcess]] = defaultdict(list)

    def keep(self, worker: WorkerProcess) -> None:
        """Take a worker that waits for a task."""
        self._workers[worker.devices].append(worker)

    def take(self, devices: Devices) -> WorkerProcess | None:
        """Return a living worker that has these devices; None if there is none."""
        workers = self._workers[devices]
        while workers:
            worker = workers.pop()
            if not worker.has_ended():
                return worker
            worker.collect()
        return None

    def close(self) -> None:
        """End all."""
        for workers in self._workers.values():
            while workers:
                workers.pop().collect(is_alone=True)
