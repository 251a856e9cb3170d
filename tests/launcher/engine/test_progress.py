"""The rows of a snapshot: of experiments that run, wait, have ended, were withdrawn or are kept."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from launcher.engine.classify_ending import Ending
from launcher.engine.experiments import Experiments
from launcher.engine.launch_state import LaunchState
from launcher.engine.listener import AttemptEnd
from launcher.engine.messages import Begin, Ended, Interrupted, RetryRequested, StopRequested
from launcher.engine.newest import Newest
from launcher.engine.progress import ProgressBoard
from launcher.engine.scheduler import Scheduler
from launcher.engine.snapshot import SnapshotRow
from launcher.planning.decision import PlannedAction
from launcher.planning.evidence import Evidence
from launcher.store.ending import EndingKind
from launcher.store.record_summary import RecordSummary
from launcher.store.records import Record
from launcher.store.samples import Sample
from tests.launcher.engine.parts import CPU, NotedWorker, attempt, decision, plan

NAMES = ("a", "b", "c")


class FakeFollower:
    """Knows two steps of each experiment."""

    def __init__(self) -> None:
        self.is_broken = False
        self.phase = "after step 2"

    def newest(self, _name: str) -> Newest:
        if self.is_broken:
            raise AttributeError("there is none")
        return Newest(step=2, total=4, value=0.5, best=0.4)

    def summary(self, _name: str) -> RecordSummary:
        summary = RecordSummary()
        total: Record = {"attempt": 1, "at_s": 0.0, "kind": "total", "steps": 4}
        summary.add_all([total, {"attempt": 1, "at_s": 1.0, "step": 2}])
        summary.phase = self.phase
        return summary


class FakeTimeLeft:
    """Says what it was asked, in place of seconds."""

    def learn(self, attempt: Any, history: RecordSummary) -> None:
        pass

    def seconds_left(self, waiting: list[str]) -> float:
        return float(len(waiting))


class Board:
    """Three experiments of which a runs on the only slot, and d, which is kept."""

    def __init__(self, folder: Path) -> None:
        done = Evidence(ending=EndingKind.DONE, num_steps=3)
        kept = replace(decision("d", 3), action=PlannedAction.KEEP, evidence=done)
        self.plan = plan(folder, [*(decision(name, index) for index, name in enumerate(NAMES)), kept])
        self.scheduler = Scheduler(NAMES, 1)
        self.scheduler.handle(Begin())
        self.experiments = Experiments(self.plan.to_run, NAMES, {})
        self.experiments.running["a"] = attempt(NotedWorker())
        self.follower: Any = FakeFollower()
        self.warnings: list[str] = []
        self.usage: dict[str, Sample] = {}
        unused: Any = None
        state = LaunchState(self.experiments, self.scheduler, self.follower, unused)
        time_left: Any = FakeTimeLeft()
        self.board = ProgressBoard(self.plan, state, time_left, self.usage.get, lambda: (3, 9), self.warnings.append)

    def end(self, name: str, kind: EndingKind) -> None:
        """End an attempt as the runner and the scheduler do."""
        self.experiments.running.pop(name)
        made = next(one for one in self.plan.to_run if one.experiment.name == name)
        self.board.ended(AttemptEnd(made, CPU, Ending(kind), self.follower.summary(name), 12.0, 0))
        self.scheduler.handle(Ended(name, kind))

    def rows(self) -> list[tuple[str, str, str]]:
        return [(row.experiment, row.group, row.state) for row in self.board.snapshot().rows]

    def row(self, name: str) -> SnapshotRow:
        return next(row for row in self.board.snapshot().rows if row.experiment == name)


@pytest.fixture
def board(tmp_path: Path) -> Board:
    return Board(tmp_path)


def test_rows_come_in_groups_and_what_waits_in_its_order(board: Board) -> None:
    assert board.rows() == [
        ("a", "running", "running"),
        ("b", "waiting", "waiting"),
        ("c", "waiting", "waiting"),
        ("d", "done", "kept"),
    ]


def test_a_running_row_has_its_newest_values_and_what_its_worker_uses(board: Board) -> None:
    row = board.row("a")
    assert (row.step, row.total, row.value, row.best, row.device) == (2, 4, 0.5, 0.4, "cpu:0")
    assert (row.memory_bytes, row.cpu_percent) == (None, None)
    assert row.left_s is not None, "half of its steps are done"
    board.usage["a"] = Sample(1, 1.0, 50.0, 2**20, 2**21, 1)
    assert (board.row("a").memory_bytes, board.row("a").cpu_percent) == (2**20, 50.0)


@pytest.mark.parametrize(
    ("phase", "state"),
    [
        ("in set-up", "starting"),
        ("after step 2", "running"),
        ("in the checkpoint of step 2", "saving"),
        ("in teardown", "ending"),
    ],
)
def test_a_running_row_says_what_the_worker_does(board: Board, phase: str, state: str) -> None:
    board.follower.phase = phase
    assert board.row("a").state == state
    board.experiments.running["a"].is_asked = True
    assert board.row("a").state == "stopping"


@pytest.mark.parametrize(
    ("kind", "group", "state"),
    [
        (EndingKind.DONE, "done", "done"),
        (EndingKind.DIVERGED, "failed", "diverged"),
        (EndingKind.OUT_OF_MEMORY, "failed", "no memory"),
        (EndingKind.INTERRUPTED, "interrupted", "interrupted"),
    ],
)
def test_an_ended_row_has_its_ending_and_its_time(board: Board, kind: EndingKind, group: str, state: str) -> None:
    board.end("a", kind)
    row = board.row("a")
    assert (row.group, row.state, row.time_s, row.step) == (group, state, 12.0, 2)


def test_the_newest_end_comes_first_and_a_retried_experiment_waits(board: Board) -> None:
    board.end("a", EndingKind.FAILED)
    board.experiments.running["b"] = attempt(NotedWorker())
    board.end("b", EndingKind.FAILED)
    assert [name for name, group, _ in board.rows() if group == "failed"] == ["b", "a"]
    board.scheduler.handle(RetryRequested("a"))
    assert ("a", "waiting", "waiting") in board.rows()
    assert ("a", "failed", "failed") not in board.rows()


def test_a_withdrawn_experiment_has_a_row(board: Board) -> None:
    board.scheduler.handle(StopRequested("b"))
    assert ("b", "interrupted", "withdrawn") in board.rows()


def test_the_time_left_counts_what_will_still_start(board: Board) -> None:
    assert board.board.snapshot().left_s == 2.0
    board.scheduler.handle(Interrupted())
    assert board.board.snapshot().left_s is None


def test_a_launch_that_stops_starts_nothing_more(board: Board) -> None:
    board.scheduler.handle(Interrupted())
    assert board.board.snapshot().is_stopping
    assert ("b", "waiting", "not started") in board.rows()


def test_a_snapshot_has_all_names_in_the_order_of_the_job_and_what_is_drawn(board: Board) -> None:
    assert board.board.snapshot().names == ("a", "b", "c", "d")
    assert board.board.snapshot().drawing == (3, 9)


def test_an_error_in_one_row_leaves_a_bare_row_and_is_told_once(board: Board) -> None:
    board.follower.is_broken = True
    for _ in range(2):
        row = board.row("a")
    assert (row.state, row.device, row.step) == ("running", "cpu:0", None)
    assert len(board.warnings) == 1
    assert board.warnings[0].startswith("a: its row is left out from now on (AttributeError")
