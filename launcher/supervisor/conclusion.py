"""What follows when the worker of an attempt is gone: its last records, how it ended, and whether a job may go on."""

from __future__ import annotations

import contextlib
import os
from dataclasses import replace
from pathlib import Path

from launcher.clusters.order import Order
from launcher.engine.attempt_ending import classify_attempt
from launcher.engine.classify_ending import RECORDS_REMOVED, Ending
from launcher.engine.follower import Follower
from launcher.store.attempt_files import AttemptEnding, AttemptFiles
from launcher.store.checkpoints import Checkpoints
from launcher.store.cluster_paths import ClusterPaths
from launcher.store.ending import EndingKind
from launcher.store.record_summary import RecordSummary
from launcher.supervisor.inheritance import newest_checkpoint
from launcher.supervisor.opening import Owned
from launcher.supervisor.output import say
from launcher.text import plural
from launcher.worker.spec import Spec

NO_PROGRESS = "no checkpoint between two time limits: raise time or lower checkpoint_s"


def conclude(owned: Owned, ended: AttemptEnding, follower: Follower) -> tuple[AttemptEnding, Ending]:
    """Return the end of an attempt, whose worker is gone, and how that counts. Its log gets a line about it."""
    name = owned.spec.experiment
    history = _complete(owned, follower)
    if ended.code == 0 and history.end is None and _has_no_records(owned):
        ended = replace(ended, verdict=RECORDS_REMOVED)
    ending = classify_attempt(ended, history)
    if ending.kind == EndingKind.INTERRUPTED and ended.asked == "limit" and not _has_progress(owned, history):
        ended = replace(ended, verdict=NO_PROGRESS)
        ending = classify_attempt(ended, history)
    elif ending.kind.is_failure:  # it failed by itself, and no job goes on with it unless the launcher says so
        ended = replace(ended, asked="")
    if history.end is None:
        ended = replace(ended, untold=(ending.kind, ending.why))
    if ending.kind == EndingKind.DONE:
        _remove_checkpoints(owned)
    follower.close(name, f"{name} {ending}, {plural(history.num_steps, 'step')}, {ended.seconds:.1f} s")
    return ended, ending


def _has_no_records(owned: Owned) -> bool:
    path = owned.spec.paths.records(owned.spec.experiment)
    try:
        return path.name not in os.listdir(path.parent)
    except FileNotFoundError:
        return True
    except OSError:  # a server that is away says nothing about its files
        return False


def order_next(order: Order, spec: Spec) -> Path:
    """Write the order of the attempt with which a job goes on after the time limit. Return the file.

    The job itself goes by the order that its batch names. This order tells readers that an attempt waits.
    """
    folder = ClusterPaths(spec.paths.outcome).attempts(spec.experiment)
    path = AttemptFiles(folder).path(spec.attempt + 1, "order")
    try:
        order.write(path)
    except OSError as error:
        say(f"{spec.experiment}: nobody sees that an attempt waits: {error}")
    return path


def _complete(owned: Owned, follower: Follower) -> RecordSummary:
    """Record what a script has written and its worker has not recorded, because it was killed. Return all records."""
    name = owned.spec.experiment
    history = follower.read(name)
    if owned.spec.script is not None and history.end is None:
        from launcher.engine.script_records import complete  # targets need none of it

        if complete(owned.spec.paths, name):
            return follower.read(name)
    return history


def _has_progress(owned: Owned, history: RecordSummary) -> bool:
    """Return whether a job that goes on would get further than this: False only after two time limits."""
    if not owned.goes_on or newest_checkpoint(owned.spec.paths, owned.spec.experiment) > owned.checkpoint:
        return True
    if owned.spec.script is None:
        return False
    return history.num_steps == 0 or history.last_step > owned.last_step  # a script may have checkpoints of its own


def _remove_checkpoints(owned: Owned) -> None:
    """Remove the checkpoints of an attempt and of those before it: a done experiment needs none."""
    spec = owned.spec
    with contextlib.suppress(OSError):  # they do no harm either
        for name in os.listdir(spec.paths.checkpoints_folder):
            experiment, _, number = name.partition("@")
            is_before = not number or (number.isascii() and number.isdigit() and int(number) <= spec.attempt)
            if experiment == spec.experiment and is_before:
                Checkpoints(spec.paths.checkpoints_folder / name, experiment, spec.state_digest).clear()
