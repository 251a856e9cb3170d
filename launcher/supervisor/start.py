"""From the name of a group in a batch to its attempts that run, and to the exit code of the process.

What is needed to claim an attempt is imported first. Then the fork server starts, and imports torch while this process
imports what follows a worker.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from pathlib import Path

from launcher.executors import forkserver
from launcher.store.batches import Batch
from launcher.store.cluster_paths import ClusterPaths
from launcher.supervisor.cluster_job import this_job
from launcher.supervisor.opening import ANOTHERS, DONE, FAILED, Left, Owned, open_attempt
from launcher.supervisor.output import say
from launcher.supervisor.predecessors import Predecessors
from launcher.supervisor.stop_signals import StopSignals


def supervise(outcome: Path, batch: str, number: int, signals: StopSignals) -> int:
    """Run the attempts of a group of a batch, and return the exit code of this process.

    `number`: of the group in the batch, from 0.
    """
    found = Batch.read(ClusterPaths(outcome).batch(batch))
    group = found.groups[number] if number < len(found.groups) else ()
    if not group:
        say(f"{outcome} has no group {number} of a batch {batch}: it was withdrawn.")
        return ANOTHERS
    job = this_job()
    codes: list[int] = []
    owned: list[Owned] = []
    predecessors = Predecessors(outcome)
    for experiment, attempt in group:
        opened = open_attempt(found, outcome, experiment, attempt, job, predecessors)
        if isinstance(opened, Left):
            say(f"{experiment}: not run here, as {opened.why}.")
            codes.append(opened.code)
        else:
            owned.append(opened)
    if not owned:
        return _code(codes)
    try:
        forkserver.start(owned[0].order.preload)
    except OSError as error:
        say(f"no fork server can be started yet: {error}")
    from launcher.supervisor.group import Group  # not at the top: the fork server is to start before

    # Targets are looked for in the working directory, as `python -m launcher` does. Python's option -P leaves it out.
    sys.path.insert(0, os.getcwd())
    try:
        return _code([*codes, *Group(owned, job, signals).run()])
    finally:
        forkserver.end()


def _code(codes: Iterable[int]) -> int:
    found = set(codes)
    return next(code for code in (FAILED, ANOTHERS, DONE) if code in found or code == DONE)
