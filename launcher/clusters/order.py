"""What the supervisor of an attempt is told: the specification of the worker, and how to watch it."""

from __future__ import annotations

from dataclasses import dataclass, field

from launcher.worker.spec import Spec


@dataclass(frozen=True, kw_only=True)
class Order:
    """The order of one attempt, as the launcher writes it into `attempts/<experiment>/<n>.order`.

    spec: of the attempt. Its paths are absolute and valid on every node; what only the node knows is filled in there:
        cards, environment of the devices, rendezvous.
    again: of an attempt that goes on from what this one left, if the cluster starts the job again; None: anew.
    gpus: of the experiment; 0: it trains on the CPU. A part of a GPU counts as one that is shared.
    prepares: the target has a `prepare`, which must run before the worker.
    preload: the modules that the fork server imports.
    metrics: those of the job, and whether the first is better when it is larger.
    grace_s: from asking the worker to stop until it is killed.
    limit_s: the time limit of the job; None: there is none.
    submits_successor: at the time limit, the supervisor asks the cluster for a job that goes on.
    code: what must be the same on the node: names of things and their digests or versions.
    """

    spec: Spec
    again: Spec | None = None
    gpus: float = 0
    prepares: bool = False
    preload: tuple[str, ...] = ()
    metrics: tuple[str, ...] = ()
    is_maximized: bool = False
    telemetry_s: float = 2.0
    grace_s: float = 30.0
    beat_s: float = 5.0
    limit_s: int | None = None
    submits_successor: bool = False
    code: dict[str, str] = field(default_factory=dict)
