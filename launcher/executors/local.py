"""Runs workers as processes of this machine. Every launch uses this executor today.

It uses the fork server and its workers (`worker_starter`), the locks of GPUs, the measured memory of GPUs
(`device_guard`) and telemetry.
"""

from __future__ import annotations

import contextlib
import os
import selectors
import time
from collections.abc import Mapping, Sequence

from launcher.devices.slot_set import SlotSet
from launcher.devices.slots import Slot
from launcher.executors.base import (
    Demand,
    ExecutorEvent,
    NotReady,
    ProcessExit,
    RecordsWritten,
    Refusal,
    SlotsGone,
    WorkerExited,
)
from launcher.executors.device_guard import DeviceGuard
from launcher.executors.forkserver import ServerDied, ServerSilent
from launcher.executors.oom_kills import num_oom_kills
from launcher.executors.telemetry import Telemetry
from launcher.executors.worker_process import WorkerProcess
from launcher.executors.worker_starter import WorkerStarter
from launcher.store.locks import Lock
from launcher.store.samples import Sample
from launcher.worker.bell import BellReader
from launcher.worker.spec import Spec
from launcher.worker.thread_budget import ThreadBudget

_PIPE_BYTES = 65536  # the content of a full pipe


class LocalHandle:
    """One worker process."""

    waits = ""  # it runs at once

    def __init__(self, spec: Spec, worker: WorkerProcess, executor: LocalExecutor) -> None:
        self.spec = spec
        self.worker = worker
        self._executor = executor
        self._bell_reader = BellReader()
        self.is_bell_open = True
        self._oom_kills = num_oom_kills()

    @property
    def label(self) -> str:
        """The name of the worker in messages: its pid."""
        return f"pid {self.worker.pid}"

    def begin(self) -> None:
        """Let the worker begin, and report from now on what happens to it."""
        self.worker.begin()
        self._executor.watch(self)

    def discard(self) -> None:
        """End the worker, which has not begun. No event follows."""
        self._executor.drop(self)
        self.worker.stop(force=True)
        self.worker.collect()

    def stop(self, *, force: bool) -> None:
        """Ask the worker to save and end (SIGTERM), or kill its process group (SIGKILL)."""
        self.worker.stop(force=force)

    def end_with_stacks(self) -> None:
        """Have the worker write the stacks of its threads into its log and end."""
        self.worker.end_with_stacks()

    def cpu_seconds(self) -> float:
        """Return the CPU time of the worker and its children so far."""
        return self.worker.cpu_seconds()

    def read_bell(self) -> bool:
        """Read what has come through the bell. Return whether the worker has rung, because it has written records."""
        num_before = self._bell_reader.num_rings
        try:
            while data := os.read(self.worker.bell.fileno(), _PIPE_BYTES):
                self._bell_reader.feed(data)
            self.is_bell_open = False
        except BlockingIOError:
            pass
        return self._bell_reader.num_rings > num_before

    @property
    def is_over(self) -> bool:
        """The worker has told that its attempt has ended well, and waits for a task."""
        return self._bell_reader.has_rest

    def exited(self, peak_gpu_bytes: int | None) -> WorkerExited:
        """Return how the attempt ended. A worker that has died is released; a worker that waits for a task is kept."""
        self.read_bell()
        if self.is_over:
            self._executor.keep(self.worker)
            exit = ProcessExit(0)
        else:
            exit = self.worker.collect(is_alone=self._bell_reader.has_farewell)
        was_memory_short = exit.code != 0 and num_oom_kills() > self._oom_kills  # the rest has ended by itself
        exit = ProcessExit(exit.code, exit.signal, was_memory_short)
        return WorkerExited(self.spec.experiment, exit, self._bell_reader.last_word, peak_gpu_bytes=peak_gpu_bytes)


class LocalExecutor:
    """Worker processes on the slots of this machine. The executor holds the locks of the devices until `close`."""

    is_remote = False
    has_handed_over = True

    def __init__(
        self,
        slots: Sequence[Slot],
        starter: WorkerStarter,
        locks: Mapping[str, Lock],
        guard: DeviceGuard,
        telemetry: Telemetry,
        threads: ThreadBudget | None = None,
    ) -> None:
        self.slots = slots
        self._starter = starter
        self._locks = locks  # by device UUID
        self._guard = guard
        self._telemetry = telemetry
        self._threads = threads  # None: the number of threads of a worker is fixed
        self._selector = selectors.EpollSelector()
        self._is_closed = False
        self._handles: dict[str, LocalHandle] = {}  # of the workers that have an attempt, by experiment

    def warm_up(self) -> None:
        """Start the fork server, so that it imports torch while the launcher does other things."""
        self._starter.warm_up()

    def prepare(self, specs: Sequence[Spec]) -> list[str]:
        """Let the target check all configurations, in a process of its own. Return its problems, a line each."""
        return self._starter.prepare(list(specs)).splitlines()

    def open_attempt(self, experiment: str) -> int:
        """Return 0: a worker of this machine ends with its launcher."""
        return 0

    def refusal(self, experiment: str, slots: Sequence[int], demand: Demand) -> Refusal | None:
        """Return why an experiment cannot start on its slots now: the fork server is not ready, or memory is short."""
        if not self._starter.is_ready():
            return Refusal()
        return self._guard.refusal(experiment, slots, demand)

    def start(self, spec: Spec, slots: Sequence[int], demand: Demand) -> LocalHandle:
        """Fork the worker of an attempt."""
        own = SlotSet.of(self.slots, slots)
        locks = [self._locks[device.uuid] for device in own.devices if device.uuid in self._locks]
        try:
            worker = self._starter.fork_attempt(spec, locks, self._threads)
        except (ServerDied, ServerSilent) as error:
            raise NotReady from error
        handle = self._handles[spec.experiment] = LocalHandle(spec, worker, self)
        self._guard.started(spec.experiment, own, worker.pid, demand)
        return handle

    def watch(self, handle: LocalHandle) -> None:
        """Report from now on what happens to a worker."""
        spec, worker = handle.spec, handle.worker
        self._selector.register(worker.bell, selectors.EVENT_READ, handle)
        self._selector.register(worker.pidfd, selectors.EVENT_READ, handle)
        uuids = [card.uuid for card in spec.cards]
        self._telemetry.watch(spec.experiment, spec.attempt, worker.pid, uuids, time.monotonic())

    def keep(self, worker: WorkerProcess) -> None:
        """Keep a worker that waits for a task, for the next attempt on its devices; or end it, if it can take none."""
        self._starter.keep(worker)

    def drop(self, handle: LocalHandle) -> int | None:
        """Report nothing more about a worker. Return the most memory that it was seen to hold on one of its GPUs."""
        for source in (handle.worker.pidfd, handle.worker.bell):
            with contextlib.suppress(
                KeyError, ValueError
            ):  # not registered: the worker has closed its end, or has not begun
                self._selector.unregister(source)
        del self._handles[handle.spec.experiment]
        self._guard.ended(handle.spec.experiment)
        return self._telemetry.forget(handle.spec.experiment)

    def settled(self, experiment: str) -> None:
        """Take in that an attempt has taken its first step, so that its worker holds the memory it needs."""
        self._guard.settled(experiment)

    def check_device(self, slot: int, why: str) -> SlotsGone | None:
        """Look whether the device of a slot is gone, after an attempt on it has failed for the reason given."""
        return self._guard.check(slot, why)

    def set_aside(self, slot: int) -> None:
        """Start nothing more on the device of a slot."""
        self._guard.set_aside(slot)

    def refresh(self) -> None:
        """Forget what was measured on the devices."""
        self._guard.refresh()

    def tend(self) -> None:
        """Start another fork server if there is none."""
        self._starter.is_ready()

    def set_threads(self, threads: int) -> None:
        """Give each worker so many CPU threads from its next step on, where the job allows it."""
        if self._threads is not None:
            self._threads.set(threads)

    def usage(self, experiment: str) -> Sample | None:
        """Return the newest sample of a worker."""
        return self._telemetry.latest.get(experiment)

    def sample(self) -> None:
        """Take a sample of all workers, if it is time to."""
        self._telemetry.tick(time.monotonic())

    def poll(self) -> list[ExecutorEvent]:
        """Return which attempts are over, and of which there are new records, since the last call."""
        events: list[ExecutorEvent] = []
        for key, _ in self._selector.select(0):
            handle: LocalHandle = key.data
            if self._handles.get(handle.spec.experiment) is not handle:
                continue  # the event before this one says that it is over
            is_dead = key.fd == handle.worker.pidfd
            has_rung = not is_dead and handle.read_bell()
            if is_dead or handle.is_over:
                peak_gpu_bytes = self.drop(handle)
                events.append(handle.exited(peak_gpu_bytes))
                continue
            if has_rung:
                events.append(RecordsWritten(handle.spec.experiment))
            if not handle.is_bell_open:  # the worker is ending: what it has written is read when it has ended
                self._selector.unregister(key.fd)
        return events

    def fileno(self) -> int:
        """Return the descriptor that is readable when a worker has died or written."""
        return self._selector.fileno()

    def close(self) -> None:
        """Kill all workers that are left, give back the fork server, and release the devices."""
        if self._is_closed:
            return
        self._is_closed = True
        for handle in list(self._handles.values()):
            handle.discard()
        self._telemetry.close()
        self._guard.close()
        self._starter.close()
        self._selector.close()
        if self._threads is not None:
            self._threads.close()
        for lock in self._locks.values():
            lock.release()
