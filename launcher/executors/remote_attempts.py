"""What the attempts of a launch do on a cluster: hands them over, follows them, and finds out how they end.

Three sources tell of an attempt, each at its own pace: the beats, one listing for all; the folder of the attempt, which
is looked at when its beat vanishes; and the cluster, one question for all. The folder has the truth: an attempt is over
when its supervisor has written an end, or when the cluster no longer has it and its beat has stopped.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Literal

from launcher.clusters.base import Cluster, Gone, Job, NotHeard, Over, Running, State, Ticket, Waiting
from launcher.clusters.order import Order
from launcher.executors.base import ExecutorEvent, LaunchTakenOver, ProcessExit, RecordsWritten, WorkerExited
from launcher.executors.hand_over import Followed, HandOver
from launcher.executors.node_blame import NodeBlame
from launcher.executors.remote_handle import RemoteHandle
from launcher.executors.remote_stops import RemoteStops
from launcher.store.attempt_files import AttemptEnding, AttemptFiles
from launcher.store.beats import SILENT_BEATS, Beat, BeatWatch, read_beats
from launcher.store.cluster_paths import ClusterPaths
from launcher.store.launch_lease import LaunchLease
from launcher.text import inline

MOST_AT_ONCE = 20  # looks into folders, and files of records to read, in a turn: a turn takes a second or so
LEAST_LOOK_S, MOST_LOOK_S = 0.2, 1.0  # between two listings of the beats
SOON_S = 5.0  # until the cluster is asked once something has happened
ASKED_PER_S = 50  # about so many attempts at most: its answer to a question about a thousand is read every 20 s
ASK_S = 30.0  # between two questions to the cluster while nothing happens
LOST_AFTER_S = 600.0  # without a beat, an attempt that the cluster has is told
_GONE = Gone()


class RemoteAttempts:
    """The attempts of one launch on a cluster. All methods but `open_attempt` are called by one thread."""

    def __init__(
        self,
        cluster: Cluster,
        folders: ClusterPaths,
        adopted: Mapping[Job, Ticket],
        ended: dict[str, AttemptFiles],
        lease: LaunchLease,
        message: Callable[[str], None],
        *,
        beat_s: float,
        per_job: int = 1,
        ask_s: float | None = None,
    ) -> None:
        """Begin. `adopted`: the attempts of earlier launches that the cluster has. `lease`: renewed at each look.

        `ended`: gets what lies in the folders of the attempts that end, by experiment.
        """
        self._cluster = cluster
        self._folders = folders
        self._ended = ended
        self._lease = lease
        self._message = message
        self._beat_s = beat_s
        self._ask_s = self._soon_s = ask_s or ASK_S
        self._look_s = min(max(LEAST_LOOK_S, beat_s / 2), MOST_LOOK_S)
        self._watch = BeatWatch(folders.beats)
        self._tickets = dict(adopted)  # of attempts that no start has taken up yet
        self._open = {job.experiment: job.attempt for job in adopted}
        self._known: set[str] = set(self._open)  # experiments of which attempts were made
        self._followed: dict[str, Followed] = {}
        self._begun: set[str] = set()  # those of which a beat was seen
        self._nodes = NodeBlame(cluster, message)
        self._hand_over = HandOver(cluster, folders, per_job, message)
        self._stops = RemoteStops(cluster, self._hand_over, folders)
        self._written: dict[str, None] = {}  # experiments whose records have grown, in the order of their beats
        self._suspects: dict[str, None] = {}  # experiments into whose folder to look
        self._events: list[ExecutorEvent] = []  # not returned yet: an error in a turn must lose none of them
        self._look_due_s = self._ask_due_s = 0.0
        self.num_handed_over = 0

    def open_attempt(self, experiment: str) -> int:
        """Return the number of the attempt that waits or runs without this launch; 0 if there is none."""
        return self._open.get(experiment, 0)

    def due_s(self, now_s: float) -> float:
        """Return in how many seconds to make the next turn."""
        dues = [self._look_due_s, *([self._ask_due_s] if self._followed else [])]
        if (due_s := self._hand_over.due_s()) is not None:
            dues.append(due_s)
        if self._written or self._suspects or self._stops:
            dues.append(now_s + LEAST_LOOK_S)
        return max(0.0, min(dues) - now_s)

    def add(self, handle: RemoteHandle, order: Order) -> None:
        """Take an attempt: it is handed over in a moment, or followed if the cluster has it already."""
        followed = Followed(handle, order, is_first=handle.spec.experiment not in self._known)
        self._known.add(followed.name)
        self._open.pop(followed.name, None)
        self._ended.pop(followed.name, None)
        if (ticket := self._tickets.pop(followed.job, None)) is not None:
            followed.ticket = handle.ticket = ticket
            self._follow(followed)
            self._suspects[followed.name] = None  # it may have ended already
        else:
            self._hand_over.add(followed)

    def stop(self, experiment: str, *, force: bool) -> None:
        """Ask an attempt to save and end; with `force` have the cluster end it."""
        self._stops.add(experiment, force=force)

    def turn(self, now_s: float) -> list[ExecutorEvent]:
        """Do what is due. Return what has happened."""
        events = self._events
        self._soon_s = min(self._ask_s, max(SOON_S, len(self._followed) / ASKED_PER_S))
        for name in self._stops.withdraw():
            self.num_handed_over += 1
            events.append(WorkerExited(name, ProcessExit(), was_stopped=True, why="before it was handed over"))
        taken, never_taken = self._hand_over.advance(now_s)
        for followed in taken:
            self._follow(followed)
            self._ask_due_s = min(self._ask_due_s, now_s + self._soon_s)
        self.num_handed_over += len(never_taken)
        events += never_taken
        self._suspects |= dict.fromkeys(self._stops.pass_on(self._followed))
        if now_s >= self._look_due_s:
            self._look_due_s = now_s + self._look_s
            self._look(now_s)
        if now_s >= self._ask_due_s and self._followed:
            self._ask(now_s)
        for name in _first(self._suspects, MOST_AT_ONCE):
            events += self._judge(name, now_s)
        events += [RecordsWritten(name) for name in _first(self._written, MOST_AT_ONCE) if name in self._followed]
        self._events = []
        return events

    def _follow(self, followed: Followed) -> None:
        followed.handle.waits = f"in the queue of {self._cluster.name}"
        self._followed[followed.name] = followed
        self.num_handed_over += 1

    def _look(self, now_s: float) -> None:
        """List the beats, and note whose records have grown and who has vanished."""
        self._lease.renew()
        if self._lease.is_taken:
            self._events.append(LaunchTakenOver())
        newest = _newest(self._watch.look(now_s).values())
        self._begun = (self._begun | newest.keys()) & self._followed.keys()
        for name in sorted(self._begun):  # most of a thousand wait, and have none
            match _take(newest.get(name), self._followed[name]):
                case "suspect":
                    self._suspects[name] = None
                case "written":
                    self._written[name] = None

    def _ask(self, now_s: float) -> None:
        """Ask the cluster about all attempts, and note which it no longer has."""
        self._ask_due_s = now_s + self._ask_s
        try:
            states = self._cluster.poll()
        except NotHeard as error:
            self._hand_over.tell(f"{self._cluster.name} does not answer: {error}")
            return
        for name, followed in self._followed.items():
            before, state = followed.state, states.get(followed.ticket, _GONE)
            if state is before and isinstance(state, Waiting):  # most of a thousand, at each answer
                continue
            followed.state = state
            if type(state) is not type(before) or isinstance(state, Over | Gone):  # more will begin or end soon
                self._ask_due_s = min(self._ask_due_s, now_s + self._soon_s)
            _show(state, followed)
            if isinstance(state, Running):
                _tell_silent(followed, self._watch.silent_s(name, followed.attempt, now_s), self._message)
            elif isinstance(state, Over | Gone):
                self._suspects[name] = None
        _tell_stuck(self._followed.values(), self._cluster.name, self._message)

    def _judge(self, name: str, now_s: float) -> Iterator[ExecutorEvent]:
        """Look into the folder of an attempt, and yield its end if it is over."""
        followed = self._followed.get(name)
        if followed is None:
            return
        if (found := _final_end(followed, self._folders)) is not None:
            if self._is_known(followed, found[1]):
                yield self._end(followed, *found)
            return
        files = AttemptFiles.look(self._folders.attempts(name))
        if files.newest_claim > followed.attempt:
            newer = 0 if followed.is_closed else files.newest_claim
            yield self._end(followed, files, _ending(followed, files), newer=newer)
            return
        ending, state = _ending(followed, files), followed.state
        if ending is None and followed.attempt in files.ends and followed.may_be_stale(now_s):
            self._suspects[name] = None
        elif ending is not None:
            if ending.asked and not followed.is_asked and not isinstance(state, Over | Gone):
                if ending.successor or isinstance(state, Waiting):  # the cluster starts it again
                    yield self._end(followed, files, ending, newer=followed.attempt + 1)
                else:
                    self._ask_due_s = min(self._ask_due_s, now_s + self._soon_s)
                return
            yield self._end(followed, files, ending)
        elif isinstance(state, Over | Gone):
            if self._is_known(followed, None) and self._is_silent(followed, now_s):
                yield self._end(followed, files, None)
            else:
                self._ask_due_s = min(self._ask_due_s, now_s + self._soon_s)

    def _is_silent(self, followed: Followed, now_s: float) -> bool:
        return _silent_s(followed, self._watch, self._folders, now_s) >= SILENT_BEATS * self._beat_s

    def _is_known(self, followed: Followed, ending: AttemptEnding | None) -> bool:
        """Return whether it is known whose fault it is, if a job failed before its attempt began."""
        node = _failed_on(followed, ending)
        if node:
            others = [each for each in self._followed.values() if each is not followed and each.blame != "unknown"]
            followed.blame = self._nodes.judge(node, ((each.state, each.beat) for each in others))
        if followed.blame == "unknown":
            self._suspects[followed.name] = None
        return followed.blame != "unknown"

    def _end(
        self, followed: Followed, files: AttemptFiles, ending: AttemptEnding | None, newer: int = 0
    ) -> WorkerExited:
        """Follow an attempt no more. `newer`: the number of the attempt that the cluster has begun in its place."""
        del self._followed[followed.name]
        self._written.pop(followed.name, None)
        self._nodes.has_begun(ending.node if ending is not None and ending.had_worker else "")
        if ending is not None and not newer:
            self._ended[followed.name] = files
        if newer:
            self._open[followed.name] = newer
            self._tickets[Job(followed.name, newer)] = followed.ticket
        why = _lost(followed, files, self._cluster.name, self._folders)
        return how_it_ended(followed, ending, why, goes_on=bool(newer))


def _silent_s(followed: Followed, watch: BeatWatch, folders: ClusterPaths, now_s: float) -> float:
    """Return for how long an attempt gives no sign of life; infinite if it has no beat."""
    if (silent_s := watch.silent_s(followed.name, followed.attempt, now_s)) is not None:
        return silent_s
    # A listing while the beat gets its next name may have neither name.
    has_beat = followed.beat is not None and followed.job in read_beats(folders.beats)
    return 0.0 if has_beat else math.inf


def _take(beat: Beat | None, followed: Followed) -> Literal["suspect", "written", ""]:
    """Take in the newest beat of an experiment. Return whether its attempt is perhaps over, or has written records."""
    before = followed.beat
    if beat is None or beat.attempt != followed.attempt:
        if before is None and (beat is None or beat.attempt < followed.attempt):
            return ""
        followed.has_vanished = beat is None
        return "suspect"
    followed.beat, followed.has_vanished, followed.handle.waits = beat, False, ""
    # What it has recorded when it ends is read with its end, in a moment.
    has_more = beat.num_bytes != (before.num_bytes if before else 0) and beat.phase != "ends"
    return "written" if has_more else ""


def _show(state: State, followed: Followed) -> None:
    """Have the handle of an attempt say what the cluster says."""
    match state:
        case Waiting(why) if followed.beat is None:
            followed.handle.waits = f"waits: {why}" if why else "waits"
        case Running(node):
            followed.handle.node = node
            if followed.beat is None:
                followed.handle.waits = "starts"


def _tell_stuck(all_followed: Iterable[Followed], cluster: str, message: Callable[[str], None]) -> None:
    """Tell the user of jobs that wait for something which does not come by itself, once for each and its reason."""
    names: dict[str, list[str]] = {}
    for followed in all_followed:
        state = followed.state
        if isinstance(state, Waiting) and state.is_stuck and state.why != followed.told_stuck:
            followed.told_stuck = state.why
            names.setdefault(state.why, []).append(followed.name)
    for why, told in names.items():
        job, itself = ("its job does", "itself") if len(told) == 1 else ("their jobs do", "themselves")
        message(f"{inline(', '.join(told), 300)}: {job} not start by {itself}, says {cluster}: {why}.")


def _newest(beats: Iterable[Beat]) -> dict[str, Beat]:
    """Return the beat of the newest attempt of each experiment."""
    found: dict[str, Beat] = {}
    for beat in beats:
        if beat.attempt >= found.get(beat.experiment, beat).attempt:
            found[beat.experiment] = beat
    return found


def _first(names: dict[str, None], most: int) -> list[str]:
    """Take out the first names, so many at most."""
    taken = list(names)[:most]
    for name in taken:
        del names[name]
    return taken


def _ending(followed: Followed, files: AttemptFiles) -> AttemptEnding | None:
    """Return the end that the supervisor of an attempt has written; None if it has written none."""
    is_there = followed.attempt in files.ends
    return AttemptEnding.read(files.path(followed.attempt, "end")) if is_there else None


def _final_end(followed: Followed, folders: ClusterPaths) -> tuple[AttemptFiles, AttemptEnding] | None:
    """Return the end of an attempt, where it says that no other attempt follows, and what lies in its folder then.

    Its supervisor has written the end, has looked whether there is a newer claim, and has removed its beat or is gone.
    """
    is_gone = followed.has_vanished or (followed.beat is None and isinstance(followed.state, Over))
    if not (followed.is_first and is_gone):
        return None
    folder, only = folders.attempts(followed.name), frozenset({followed.attempt})
    ending = AttemptEnding.read(AttemptFiles(folder).path(followed.attempt, "end"))
    if ending is None or ending.asked:
        return None
    claim_files = frozenset[int]() if ending.frees_claim else only
    return AttemptFiles(folder, claim_files=claim_files, ends=only), ending


def how_it_ended(followed: Followed, ended: AttemptEnding | None, lost: str, *, goes_on: bool) -> WorkerExited:
    """Return the event of an end. `lost`: how the attempt ended, in words, if its supervisor has written no end."""
    if ended is None:
        return WorkerExited(
            followed.name,
            ProcessExit(),
            was_stopped=followed.is_asked or _was_cancelled(followed),
            goes_on=goes_on,
            why=lost,
            is_lost=not (_was_cancelled(followed) or (_has_failed(followed) and followed.blame != "node")),
        )
    exit = ProcessExit(ended.code, ended.signal, ended.was_memory_short)
    why = _evicted(followed, ended)
    if followed.blame == "node":
        return WorkerExited(followed.name, exit, ended=ended, is_lost=True)
    goes_on_anew = bool(why) and (not _is_at_limit(followed, ended) or followed.order.can_go_on)
    return WorkerExited(followed.name, exit, ended=ended, goes_on=goes_on, why=why, is_lost=goes_on_anew)


def _evicted(followed: Followed, ended: AttemptEnding) -> str:
    """Return in words why the cluster has ended an attempt for reasons of its own; empty if it has not.

    Its job does not go on by itself: Slurm may cancel what it preempts, and sites forbid sbatch on nodes.
    """
    state = followed.state
    if not isinstance(state, Over) or state.was_cancelled or followed.is_asked or ended.verdict or not ended.asked:
        return ""
    if _is_at_limit(followed, ended):
        return f"the time of its job was over ({state.why})"
    return f"its job was ended by the cluster ({state.why})" if state.was_evicted else ""


def _is_at_limit(followed: Followed, ended: AttemptEnding) -> bool:
    state = followed.state
    return ended.asked == "limit" or (isinstance(state, Over) and state.why.startswith("TIMEOUT"))


def _lost(followed: Followed, files: AttemptFiles, cluster: str, folders: ClusterPaths) -> str:
    """Return in words how an attempt ended whose supervisor has written no end."""
    words = followed.state.why if isinstance(followed.state, Over) else ""
    told = f" ({cluster}: {words})" if words else ""
    node = f" {followed.handle.node}" if followed.handle.node else ""
    if _was_cancelled(followed) and not followed.is_asked:
        return f"its job was cancelled{told}"
    if followed.attempt in files.claims:
        return f"its supervisor on node{node} was lost{told}"
    if followed.is_asked:
        return ""
    if _has_failed(followed):
        if followed.blame == "node" and isinstance(followed.state, Over):
            return f"its job failed on {followed.state.node} before it began{told}; its output: {folders.output}"
        hint = "perhaps setup of [cluster] did; see the newest output in"
        return f"its job failed before it began{told}; {hint} {folders.output}"
    return f"{cluster} ended it before it began{told}; its output: {folders.output}"


def _was_cancelled(followed: Followed) -> bool:
    """Return whether somebody has ended the job. The experiment is interrupted; the next launch goes on with it."""
    return isinstance(followed.state, Over) and followed.state.was_cancelled


def _has_failed(followed: Followed) -> bool:
    """Return whether the job failed by itself before an attempt began, as by a line of `setup`. No node was lost."""
    return followed.beat is None and isinstance(followed.state, Over) and bool(followed.state.code)


def _failed_on(followed: Followed, ending: AttemptEnding | None) -> str:
    """Return the node on which a job failed before its attempt began; empty if it did not."""
    if ending is not None:
        return ending.node if ending.lacks_gpus else ""
    return followed.state.node if _has_failed(followed) and isinstance(followed.state, Over) else ""


def _tell_silent(followed: Followed, silent_s: float | None, message: Callable[[str], None]) -> None:
    """Tell the user, once, that an attempt which runs by the cluster's word has given no sign of life for long."""
    if silent_s is not None and silent_s > LOST_AFTER_S and not followed.was_told:
        followed.was_told = True
        node = followed.handle.node or "its node"
        told = f"no sign of life from {node} for {silent_s / 60:.0f} min, and the cluster says that it runs"
        message(f"{followed.name}: {told}. It is left alone; stop --force ends it.")
