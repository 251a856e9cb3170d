"""What the supervisor of an attempt is told: the specification of the worker, and how to watch it."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path

from launcher.clusters import typed_json
from launcher.store import values
from launcher.store.files import read
from launcher.store.paths import write_atomic
from launcher.worker.spec import Spec

_MODE = 0o600  # a configuration may hold a secret
_MOST_BYTES = 64 << 20


@dataclass(frozen=True, kw_only=True)
class Order:
    """The order of one attempt, as the launcher writes it into the orders of a batch.

    spec: of the attempt. Its paths are absolute and valid on every node; what only the node knows is filled in there:
        cards, environment of the devices, rendezvous.
    again: of an attempt that goes on from what this one left, if the cluster starts the job again; None: anew.
    again_needs: a pattern of files, absolute; without such a file the next attempt begins anew, as `spec` says. Empty:
        it may go on in any case.
    gpus: of the experiment; 0: it trains on the CPU. A part of a GPU counts as one that is shared.
    prepares: the target has a `prepare`, which must run before the worker.
    preload: the modules that the fork server imports.
    metrics: those of the job, and whether the first is better when it is larger.
    grace_s: from asking the worker to stop until it is killed.
    kill_after_s: without a record for so long, a worker is ended; None: never.
    limit_s: the time limit of the job; None: there is none.
    submits_successor: at the time limit, the supervisor asks the cluster for a job that goes on.
    code: what must be the same on the node: names of things and their digests or versions.
    """

    spec: Spec
    again: Spec | None = None
    again_needs: str = ""
    gpus: float = 0
    prepares: bool = False
    preload: tuple[str, ...] = ()
    metrics: tuple[str, ...] = ()
    is_maximized: bool = False
    telemetry_s: float = 2.0
    grace_s: float = 30.0
    beat_s: float = 5.0
    kill_after_s: float | None = None
    limit_s: int | None = None
    submits_successor: bool = False
    code: dict[str, str] = field(default_factory=dict)

    @property
    def can_go_on(self) -> bool:
        """Another attempt can go on from what this one saves: a target can, and a script whose job file says how."""
        return self.spec.script is None or bool(self.again_needs)

    def write(self, path: Path) -> None:
        """Write the order, whole or not at all. Only its owner may read the file.

        Raises:
            TypeError: a value of the configuration cannot be written; the message names it.
            OSError: the file cannot be written.
        """
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomic(path, self.line(), _MODE)

    def line(self) -> bytes:
        """Return the order as a line of a file.

        Raises:
            TypeError: a value of the configuration cannot be written; the message names it.
        """
        return json.dumps(typed_json.to_json(self, "")).encode() + b"\n"

    @classmethod
    def of_line(cls, line: bytes) -> Order:
        """Return the order that a line tells.

        Raises:
            ValueError: the line tells no order; the message says what is wrong.
        """
        return typed_json.from_json(cls, values.load(line), "")

    @classmethod
    def read(cls, path: Path) -> Order:
        """Return the order in a file.

        Raises:
            FileNotFoundError: there is none.
            OSError: the file cannot be read.
            ValueError: the file holds no order; the message says what is wrong.
        """
        return cls.of_line(read(path, _MOST_BYTES))
