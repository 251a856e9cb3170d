"""Batches: which attempts a launcher has handed to a cluster together, and what each of them is to train.

    attempts/_batches/<batch>.json     the attempts of each group, and where in the other file their orders are
    attempts/_batches/<batch>.orders   the orders, a line each; nobody but its owner may read it

So a thousand orders are two files. A supervisor reads the first, and of the second its own lines. An attempt is ordered
as long as the first file names it. The launch that folds an experiment takes it out: a job that comes later finds no
order. Only the launch that holds the folder's lock writes here.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from launcher.store import values
from launcher.store.files import open_to_read, read
from launcher.store.names import is_name
from launcher.store.paths import write_atomic

_MOST_BYTES = 16 << 20
_MOST_ORDER_BYTES = 64 << 20
_ORDERS_MODE = 0o600  # a configuration may hold a secret

Attempt = tuple[str, int]  # the name of an experiment and the number of its attempt
Group = Sequence[Attempt]


@dataclass(frozen=True)
class Batch:
    """What was handed over together.

    path: of its first file.
    groups: the attempts of each group. A group of which nothing is ordered any more is empty.
    places: where the order of each attempt is in the file of the orders: its first byte, and how many there are. An
        attempt without one has a file of its own for its order.
    """

    path: Path
    groups: tuple[tuple[Attempt, ...], ...] = ()
    places: Mapping[Attempt, tuple[int, int]] = field(default_factory=dict)

    @classmethod
    def read(cls, path: Path) -> Batch:
        """Return the batch of a file; without groups if the file is missing or is not as `write_batch` writes it."""
        try:
            content = values.load(read(path, _MOST_BYTES))
            groups = tuple(
                tuple((_name(name), _whole(number, 1)) for name, number in each) for each in content["groups"]
            )
            orders = content.get("orders") or [[] for _ in groups]
            places = {
                attempt: (_whole(place[0], 0), _whole(place[1], 0))
                for group, found in zip(groups, orders, strict=True)
                for attempt, place in zip(group, found, strict=bool(found))
            }
            return cls(path, groups, places)
        except (OSError, ValueError, KeyError, TypeError, IndexError, AttributeError):
            return cls(path)

    def order(self, attempt: Attempt) -> bytes | None:
        """Return the order of an attempt, as it was given to `write_batch`; None if the batch has none.

        Raises:
            OSError: the file of the orders cannot be read.
        """
        if attempt not in self.places:
            return None
        start, size = self.places[attempt]
        fd = open_to_read(_orders(self.path))
        try:
            return os.pread(fd, min(size, _MOST_ORDER_BYTES), start)
        finally:
            os.close(fd)

    def write(self) -> None:
        """Write which attempts are ordered, in which groups.

        Raises:
            OSError: the file cannot be written.
        """
        orders = [[self.places[attempt] for attempt in group if attempt in self.places] for group in self.groups]
        write_atomic(self.path, json.dumps({"groups": self.groups, "orders": orders}) + "\n")


def write_batch(path: Path, groups: Sequence[Group], orders: Mapping[Attempt, bytes] | None = None) -> None:
    """Write a batch, `ClusterPaths.batch`: the orders first. `orders`: a line for each attempt.

    Raises:
        OSError: a file cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    places: dict[Attempt, tuple[int, int]] = {}
    if orders:
        start = 0
        for attempt, order in orders.items():
            places[attempt] = start, len(order)
            start += len(order)
        write_atomic(_orders(path), b"".join(orders.values()), _ORDERS_MODE)
    Batch(path, tuple(tuple((name, number) for name, number in group) for group in groups), places).write()


def ordered_attempts(folder: Path) -> dict[str, frozenset[int]]:
    """Return the numbers of the attempts that the batches in a folder order, by experiment."""
    found: dict[str, set[int]] = {}
    for batch in _batches(folder, _listed(folder)):
        for name, number in batch.places:
            found.setdefault(name, set()).add(number)
    return {name: frozenset(numbers) for name, numbers in found.items()}


def withdraw(folder: Path, experiments: Collection[str]) -> None:
    """Take the attempts of experiments out of the batches in a folder, and remove what then orders nothing.

    Raises:
        OSError: a file cannot be written or removed.
    """
    listed = _listed(folder)
    for batch in _batches(folder, listed):
        left = {attempt: place for attempt, place in batch.places.items() if attempt[0] not in experiments}
        if not left:
            own = (f"{batch.path.stem}.", f"{batch.path.stem}@")  # its scripts for the cluster, too
            for name in [batch.path.name, *filter(lambda name: name.startswith(own), listed)]:
                (folder / name).unlink(missing_ok=True)
        elif len(left) < len(batch.places):
            groups = tuple(tuple(attempt for attempt in group if attempt in left) for group in batch.groups)
            Batch(batch.path, groups, left).write()
    for name in listed:
        if name.endswith(".orders") and f"{Path(name).stem}.json" not in listed:  # the launcher was killed between both
            (folder / name).unlink(missing_ok=True)


def _batches(folder: Path, listed: Iterable[str]) -> Iterator[Batch]:
    """Yield the batches in a folder that have orders, of these names."""
    for name in listed:
        if name.endswith(".json") and not name.startswith("."):
            batch = Batch.read(folder / name)
            if batch.places:
                yield batch


def _listed(folder: Path) -> Sequence[str]:
    with contextlib.suppress(OSError):
        return sorted(os.listdir(folder))
    return []


def _orders(path: Path) -> Path:
    return path.with_suffix(".orders")


def _name(name: Any) -> str:
    if not is_name(name):
        raise ValueError("no name of an experiment")
    return str(name)


def _whole(value: Any, least: int) -> int:
    found = values.whole(value, least=least)
    if found is None:
        raise ValueError("no whole number")
    return found
