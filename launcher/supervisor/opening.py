"""From an order to an attempt that this process owns, or to the reason why it does not run.

1. An experiment that is done is not run again, and needs no claim: a cluster may run a job again that had ended.
2. An order that is gone was withdrawn.
3. The attempt is claimed. Where the cluster runs a job again, or a job goes on after the time limit of another job, it
   is a further attempt. What has changed meanwhile counts (`second_look`).
4. A script waits until the script of the attempt before has ended, as both write into the same log and folder.
5. The attempt gets the records and checkpoints of the attempts before it: readers look into its files from now on.
6. A node that differs from where the order was written does not run it. Its end says so; only the owner of an attempt
   writes its end.
"""

from __future__ import annotations

import contextlib
import glob
from dataclasses import dataclass, replace
from pathlib import Path

from launcher.clusters.fingerprint import differences, fingerprint
from launcher.clusters.order import Order
from launcher.store.attempt_files import AttemptEnding, AttemptFiles, own_paths
from launcher.store.batches import Batch
from launcher.store.beats import BeatFile
from launcher.store.claims import Claim, claim
from launcher.store.cluster_paths import ClusterPaths
from launcher.store.ending import EndingKind
from launcher.store.paths import Paths
from launcher.store.summary_file import read_summary
from launcher.supervisor.cluster_job import ClusterJob
from launcher.supervisor.end_file import write_end
from launcher.supervisor.inheritance import copy_lines, link_checkpoints, newest_checkpoint
from launcher.supervisor.output import say
from launcher.supervisor.predecessors import Predecessors
from launcher.supervisor.second_look import give_back, reason_to_leave
from launcher.text import inline
from launcher.worker.spec import Spec

DONE, FAILED, ANOTHERS = 0, 1, 75


@dataclass(frozen=True)
class Left:
    """An attempt that is not run here. `code`: the exit code for it."""

    code: int
    why: str


@dataclass(frozen=True)
class Owned:
    """An attempt that this process runs.

    order: what it was told. spec: what the worker is told, with the number and the own files of the attempt.
    folder: of the experiment's claims and ends.
    beat: its sign of life.
    goes_on: the attempt before it ended at the time limit.
    has_records: it begins with those of the attempts before.
    checkpoint: the step of the newest checkpoint at the start; -1: there was none.
    last_step: the largest step that was recorded before.
    """

    order: Order
    spec: Spec
    folder: Path
    beat: BeatFile
    goes_on: bool = False
    has_records: bool = False
    checkpoint: int = -1
    last_step: int = 0

    def refuse(self, why: str, node: str, *, lacks_gpus: bool = False) -> Left:
        """End the attempt without a worker."""
        return _refuse(self.folder, self.spec.experiment, self.spec.attempt, why, node, lacks_gpus=lacks_gpus)


def open_attempt(
    batch: Batch,
    outcome: Path,
    experiment: str,
    ordered: int,
    job: ClusterJob,
    predecessors: Predecessors | None = None,
) -> Owned | Left:
    """Make an ordered attempt this process's own, or tell why it is not.

    `batch`: that has the order. `outcome`: the outcome folder. `ordered`: the number of the attempt that was ordered.
    `predecessors`: of the group.
    """
    folder = ClusterPaths(outcome).attempts(experiment)
    files = AttemptFiles.look(folder)
    order, why = _read_order(batch, files, experiment, ordered)
    if _is_done(outcome, experiment, order):
        return Left(DONE, "it is done")
    if order is None and not why:
        return Left(ANOTHERS, "its order was withdrawn")
    taken = _take(batch, files, order, (experiment, ordered), job)
    if isinstance(taken, Left):
        return taken
    number, claimed = taken
    beat = BeatFile(ClusterPaths(outcome).beats, experiment, number)
    if order is not None and order.spec.script is not None:
        (predecessors or Predecessors(outcome)).await_end(claimed, experiment, number, beat, order.beat_s)
    has_records = False
    try:
        has_records = _inherit(Paths(outcome, outcome, number), experiment, claimed, beat)
    except OSError as error:
        why = why or f"what attempts before it have left cannot be taken over: {error}"
    if order is None or order.spec.experiment != experiment:
        why = why or "its order is that of another experiment"
    else:
        spec = _spec_of(order, number, ordered)
        why = why or " ".join(differences(order.code, fingerprint(spec)))
        if not why:
            goes_on = _goes_on(_newest_end(files))
            return _owned(Owned(order, spec, folder, beat, goes_on=goes_on, has_records=has_records))
    left = _refuse(folder, experiment, number, why, job.node)
    with contextlib.suppress(OSError):
        beat.remove()
    return left


def _take(
    batch: Batch, files: AttemptFiles, order: Order | None, attempt: tuple[str, int], job: ClusterJob
) -> tuple[int, AttemptFiles] | Left:
    """Claim an attempt. Return its number, and what lay in the folder then.

    `files`: what lay there at the first look. `attempt`: as it was ordered.
    """
    experiment, ordered = attempt
    number, reason = _number(files, ordered, job)
    if number == 0:
        return Left(ANOTHERS, reason)
    try:
        claimed = claim(files.folder, number, Claim.of_this_process(job.ticket))
    except OSError as error:
        return Left(FAILED, f"attempt {number} cannot be claimed: {error}")
    if claimed is None:
        return Left(ANOTHERS, f"another process runs attempt {number}, or has run it")
    reason = reason_to_leave(
        files,
        claimed,
        number,
        is_repeated=number > ordered,
        is_ordered=lambda: _read_order(Batch.read(batch.path), files, experiment, ordered) != (None, ""),
        beat_s=order.beat_s if order is not None else Order.beat_s,
    )
    if reason:
        give_back(files, number)
        return Left(ANOTHERS, reason)
    return number, claimed


def _read_order(batch: Batch, files: AttemptFiles, experiment: str, ordered: int) -> tuple[Order | None, str]:
    """Return an order; without one, why it cannot be read, or an empty text if it is gone."""
    path = files.path(ordered, "order")  # as launchers of earlier versions have written it
    try:
        line = batch.order((experiment, ordered))
        return (Order.read(path) if line is None else Order.of_line(line)), ""
    except FileNotFoundError:
        return None, ""
    except (OSError, ValueError) as error:
        return None, f"its order, of {batch.path}, cannot be read: {inline(str(error), 500)}"


def _is_done(outcome: Path, experiment: str, order: Order | None) -> bool:
    """Return whether the newest attempt of an experiment is done, in the configuration that is ordered."""
    paths = own_paths(Paths(outcome, outcome), experiment)
    facts = read_summary(paths.records(experiment), (), paths.summary(experiment))
    kind = EndingKind.from_text((facts.end or {}).get("ending"))
    if kind is None or not kind.is_kept:
        return False
    return order is None or (facts.start or {}).get("digest", order.spec.digest) == order.spec.digest


def _number(files: AttemptFiles, ordered: int, job: ClusterJob) -> tuple[int, str]:
    """Return the number of the attempt to claim; 0, and why, if there is nothing to claim.

    The cluster runs a job again: the newest claim has its ticket, and no end, or the end of an attempt that was asked
    to stop. Another job goes on: the newest claim has ended at the time limit.
    """
    newest = files.newest_claim
    if newest < ordered:
        return ordered, ""
    before = Claim.read(files.path(newest, "claim"))
    ended = _newest_end(files)
    if not _goes_on(ended):
        if before is None and newest in files.ends:
            return 0, f"attempt {newest} has ended"
        if before is None or not job.ticket or before.ticket != job.ticket:
            return 0, f"another process runs attempt {newest}, or has run it"
        if ended is not None and not (ended.asked and job.num_restarts):
            return 0, f"attempt {newest} has ended"
    number = newest + 1
    while number in files.ends:
        number += 1
    return number, ""


def _newest_end(files: AttemptFiles) -> AttemptEnding | None:
    newest = files.newest_claim
    return AttemptEnding.read(files.path(newest, "end")) if newest in files.ends else None


def _goes_on(ended: AttemptEnding | None) -> bool:
    """Return whether an attempt ended at the time limit, for another job to go on."""
    return ended is not None and ended.asked == "limit" and not ended.verdict


def _spec_of(order: Order, number: int, ordered: int) -> Spec:
    """Return what the worker is told, for an attempt of this number."""
    can_go_on = order.again is not None and (not order.again_needs or _is_there(order.again_needs))
    spec = order.again if number != ordered and order.again is not None and can_go_on else order.spec
    paths = spec.paths.of_attempt(number)
    script = spec.script
    if script is not None:
        own = {"LAUNCHER_ATTEMPT": str(number), "LAUNCHER_CHECKPOINTS": str(paths.checkpoints(spec.experiment))}
        script = replace(script, environment=script.environment | own)
    return replace(spec, attempt=number, paths=paths, script=script)


def _is_there(pattern: str) -> bool:
    return any(glob.iglob(pattern, recursive=True, include_hidden=True))


def _inherit(paths: Paths, name: str, claimed: AttemptFiles, beat: BeatFile) -> bool:
    """Give an attempt what those before it have left, and its first beat. Return whether it has records.

    `claimed`: what lay in the folder when the attempt was claimed.

    Raises:
        OSError: what they have left can be neither read nor written.
    """
    before = [number for number in claimed.claims if number < paths.own_attempt]
    try:
        beat.move_on(0, 0, "starts")
    except OSError as error:
        say(f"{name}: no sign of life can be given: {error}. Training goes on.")
    link_checkpoints(paths, name, before)
    copy_lines(paths, before, lambda paths: paths.telemetry(name))
    return copy_lines(paths, before, lambda paths: paths.records(name))  # last: with its records the attempt counts


def _owned(owned: Owned) -> Owned:
    """Return an attempt with what it begins with."""
    paths, name = owned.spec.paths, owned.spec.experiment
    if owned.spec.script is not None and owned.has_records:
        from launcher.engine.script_records import complete  # targets need none of it

        complete(paths, name)  # what the script of the attempt before has written, and its worker has not recorded
    if owned.has_records:
        owned = replace(owned, last_step=read_summary(paths.records(name), (), paths.summary(name)).last_step)
    return replace(owned, checkpoint=newest_checkpoint(paths, name))


def _refuse(folder: Path, experiment: str, attempt: int, why: str, node: str, *, lacks_gpus: bool = False) -> Left:
    try:
        write_end(folder, attempt, AttemptEnding(node=node, refused=why, lacks_gpus=lacks_gpus))
    except OSError as error:
        say(f"{experiment}: the end of attempt {attempt} cannot be written: {error}")
    return Left(FAILED, why)
