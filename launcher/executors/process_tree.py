"""Measures what the process trees of workers use: CPU time, resident memory, processes. `telemetry` asks for it.

One look at the process table serves all workers. Each worker leads its own session (`worker.process_setup`). Its
children stay in that session, even when their parent is gone, so `os.getsid` finds every tree. This takes 1.5 µs for
each process of the machine. psutil's `children(recursive=True)` takes 25 µs, and looks at all processes again for each
worker. Only the leader of a session that was not seen before is asked for its parent, once. psutil says what each
member uses, in 90 µs. Measured for five workers with four children each, among 400 processes: 4.5 ms a look, against
59 ms with `children()`.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Collection, Mapping
from dataclasses import dataclass

import psutil


@dataclass(frozen=True)
class Usage:
    """What a worker and all its descendants use together."""

    cpu_s: float  # since `ProcessTable.begin`; never falls
    memory_bytes: int  # resident; a page that several processes share counts once for each
    num_processes: int
    pids: frozenset[int] = frozenset()


def tree_cpu_s(pid: int) -> float:
    """Return the CPU time so far of a process and its living descendants; 0 if the process is gone."""
    try:
        process = psutil.Process(pid)
        return sum(sum(child.cpu_times()[:2]) for child in [process, *process.children(recursive=True)])
    except psutil.Error:
        return 0.0


def owner(pid: int, workers: Collection[int]) -> int | None:
    """Return the worker to which a process belongs: itself, the leader of its session, or one of its ancestors."""
    with contextlib.suppress(psutil.Error, OSError):  # it has ended, or is in another container
        while pid and pid not in workers:
            if (session := os.getsid(pid)) in workers:
                return session
            pid = psutil.Process(pid).ppid()
    return pid if pid in workers else None


def _times(process: psutil.Process) -> tuple[float, float]:
    """Return the CPU seconds of a process: its own, and those of children that it has waited for."""
    cpu = process.cpu_times()
    return cpu.user + cpu.system, cpu.children_user + cpu.children_system


class CpuMeter:
    """Adds up the CPU time of processes that come and go."""

    def __init__(self, times: Mapping[int, tuple[float, float]] | None = None) -> None:
        """Begin. `times`: what counts as used before, by pid, as for `add`."""
        self.total_s = 0.0
        self._times: Mapping[int, tuple[float, float]] = times or {}
        self._owed_s = 0.0

    def add(self, times: Mapping[int, tuple[float, float]]) -> None:
        """Add a sample: by pid, the CPU seconds of each living process, its own and those of children it waited for.

        When a parent waits for a child that has ended, the kernel adds the whole CPU time of the child to the parent's
        time of waited-for children. The part that was counted while the child lived must not count twice, so it is
        owed, and is subtracted there. A parent may be read a moment before it waits, so a debt is kept for one more
        sample. It is kept no longer, because some parents never wait.

        Example: a child used 3 s, which were counted, and ends. In the next sample the parent has 3 s more of
        waited-for children. The debt of 3 s is subtracted, and the total does not change.
        """
        own_s = waited_s = 0.0
        for pid, (own, waited) in times.items():
            own_before, waited_before = self._times.get(pid, (0.0, 0.0))
            own_s += max(0.0, own - own_before)
            waited_s += max(0.0, waited - waited_before)
        gone_s = sum(sum(self._times[pid]) for pid in self._times.keys() - times.keys())
        owed_s = self._owed_s + gone_s
        self.total_s += own_s + max(0.0, waited_s - owed_s)
        self._owed_s = min(gone_s, max(0.0, owed_s - waited_s))
        self._times = times


class ProcessTable:
    """Finds the processes of each worker, and adds up what they use."""

    def __init__(self) -> None:
        self._owners: dict[int, int | None] = {}  # session → the worker it descends from; None: not from a worker
        self._meters: dict[int, CpuMeter] = {}  # by worker

    def begin(self, worker: int) -> None:
        """Count the CPU time of a worker from now on: it may have done other work before."""
        with contextlib.suppress(psutil.Error, OSError):  # it has ended, or no descriptor is left
            self._meters[worker] = CpuMeter({worker: _times(psutil.Process(worker))})

    def look(self, workers: Collection[int]) -> dict[int, Usage]:
        """Return what the tree of each worker uses now, by the worker's pid. Each call must name all living workers.

        A worker that has ended, or has not made its session yet, is left out.

        Raises:
            OSError: the process table cannot be read.
        """
        self._meters = {worker: self._meters.get(worker, CpuMeter()) for worker in workers}
        used = {worker: self._use(self._meters[worker], pids) for worker, pids in self._members(workers).items()}
        return {worker: usage for worker, usage in used.items() if usage.num_processes}

    def _members(self, workers: Collection[int]) -> dict[int, list[int]]:
        sessions: dict[int, list[int]] = {}
        for pid in psutil.pids():
            try:
                sessions.setdefault(os.getsid(pid), []).append(pid)
            except OSError:  # ended meanwhile
                continue
        # No new process gets the number of a session that has members: an owner stays right while the session is seen.
        self._owners = {
            session: owner
            for session, owner in self._owners.items()
            if session in sessions and (owner is None or owner in workers)
        }
        members: dict[int, list[int]] = {}
        for session, pids in sessions.items():
            if (owner := self._owner(session, workers)) is not None:
                members.setdefault(owner, []).extend(pids)
        return members

    def _owner(self, session: int, workers: Collection[int]) -> int | None:
        """Return the worker to which a session belongs: its leader is the worker, or a descendant of the worker."""
        if session in workers:
            return session
        if session not in self._owners:
            self._owners[session] = None
            try:
                parent = psutil.Process(session).ppid()
                if parent:
                    self._owners[session] = self._owner(os.getsid(parent), workers)
            except (psutil.Error, OSError):  # its leader is gone
                pass
        return self._owners[session]

    @staticmethod
    def _use(meter: CpuMeter, pids: list[int]) -> Usage:
        times: dict[int, tuple[float, float]] = {}
        memory_bytes = num_processes = 0
        for pid in sorted(pids):  # parents first: a child that ends meanwhile is missed and not counted twice
            try:
                process = psutil.Process(pid)
                with process.oneshot():
                    used = _times(process)
                    is_alive = process.status() != psutil.STATUS_ZOMBIE
                    resident_bytes = process.memory_info().rss
            except (psutil.Error, OSError):  # ended meanwhile
                continue
            times[pid] = used
            memory_bytes += resident_bytes
            num_processes += is_alive
        meter.add(times)
        return Usage(meter.total_s, memory_bytes, num_processes, frozenset(times))
