"""The idle workers of a launch: workers of scripts that wait for their next task, on the devices that they have.

`worker.script` says when a worker waits.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Sequence

from launcher.executors.forkserver import ForkServer
from launcher.executors.worker_process import EXIT_LIMIT_S, WorkerProcess
from launcher.store.locks import Lock

Devices = tuple[int, ...]  # the descriptors of their locks; CPU slots have none, and are all the same to a worker


def devices_of(locks: Sequence[Lock]) -> Devices:
    """Return what tells the devices with these locks from others."""
    return tuple(lock.fd for lock in locks)


class IdleWorkers:
    """The idle workers of a launch. There are never more than slots: none has a device that another attempt has."""

    def __init__(self) -> None:
        self._workers: defaultdict[Devices, list[WorkerProcess]] = defaultdict(list)

    def keep(self, worker: WorkerProcess) -> None:
        """Take a worker that waits for a task."""
        self._workers[worker.devices].append(worker)

    def take(self, devices: Devices, server: ForkServer | None) -> WorkerProcess | None:
        """Return a living worker that has these devices; None if there is none.

        Workers that have some of these devices, and others, are ended.
        `server`: that lives. Of workers of another server, nobody would tell the exit code.
        """
        workers = self._workers[devices]
        while workers:
            worker = workers.pop()
            if worker.server is server and not worker.has_ended():
                return worker
            worker.collect(is_alone=True)
        self._end([others for others in self._workers if not set(others).isdisjoint(devices)])
        return None

    def close(self) -> None:
        """End all."""
        self._end(list(self._workers))

    def _end(self, devices: Sequence[Devices]) -> None:
        """End the workers of these devices, together."""
        workers = [worker for each in devices for worker in self._workers.pop(each)]
        for worker in workers:
            worker.kill()
        deadline_s = time.monotonic() + EXIT_LIMIT_S
        for worker in workers:
            worker.collect(is_alone=True, limit_s=max(0.0, deadline_s - time.monotonic()))
