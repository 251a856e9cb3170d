"""Batches: what is ordered, where the orders are, and how they are withdrawn."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from launcher.store import batches
from launcher.store.batches import Batch, ordered_attempts, withdraw, write_batch

GROUPS = [[("a", 1), ("b", 1)], [("c", 2)]]
ORDERS = {("a", 1): b"order of a\n", ("b", 1): b"another, of b\n", ("c", 2): b"c\n"}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "_batches" / "b1.json"
    write_batch(path, GROUPS, ORDERS)
    return path


def test_each_attempt_finds_its_order(path: Path) -> None:
    batch = Batch.read(path)
    assert [list(group) for group in batch.groups] == GROUPS
    assert {attempt: batch.order(attempt) for attempt in ORDERS} == ORDERS
    assert batch.order(("a", 2)) is None
    assert path.with_suffix(".orders").stat().st_mode & 0o777 == 0o600, "a configuration may hold a secret"
    assert ordered_attempts(path.parent) == {"a": {1}, "b": {1}, "c": {2}}


def test_what_is_withdrawn_leaves_the_other_groups_where_they_are(path: Path) -> None:
    withdraw(path.parent, {"a"})
    assert Batch.read(path).groups == ((("b", 1),), (("c", 2),))
    withdraw(path.parent, {"b"})
    batch = Batch.read(path)
    assert batch.groups == ((), (("c", 2),))
    assert batch.order(("c", 2)) == ORDERS["c", 2]
    assert batch.order(("a", 1)) is None
    withdraw(path.parent, {"c", "other"})
    assert not list(path.parent.iterdir())
    assert ordered_attempts(path.parent) == {}


def test_a_batch_of_an_earlier_version_orders_nothing_and_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "b1.json"
    path.write_text('{"groups": [[["a", 1]]]}\n')
    assert Batch.read(path).groups == ((("a", 1),),)
    assert Batch.read(path).order(("a", 1)) is None
    assert ordered_attempts(tmp_path) == {}
    withdraw(tmp_path, {"a"})
    assert path.exists()


def test_orders_of_a_launcher_that_was_killed_before_it_wrote_the_rest_are_removed(path: Path) -> None:
    path.unlink()
    assert ordered_attempts(path.parent) == {}
    withdraw(path.parent, ())
    assert not list(path.parent.iterdir())


@pytest.mark.parametrize(
    "content",
    [
        "",
        "[]",
        "{}",
        '{"groups": 1}',
        '{"groups": [[["../a", 1]]], "orders": [[[0, 1]]]}',
        '{"groups": [[["a", 0]]], "orders": [[[0, 1]]]}',
        '{"groups": [[["a", 1]]], "orders": [[[0]]]}',
        '{"groups": [[["a", 1]]], "orders": [[[-1, 5]]]}',
        '{"groups": [[["a", 1]]], "orders": [[[0, 1]], [[1, 2]]]}',
        '{"groups": [[["a", 1]]], "orders": [[1]]}',
    ],
)
def test_a_file_of_another_form_is_a_batch_without_groups(tmp_path: Path, content: str) -> None:
    (tmp_path / "b1.json").write_text(content)
    assert Batch.read(tmp_path / "b1.json") == Batch(tmp_path / "b1.json")
    assert ordered_attempts(tmp_path) == {}


def test_orders_of_a_batch_that_cannot_be_read_now_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, experiment in (("b1", "a"), ("b2", "b")):
        write_batch(tmp_path / f"{name}.json", [[(experiment, 1)]], {(experiment, 1): b"order\n"})
    (tmp_path / "b2.sh").touch()

    def fail_for_b1(path: Path, most: int) -> bytes:
        if path.name == "b1.json":
            raise OSError(errno.EIO, "Input/output error")
        return path.read_bytes()

    monkeypatch.setattr(batches, "read", fail_for_b1)
    withdraw(tmp_path, {"b"})
    assert sorted(path.name for path in tmp_path.iterdir()) == ["b1.json", "b1.orders"]
