"""The port of executors: what a way to run workers must offer. `executors/local.py` is the way for this machine.

The engine decides what runs where; an executor carries it out and reports what happens to its workers:

    engine ──▶ refusal(experiment, slots, demand)   may it start there now?
           ──▶ start(spec, slots, demand)           ─▶ a Handle, whose worker waits for begin()
           ──▶ handle.stop(force)
           ◀── poll()                               RecordsWritten, WorkerExited, SlotsGone

A worker writes the records of its attempt to `spec.paths.records`, the first of kind "start" and the last of kind "end"
(`launcher.store.records`), as `launcher.worker` does. An attempt without them cannot be recognised by a later launch,
which trains it again.

What is true of one kind of worker only stays in the executor: processes and their pids, descriptors, device locks,
measured memory, telemetry.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from launcher.devices.slots import Slot
from launcher.store.attempt_files import AttemptEnding
from launcher.store.records import Record
from launcher.store.samples import Sample
from launcher.worker.spec import Spec

StartMethod = Literal["forkserver", "spawn"]


@dataclass(frozen=True)
class ProcessExit:
    """How a worker ended: an exit code, or the name of a signal, or neither if that is not known."""

    code: int | None = None
    signal: str | None = None
    was_memory_short: bool = False  # while the worker ran, the machine killed a process for want of memory

    def __str__(self) -> str:
        if self.signal:
            return f"killed by {self.signal}"
        return "an unknown exit status" if self.code is None else f"exit code {self.code}"


@dataclass(frozen=True)
class Demand:
    """What an attempt needs of each of its devices."""

    gpu_bytes: int | None = None  # as far as it is known
    is_alone: bool = False  # no other worker may be on the device
    is_counted: bool = False  # `gpu_bytes` are what another attempt held, and may be more than is needed


@dataclass(frozen=True)
class SlotsGone:
    """The device of these slots is gone, so they can be used no more."""

    slots: tuple[int, ...]
    device: str  # as messages name it
    uuid: str
    why: str


@dataclass(frozen=True)
class RecordsWritten:
    """A worker has probably written records. The event may be lost or late, so readers also look by themselves."""

    experiment: str


@dataclass(frozen=True)
class WorkerExited:
    """A worker has ended, or waits for another attempt, and all processes it has started are gone.

    ended: how it ended, from its supervisor on a cluster; None without a supervisor, or where that was lost.
    was_stopped: it was ended before it began, as the launcher had asked.
    goes_on: the cluster starts the experiment again by itself, and the next attempt goes on from this one.
    why: how the attempt ended, where neither exit nor records say it: no worker was started, or the node was lost.
    is_lost: the node was lost, or whatever ran there, or the cluster has ended the job for reasons of its own.
    peak_gpu_bytes: the most memory that the driver was seen to count for it on one of its GPUs; None if it was not.
    """

    experiment: str
    exit: ProcessExit
    last_word: Record | None = None  # how the attempt ended, if the worker could not write that into its records
    ended: AttemptEnding | None = None
    was_stopped: bool = False
    goes_on: bool = False
    why: str = ""
    is_lost: bool = False
    peak_gpu_bytes: int | None = None


@dataclass(frozen=True)
class LaunchTakenOver:
    """Another launcher works in the folder now, as this one was silent for too long."""


ExecutorEvent = RecordsWritten | WorkerExited | SlotsGone | LaunchTakenOver


@dataclass(frozen=True)
class Refusal:
    """An experiment cannot start on its slots now."""

    why: str = ""  # for the user, if the refusal lasts; empty for a refusal that passes in a moment
    place: str = ""  # see Device.place; where memory is short
    gone: SlotsGone | None = None  # the device was found to be gone
    slots: tuple[int, ...] = ()  # those that it cannot use; empty: none of them


class NotReady(Exception):
    """No worker could be started in this moment; the same call may succeed in the next."""


class Handle(Protocol):
    """One worker that was started."""

    @property
    def label(self) -> str:
        """The name of the worker in messages, such as "pid 4711"."""

    @property
    def waits(self) -> str:
        """Why the worker does not run yet, such as "Resources"; empty once it runs, as on this machine always."""

    def begin(self) -> None:
        """Let the worker train. Until now it waits."""

    def discard(self) -> None:
        """End a worker that has not begun; no event follows."""

    def stop(self, *, force: bool) -> None:
        """Ask the worker to save and end; with `force` kill it and all its children."""

    def end_with_stacks(self) -> None:
        """Have the worker write the stacks of its threads into its log and end, even if it is stuck."""

    def cpu_seconds(self) -> float | None:
        """Return the CPU time of the worker and its children so far; 0 if it is gone, None if nobody here knows it."""


class Executor(Protocol):
    """A way to run workers on some slots. One launch owns it, from before the first start until `close`."""

    @property
    def slots(self) -> Sequence[Slot]:
        """The places to run, by their index."""

    @property
    def is_remote(self) -> bool:
        """The workers run on other machines.

        Then each attempt has files of its own and writes its log by itself. `poll` alone tells of its records, and it
        goes on when the launcher ends.
        """

    @property
    def has_handed_over(self) -> bool:
        """Everything that was started lies with the cluster; on this machine always."""

    def open_attempt(self, experiment: str) -> int:
        """Return the number of the attempt that runs or waits already, without this launch; 0 if there is none."""

    def warm_up(self) -> None:
        """Begin the work that takes long before the first start, and do not wait for it."""

    def prepare(self, specs: Sequence[Spec]) -> list[str]:
        """Let the target check all configurations and its data. Return its problems, a line each.

        Raises:
            InputError: a module of `preload` cannot be imported.
            LauncherError: nothing can be started.
        """

    def refusal(self, experiment: str, slots: Sequence[int], demand: Demand) -> Refusal | None:
        """Return why an experiment cannot start on these slots now, all of which it needs; None if it can.

        Raises:
            LauncherError: nothing can be started any more.
        """

    def start(self, spec: Spec, slots: Sequence[int], demand: Demand) -> Handle:
        """Start the worker of an attempt on slots; it does nothing before `begin`.

        Raises:
            NotReady: no worker was made, and it may be tried again.
            OSError: there is no room for another process.
            LauncherError: nothing can be started any more.
        """

    def settled(self, experiment: str) -> None:
        """Take in that an attempt has taken its first step: by now it uses all the memory it needs."""

    def check_device(self, slot: int, why: str) -> SlotsGone | None:
        """Look whether the device of a slot is gone, after an attempt on it has failed for the reason given."""

    def set_aside(self, slot: int) -> None:
        """Start nothing more on the device of a slot."""

    def refresh(self) -> None:
        """Forget what was measured on devices, because refused experiments are tried again now."""

    def tend(self) -> None:
        """Repair what new workers need, if it is broken. Called again and again while an experiment waits.

        Raises:
            LauncherError: nothing can be started any more.
        """

    def set_threads(self, threads: int) -> None:
        """Set the number of CPU threads of each running worker from its next step on, if this executor can."""

    def usage(self, experiment: str) -> Sample | None:
        """Return the newest sample of what a running worker uses; None if there is none."""

    def sample(self) -> None:
        """Take a sample of what the running workers use, if it is time to."""

    def poll(self) -> list[ExecutorEvent]:
        """Return what has happened since the last call, without waiting."""

    def fileno(self) -> int:
        """Return a descriptor that is readable while `poll` has something to return."""

    def close(self) -> None:
        """End all workers that are left, and release everything."""
