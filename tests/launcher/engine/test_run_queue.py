"""The queue of the scheduler."""

from __future__ import annotations

from launcher.engine.run_queue import RunQueue


def test_an_experiment_that_is_put_back_gets_its_old_place() -> None:
    queue = RunQueue("abcd")
    for name in ("b", "a"):
        queue.remove(name)
    queue.put_back("b")
    assert list(queue.first(9)) == ["b", "c", "d"]
    queue.put_back("a")
    assert list(queue.first(2)) == ["a", "b"]
    assert len(queue) == 4


def test_an_experiment_that_is_added_again_is_the_last_from_then_on() -> None:
    queue = RunQueue("abc")
    queue.remove("a")
    queue.append("a")
    queue.remove("a")
    queue.put_back("a")
    assert list(queue.first(3)) == ["b", "c", "a"]
