"""The attempts of a group, whose workers run side by side, from their claims to their ends.

    order, claim, inheritance ─▶ slots ─▶ prepare ─▶ worker ─▶ beats, log, telemetry ─▶ end ─▶ exit code
       (start, opening)        (placing)              (attempt, life_signs)   (conclusion, end_file)

One attempt that is lost or fails ends no other of its group.
"""

from __future__ import annotations

import contextlib
import selectors
import threading
import time
from collections.abc import Sequence
from dataclasses import replace

from launcher.devices.slots import Slot
from launcher.engine.build_executor import build_on_node
from launcher.errors import LauncherError
from launcher.executors.base import Executor, RecordsWritten, WorkerExited
from launcher.supervisor.attempt import SupervisedAttempt
from launcher.supervisor.cluster_job import ClusterJob
from launcher.supervisor.conclusion import order_next
from launcher.supervisor.opening import Owned
from launcher.supervisor.output import say
from launcher.supervisor.placing import NoRoom, place_group
from launcher.supervisor.stop_signals import StopSignals

_TICK_S = 0.25
_START_TICK_S = 0.02  # while a worker waits for the fork server


class Group:
    """The attempts of this process that run, side by side."""

    def __init__(self, owned: Sequence[Owned], job: ClusterJob, signals: StopSignals) -> None:
        self._job = job
        self._signals = signals
        self._num_stops = 0
        self._has_submitted = False
        self._refused: list[tuple[Owned, str]] = []
        self._attempts: list[SupervisedAttempt] = []
        slots: list[Slot] = []
        for each, found in zip(owned, place_group([each.order for each in owned]), strict=True):
            if isinstance(found, NoRoom):
                self._refused.append((each, str(found)))
            else:
                self._attempts.append(SupervisedAttempt(each, found, job.node))
                slots += found.slots
        self._files = {attempt.name: attempt.spec.paths.telemetry(attempt.name) for attempt in self._attempts}
        order = owned[0].order
        self._executor: Executor | None = None
        if slots:
            self._executor = build_on_node(slots, order.preload, self._files.__getitem__, order.telemetry_s, say)
        self._preparing: threading.Thread | None = None

    def run(self) -> list[int]:
        """Run all attempts to their ends. Return an exit code for each."""
        codes = []
        for owned, why in self._refused:
            codes.append(owned.refuse(why, self._job.node, lacks_gpus=True).code)
            with contextlib.suppress(OSError):
                owned.beat.remove()
        if self._executor is None:
            return codes
        self._executor.warm_up()
        self._prepare(self._executor)
        with selectors.DefaultSelector() as selector:
            selector.register(self._signals.fileno(), selectors.EVENT_READ)
            selector.register(self._executor.fileno(), selectors.EVENT_READ)
            while not all(attempt.is_over for attempt in self._attempts):
                is_starting = not self._is_preparing and any(each.waits_to_start for each in self._attempts)
                selector.select(_START_TICK_S if is_starting else _TICK_S)
                self._turn(self._executor)
        if not self._is_preparing:  # otherwise all of it dies with this process
            self._executor.close()
        return [*codes, *(attempt.code for attempt in self._attempts)]

    def _turn(self, executor: Executor) -> None:
        for asked in self._signals.take():
            self._ask(asked)
        for event in executor.poll():
            match event:
                case WorkerExited():
                    self._attempt(event.experiment).exited(event)
                case RecordsWritten(experiment):
                    self._attempt(experiment).heard()
        now_s = time.monotonic()
        is_preparing = self._is_preparing
        for attempt in self._attempts:
            if attempt.waits_to_start and not is_preparing:
                attempt.start(executor)
            attempt.tick(now_s, "prepares" if is_preparing and attempt.waits_to_start else "")
        executor.sample()
        self._write_ends()

    @property
    def _is_preparing(self) -> bool:
        return self._preparing is not None and self._preparing.is_alive()

    def _attempt(self, experiment: str) -> SupervisedAttempt:
        return next(attempt for attempt in self._attempts if attempt.name == experiment)

    def _ask(self, asked: str) -> None:
        self._num_stops += asked == "stop"
        say(f"asked to end: {asked}.")
        for attempt in self._attempts:
            attempt.ask(asked)
            if self._num_stops > 1:
                attempt.kill()

    def _write_ends(self) -> None:
        """Write the ends that are known. Those by the time limit wait for each other, as one job goes on with all."""
        limited = [each for each in self._attempts if each.has_hit_limit and not each.is_over]
        if limited and all(each.ending is not None for each in self._attempts):
            self._submit_successor([each for each in limited if each.order.submits_successor])
            limited = []
        for attempt in self._attempts:
            if attempt.ending is not None and attempt not in limited:
                attempt.write_end()

    def _submit_successor(self, attempts: Sequence[SupervisedAttempt]) -> None:
        """Ask for a job that goes on, once."""
        if self._has_submitted or not attempts:
            return
        self._has_submitted = True
        orders = [
            order_next(attempt.order, attempt.spec) for attempt in attempts
        ]  # first: readers see that the experiments are not over
        ticket, why = self._job.submit_successor()
        if not ticket:
            for order in orders:
                order.unlink(missing_ok=True)
        say(f"job {ticket} goes on after the time limit." if ticket else f"no job goes on after the time limit: {why}")
        for attempt in attempts:
            assert attempt.ending is not None, "it has hit the limit"
            attempt.ending = replace(attempt.ending, successor=ticket)

    def _prepare(self, executor: Executor) -> None:
        """Let the target check configurations and data, on a thread: meanwhile signs of life are given."""
        due = [attempt for attempt in self._attempts if attempt.order.prepares]

        def _run() -> None:
            for attempt in due:
                try:
                    problems = executor.prepare([attempt.spec])
                except (LauncherError, OSError) as error:
                    problems = [str(error)]
                if problems and attempt.ending is None:
                    attempt.refuse("; ".join(problems))

        if due:
            self._preparing = threading.Thread(target=_run, name="prepare", daemon=True)
            self._preparing.start()
