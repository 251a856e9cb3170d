"""Executors, views and consoles that live in memory, so that a launch runs without a process, a plot or a terminal."""

from __future__ import annotations

import os
import selectors
import signal
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from launcher.devices.device import Device
from launcher.devices.slots import Slot
from launcher.engine.console import MessageKind
from launcher.engine.launch import launch
from launcher.engine.ports import Ports
from launcher.engine.snapshot import Snapshot
from launcher.engine.summary import Summary
from launcher.executors.base import (
    Demand,
    ExecutorEvent,
    ProcessExit,
    RecordsWritten,
    Refusal,
    SlotsGone,
    WorkerExited,
)
from launcher.planning import job
from launcher.planning.launch_options import LaunchOptions
from launcher.planning.plan import Plan
from launcher.store.records import RecordWriter
from launcher.store.samples import Sample
from launcher.worker.spec import Spec

Train = Callable[[Spec, RecordWriter], None]  # writes the records of an attempt


def two_steps(spec: Spec, writer: RecordWriter) -> None:
    """Write the records of two steps, and the last record unless the experiment is called "endless"."""
    writer.write({"kind": "start", "digest": spec.digest, "device": "cpu", "threads": 1})
    for step, loss in enumerate((0.5, 0.4), 1):
        writer.write({"loss": loss}, step)
    if spec.experiment != "endless":
        writer.write({"kind": "end", "ending": "done"})


class FakeHandle:
    """A worker that trains in `begin`, in this process; without `train` it writes no file and says that it is done."""

    label = "in memory"
    waits = ""

    def __init__(self, spec: Spec, executor: FakeExecutor) -> None:
        self._spec = spec
        self._executor = executor

    def begin(self) -> None:
        name = self._spec.experiment
        if self._executor.train is None:
            self._exit()
            return
        writer = RecordWriter(self._spec.paths.records(name), self._spec.attempt)
        try:
            self._executor.train(self._spec, writer)
        finally:
            writer.close()
        self._executor.happens(RecordsWritten(name))
        if name not in self._executor.endless:
            self._exit()

    def _exit(self) -> None:
        """End as the test wants; else as a worker that is done, which says so itself where `train` has not."""
        name = self._spec.experiment
        if exits := self._executor.exits.get(name):
            self._executor.happens(WorkerExited(name, exits.pop(0)))
        else:
            last_word = {"ending": "done"} if self._executor.train is None else None
            self._executor.happens(WorkerExited(name, ProcessExit(0), last_word))

    def discard(self) -> None:
        pass

    def stop(self, *, force: bool) -> None:
        how = ProcessExit(signal="SIGKILL") if force else ProcessExit(0)
        self._executor.stopped.append((self._spec.experiment, force))
        if not force and self._executor.stubborn is not None:
            self._executor.stubborn()
            return
        self._executor.happens(WorkerExited(self._spec.experiment, how))

    def end_with_stacks(self) -> None:
        pass

    def cpu_seconds(self) -> float:
        return 0.0


class FakeExecutor:
    """Runs attempts in this process. What it is told is kept, for a test to look at."""

    is_remote = False
    has_handed_over = True

    def __init__(self, num_slots: int, train: Train | None = None, endless: Iterable[str] = ()) -> None:
        self.slots = [Slot(number, Device("cpu", f"cpu:{number}"), 1) for number in range(num_slots)]
        self.train = train
        self.endless = set(endless)  # these experiments end only when they are stopped
        self.refusals: dict[str, list[Refusal]] = {}  # by experiment: given out one after another, before it may start
        self.exits: dict[str, list[ProcessExit]] = {}  # by experiment: how its next attempts end
        self.start_errors: dict[str, list[Exception]] = {}  # by experiment: raised by its next starts
        self.problems: dict[str, str] = {}  # by experiment: what the target says of its configuration
        self.gone: dict[str, SlotsGone] = {}  # by the reason of a failure: what a look at the device finds
        self.lost_at_start: SlotsGone | None = None  # found by each look before a start
        self.stubborn: Callable[[], None] | None = None  # called in place of the end of a worker that is asked to stop
        self.started: list[tuple[str | int, ...]] = []  # an experiment and its slots
        self.stopped: list[tuple[str, bool]] = []
        self.prepared: list[str] = []
        self.threads: list[int] = []
        self.set_aside_slots: list[int] = []
        self.is_closed = False
        self._events: deque[ExecutorEvent] = deque()
        self._ours, self._theirs = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)

    def happens(self, event: ExecutorEvent) -> None:
        """Have the next poll return an event."""
        if not self._events:
            os.write(self._theirs, b"!")
        self._events.append(event)

    def warm_up(self) -> None:
        pass

    def open_attempt(self, experiment: str) -> int:
        return 0

    def prepare(self, specs: Sequence[Spec]) -> list[str]:
        self.prepared += [spec.experiment for spec in specs]
        return [self.problems[spec.experiment] for spec in specs if spec.experiment in self.problems]

    def refusal(self, experiment: str, slots: Sequence[int], demand: Demand) -> Refusal | None:
        if self.lost_at_start is not None:
            return Refusal(gone=self.lost_at_start)
        left = self.refusals.get(experiment)
        return left.pop(0) if left else None

    def start(self, spec: Spec, slots: Sequence[int], demand: Demand) -> FakeHandle:
        if errors := self.start_errors.get(spec.experiment):
            raise errors.pop(0)
        self.started.append((spec.experiment, *slots))
        return FakeHandle(spec, self)

    def settled(self, experiment: str) -> None:
        pass

    def check_device(self, slot: int, why: str) -> SlotsGone | None:
        return self.gone.get(why)

    def set_aside(self, slot: int) -> None:
        self.set_aside_slots.append(slot)

    def refresh(self) -> None:
        pass

    def tend(self) -> None:
        pass

    def set_threads(self, threads: int) -> None:
        self.threads.append(threads)

    def usage(self, experiment: str) -> Sample | None:
        return None

    def sample(self) -> None:
        pass

    def poll(self) -> list[ExecutorEvent]:
        events = list(self._events)
        self._events.clear()
        if events:
            os.read(self._ours, 1)
        return events

    def fileno(self) -> int:
        return self._ours

    def close(self) -> None:
        if not self.is_closed:
            self.is_closed = True
            os.close(self._ours)
            os.close(self._theirs)


class NoViews:
    """Draws nothing, and remembers for what."""

    is_working = False
    num_problems = 0

    def __init__(self) -> None:
        self.requested: list[str] = []

    def attach(self, selector: selectors.BaseSelector) -> None:
        pass

    def request(self, experiments: Iterable[str]) -> None:
        self.requested += experiments

    def advance(self) -> None:
        pass

    def hurry(self) -> None:
        pass

    def add_pause(self, pause_s: float) -> None:
        pass

    def give_up(self, why: str) -> None:
        pass

    def abandon(self) -> None:
        pass

    def close(self) -> None:
        pass


class Listening:
    """A console that keeps what it is told."""

    def __init__(self) -> None:
        self.messages: list[str] = []

    def message(self, text: str, kind: MessageKind = "news", /) -> None:
        self.messages.append(text)

    def begin(self, plan: Plan, slots: Sequence[Slot], /) -> None:
        pass

    def show(self, snapshot: Callable[[], Snapshot], /) -> None:
        pass

    def on_signal(self, number: signal.Signals, /) -> None:
        pass

    def close(self) -> None:
        pass


def run(folder: Path, executor: FakeExecutor, console: Listening | None = None, **ports: object) -> Summary:
    """Launch the job file of a folder on an executor, all slots at once."""
    parts = Ports(
        renew_views=lambda _: [],
        make_views=lambda _plan, _warn: NoViews(),
        make_executor=lambda *_: executor,
        **ports,  # type: ignore[arg-type]
    )
    options = LaunchOptions(devices="cpu", parallel=True)
    return launch(job.load(folder / "job.toml"), options, console=console or Listening(), ports=parts)
