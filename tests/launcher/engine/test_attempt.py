"""An attempt that runs: the grace time, the kill when it is over, silence, and what a pause changes."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from launcher.engine.classify_ending import Circumstances
from launcher.executors.base import ProcessExit, WorkerExited
from launcher.store.history import History
from launcher.store.paths import Paths
from tests.launcher.engine.parts import NotedWorker, attempt


@pytest.fixture
def worker() -> NotedWorker:
    return NotedWorker()


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    """The files of a sweep, in which the attempt has records."""
    found = Paths(tmp_path / "outcome", tmp_path / "logs")
    found.create()
    found.records("a").touch()
    return found


def test_asked_to_stop_it_has_the_grace_time_and_is_killed_once(worker: NotedWorker) -> None:
    running = attempt(worker)
    before_s = time.monotonic()
    running.stop(force=False, grace_s=60.0)
    assert running.force_at_s is not None
    assert before_s + 60 <= running.force_at_s <= time.monotonic() + 60
    running.kill_if_due(running.force_at_s - 0.1)
    assert worker.asked == ["stop"]
    running.kill_if_due(running.force_at_s)
    assert running.is_forced
    running.kill_if_due(time.monotonic() + 1e9)
    assert worker.asked == ["stop", "kill"]


def test_a_second_request_does_not_prolong_the_grace_time(worker: NotedWorker) -> None:
    running = attempt(worker)
    running.stop(force=False, grace_s=1.0)
    due_s = running.force_at_s
    running.stop(force=False, grace_s=60.0)
    assert running.force_at_s == due_s
    running.stop(force=False, grace_s=0.0)
    assert running.force_at_s is not None
    assert due_s is not None
    assert running.force_at_s < due_s


def test_with_force_it_is_killed_at_once(worker: NotedWorker, paths: Paths) -> None:
    running = attempt(worker)
    running.stop(force=True, grace_s=60.0)
    assert (worker.asked, running.force_at_s) == (["kill"], None)
    assert running.circumstances(WorkerExited("a", ProcessExit(signal="SIGKILL")), paths).was_forced


def test_what_is_asked_after_the_last_word_does_not_change_the_ending(worker: NotedWorker, paths: Paths) -> None:
    running = attempt(worker)
    running.stop(force=False, grace_s=60.0, is_over=True)
    assert running.is_asked
    assert running.circumstances(WorkerExited("a", ProcessExit(0)), paths) == Circumstances()
    running.stop(force=False, grace_s=60.0)
    assert running.circumstances(WorkerExited("a", ProcessExit(0)), paths) == Circumstances(was_asked=True)


def test_a_pause_moves_what_is_due(worker: NotedWorker) -> None:
    running = attempt(worker)
    running.add_pause(100.0)
    assert running.force_at_s is None
    running.stop(force=False, grace_s=60.0)
    assert running.force_at_s is not None
    due_s = running.force_at_s
    running.add_pause(1000.0)
    assert running.force_at_s == due_s + 1000
    running.kill_if_due(due_s + 999)
    assert worker.asked == ["stop"]


def test_a_worker_that_hangs_writes_its_stacks_and_is_killed_half_a_second_later(worker: NotedWorker) -> None:
    running = attempt(worker, warn_after_s=10, end_after_s=30)
    for now_s in (0.0, 5.0):
        assert running.watch(0, now_s) is None
    assert str(running.watch(0, 10.0)).startswith("no record for 10 s; it uses no CPU")
    assert worker.asked == []
    silence = running.watch(0, 30.0)
    assert silence
    assert silence.is_final
    assert (worker.asked, running.hung_s, running.force_at_s) == (["stacks"], 30.0, 30.5)
    running.kill_if_due(30.5)
    assert worker.asked == ["stacks", "kill"]


def test_a_worker_whose_end_is_due_already_does_not_hang(worker: NotedWorker) -> None:
    running = attempt(worker, warn_after_s=10, end_after_s=30)
    running.watch(0, 0.0)
    running.stop(force=False, grace_s=60.0)
    assert running.watch(0, 30.0) is None
    assert (worker.asked, running.hung_s) == (["stop"], None)


def test_its_first_step_is_noticed_once_and_steps_of_earlier_attempts_are_not(worker: NotedWorker) -> None:
    running, history = attempt(worker), History()
    assert not running.has_just_settled(history)
    history.add({"attempt": 1, "at_s": 0.1, "kind": "start"})
    assert not running.has_just_settled(history), "it is in set-up still"
    history.add({"attempt": 1, "at_s": 0.2, "step": 1, "loss": 1.0})
    assert running.has_just_settled(history)
    assert not running.has_just_settled(history)


def test_until_its_first_step_it_is_expected_to_take_what_was_known_before(worker: NotedWorker) -> None:
    running, history = attempt(worker), History()
    assert running.known(history, 5.0) is running.decision.duration
    history.add({"attempt": 1, "at_s": 0.0, "kind": "total", "steps": 10})
    history.add({"attempt": 1, "at_s": 4.0, "step": 2})
    known = running.known(history, 5.0)
    assert (known.seconds, known.share_done) == (25.0, 0.2)


def test_a_short_memory_and_a_last_word_are_passed_on(worker: NotedWorker, paths: Paths) -> None:
    word = {"ending": "failed", "error": "the disk is full"}
    exited = WorkerExited("a", ProcessExit(74, was_memory_short=True), last_word=word)
    expected = Circumstances(was_memory_short=True, last_word=word)
    assert attempt(worker).circumstances(exited, paths) == expected
