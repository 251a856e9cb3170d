"""The attempts that wait or run on a cluster without a launcher: which they are, and how they are ended."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

from launcher.clusters import make
from launcher.clusters.base import Cluster, Gone, Job, NotHeard, Over, Place, Running, State, Ticket, Waiting
from launcher.clusters.settings import ClusterSettings
from launcher.errors import LauncherError
from launcher.store import values
from launcher.store.attempt_files import AttemptsOnCluster
from launcher.store.batches import Batch
from launcher.store.claims import ask_to_stop, supersede, take_out
from launcher.store.cluster_paths import ClusterPaths
from launcher.store.files import read
from launcher.store.paths import Paths, write_atomic
from launcher.text import inline

_MOST_BYTES = 1 << 16


@dataclass(frozen=True)
class ClusterNote:
    """On which cluster the attempts of a folder are. `extra`: the key of [cluster]; it may name another Slurm."""

    name: str
    extra: tuple[str, ...] = ()


def write_cluster_note(path: Path, note: ClusterNote) -> None:
    """Write on which cluster the attempts of a folder are.

    Raises:
        OSError: the file cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomic(path, json.dumps({"on": note.name, "extra": note.extra}) + "\n")


def read_cluster_note(path: Path) -> ClusterNote | None:
    """Return on which cluster the attempts of a folder are; None if no launch has written it."""
    try:
        content = values.load(read(path, _MOST_BYTES))
        return ClusterNote(values.text(content["on"]), tuple(values.texts(content["extra"])))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def tickets_of(paths: Paths, places: Mapping[Ticket, Place]) -> dict[Job, Ticket]:
    """Return the open attempts of a folder that a cluster has. `places`: as `Cluster.adopt` returns them."""
    folders, known = ClusterPaths(paths.outcome), AttemptsOnCluster(paths)
    batches = {place.batch: Batch.read(folders.batch(place.batch)).groups for place in places.values()}
    found: dict[Job, Ticket] = {}
    for ticket, place in places.items():
        groups = batches[place.batch]
        for name, _ in groups[place.number] if place.number < len(groups) else ():
            if number := known.of(name).open_attempt:
                found[Job(name, number)] = ticket
    return found


def ask_cluster(paths: Paths) -> list[str]:
    """Return what a cluster says of the open attempts of a folder, as lines for a person; none if there are none.

    Raises:
        LauncherError: the cluster does not answer, or nobody knows which it is.
    """
    known = AttemptsOnCluster(paths)
    if not known.open_attempts:
        return []
    cluster = _cluster_of(paths)
    try:
        tickets = {job.experiment: ticket for job, ticket in tickets_of(paths, cluster.adopt()).items()}
        states = cluster.poll()
    except NotHeard as error:
        raise LauncherError(f"{cluster.name} does not answer: {error}.") from error
    finally:
        cluster.close()
    told: dict[str, list[str]] = {}
    for name in known.open_attempts:
        told.setdefault(_words(states.get(tickets.get(name, ""), Gone())), []).append(name)
    return [f"{cluster.name}: {words}: {inline(', '.join(names), 2000)}" for words, names in told.items()]


def _words(state: State) -> str:
    match state:
        case Waiting(why):
            return f"waits ({why})" if why else "waits"
        case Running(node):
            return f"runs on {node}" if node else "runs"
        case Over(why=why):
            return f"over ({why})" if why else "over"
        case _:
            return "not known any more"


def _cluster_of(paths: Paths) -> Cluster:
    """Return the cluster on which the attempts of a folder are.

    Raises:
        LauncherError: nobody knows which it is.
    """
    folders = ClusterPaths(paths.outcome)
    note = read_cluster_note(folders.note)
    if note is None:
        raise LauncherError(f"{folders.note} is missing, so that nobody knows which cluster to ask.")
    settings = ClusterSettings(extra=note.extra)
    return make.make_cluster(note.name, settings, paths.outcome.absolute(), 0.0, can_resume=True)


def stop_on_cluster(paths: Paths, names: Collection[str], *, force: bool) -> dict[str, str]:
    """Ask the attempts on a cluster to save and end, without a launcher. Return an answer for each experiment.

    Args:
        names: the experiments; empty: all.
        force: have the cluster end them at once.

    Raises:
        LauncherError: the cluster does not answer, or nobody knows which it is.
    """
    known, cluster = AttemptsOnCluster(paths), _cluster_of(paths)
    try:
        tickets = {job.experiment: ticket for job, ticket in tickets_of(paths, cluster.adopt()).items()}
        wanted = list(names or known.open_attempts)
        asked = [name for name in wanted if name in tickets]
        shared = {ticket for name, ticket in tickets.items() if name not in wanted}  # with experiments that go on
        cluster.stop([tickets[name] for name in asked if tickets[name] not in shared], force=force)
        of_shared = {name for name in asked if tickets[name] in shared}
        over = {name for name in wanted if not known.of(name).open_attempt}
        begun = {name for name in wanted if not take_out(known.of(name))}
        for name in begun & of_shared - over:
            if not force:
                ask_to_stop(known.of(name))
        for name in begun - over:
            if (force or name not in tickets) and not supersede(known.of(name)):
                over.add(name)
    except NotHeard as error:
        raise LauncherError(f"{cluster.name} does not answer: {error}. Nothing was asked.") from error
    finally:
        cluster.close()
    words = "ended by the cluster" if force else "asked to save and end, killed after its grace time"
    lost = f"{cluster.name} does not have it any more; the next launch goes on with it"
    answers = {name: "it has ended" if name in over else words if name in tickets else lost for name in begun}
    return {name: answers.get(name, "taken out of the queue") for name in wanted}
