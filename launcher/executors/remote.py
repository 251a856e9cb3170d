"""Runs workers on a cluster: the executor whose workers are supervisors' children on other machines.

    event loop ──start, stop──▶ a thread ──▶ RemoteAttempts ──▶ Cluster (sbatch, squeue …), the shared folder
               ◀──── poll ────            ◀── events

The loop never waits for a cluster or a shared folder: a thread does. What runs goes on when the launcher ends.
"""

from __future__ import annotations

import contextlib
import os
import queue
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence

from launcher.clusters.base import Cluster
from launcher.clusters.order import Order
from launcher.devices.slots import Slot
from launcher.executors.base import Demand, ExecutorEvent, Refusal, SlotsGone
from launcher.executors.remote_attempts import RemoteAttempts
from launcher.executors.remote_handle import RemoteHandle
from launcher.store.samples import Sample
from launcher.worker.spec import Spec

_JOIN_S = 2.0  # that the thread has for ending; it may wait for an answer of the cluster
_AGAIN_S = 5.0  # after an error that nobody expected
_TOGETHER_S = 0.02  # in which further commands come: the start of a thousand attempts is no thousand turns

Command = Callable[[], None]  # what the loop asks of the thread


class RemoteExecutor:
    """Workers on a cluster."""

    is_remote = True

    def __init__(
        self,
        cluster: Cluster,
        slots: Sequence[Slot],
        attempts: RemoteAttempts,
        make_order: Callable[[Spec], Order],
        message: Callable[[str], None],
    ) -> None:
        self.slots = slots
        self._cluster = cluster
        self._attempts = attempts
        self._make_order = make_order
        self._message = message
        self._commands: queue.SimpleQueue[Command | None] = queue.SimpleQueue()  # None: end
        self._events: deque[ExecutorEvent] = deque()
        self._bell = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._num_given = 0
        self._is_closed = False
        self._has_told = False
        self._thread = threading.Thread(target=self._work, name="cluster", daemon=True)

    @property
    def has_handed_over(self) -> bool:
        """The cluster has everything that was started."""
        return self._attempts.num_handed_over >= self._num_given

    def open_attempt(self, experiment: str) -> int:
        """Return the number of the attempt that waits or runs on the cluster already; 0 if there is none."""
        return self._attempts.open_attempt(experiment)

    def warm_up(self) -> None:
        """Start the thread that talks to the cluster."""
        self._thread.start()

    def prepare(self, specs: Sequence[Spec]) -> list[str]:
        """Return no problem: the supervisor of each attempt has the target check its data, on its node."""
        return []

    def refusal(self, experiment: str, slots: Sequence[int], demand: Demand) -> Refusal | None:
        """Return None: the cluster decides when something starts."""
        return None

    def start(self, spec: Spec, slots: Sequence[int], demand: Demand) -> RemoteHandle:
        """Return the handle of an attempt, which is handed to the cluster when it begins."""
        return RemoteHandle(spec, self._cluster.name, self)

    def begin(self, handle: RemoteHandle) -> None:
        """Hand an attempt to the cluster, or follow it if it is there already."""
        self._num_given += 1
        order = self._make_order(handle.spec)
        self._commands.put(lambda: self._attempts.add(handle, order))

    def stop(self, handle: RemoteHandle, *, force: bool) -> None:
        """Ask the supervisor of an attempt to save and end; with `force` have the cluster end it."""
        self._commands.put(lambda: self._attempts.stop(handle.spec.experiment, force=force))

    def settled(self, experiment: str) -> None:
        """Do nothing: the memory of other machines is the cluster's."""

    def check_device(self, slot: int, why: str) -> SlotsGone | None:
        """Return None: the devices are the cluster's."""

    def set_aside(self, slot: int) -> None:
        """Do nothing: the devices are the cluster's."""

    def refresh(self) -> None:
        """Do nothing: nothing was measured."""

    def tend(self) -> None:
        """Do nothing: the thread tends to the cluster."""

    def set_threads(self, threads: int) -> None:
        """Do nothing: a worker on a cluster keeps its number of threads."""

    def usage(self, experiment: str) -> Sample | None:
        """Return None: the supervisor of an attempt writes its telemetry."""

    def sample(self) -> None:
        """Do nothing: the supervisors take samples."""

    def poll(self) -> list[ExecutorEvent]:
        """Return what has happened since the last call."""
        with contextlib.suppress(BlockingIOError):
            os.eventfd_read(self._bell)
        events: list[ExecutorEvent] = []
        while self._events:
            events.append(self._events.popleft())
        return events

    def fileno(self) -> int:
        """Return the descriptor that is readable when something has happened."""
        return self._bell

    def close(self) -> None:
        """Leave: what the cluster has goes on."""
        if self._is_closed:
            return
        self._is_closed = True
        self._commands.put(None)
        if self._thread.is_alive():
            self._thread.join(_JOIN_S)
        if not self._thread.is_alive():  # otherwise it still waits for an answer, and uses both
            self._cluster.close()
            os.close(self._bell)

    def _work(self) -> None:
        """Do what the loop asks, and look at folder and cluster, until the executor is closed."""
        while True:
            try:
                if not self._do_commands(self._attempts.due_s(time.monotonic())):
                    return
                self._tell(self._attempts.turn(time.monotonic()))
            except Exception as error:  # noqa: BLE001  a fault of ours must not leave the loop waiting for ever
                if not self._has_told:
                    self._has_told = True
                    self._message(f"following the cluster failed: {type(error).__name__}: {error}. It is tried again.")
                time.sleep(_AGAIN_S)

    def _do_commands(self, wait_s: float) -> bool:
        """Wait for commands, and do all that are there. Return whether to go on."""
        with contextlib.suppress(queue.Empty):
            command = self._commands.get(timeout=max(0.01, wait_s))
            if command is not None:
                time.sleep(_TOGETHER_S)
            while command is not None:
                command()
                command = self._commands.get_nowait()
            return False
        return True

    def _tell(self, events: Sequence[ExecutorEvent]) -> None:
        if events:
            self._events.extend(events)
            with contextlib.suppress(OSError):  # the executor was closed meanwhile
                os.eventfd_write(self._bell, 1)
