"""What squeue says about the jobs of a sweep: its lines read, its states as states of the port.

A line is one element of an array. `LINE` says which fields it has; the name comes last, because the names of other
people's jobs may hold any character. A job of ours is named `sl-<sweep id>-<batch>`, and its array index is the number
of its group in the batch. An array that begins at a later group has the number of that group behind an `@`:
`sl-0123456789-b1@1000`.

Job ids say nothing about a group: a requeued job keeps its id, its successor after the time limit has another, and
Slurm begins again at 1 when ids run out. Name and index stay.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from launcher.clusters.base import Over, Place, Running, State, Waiting
from launcher.text import inline, signal_name

LINE = ",".join(
    f"{field}:|"
    for field in ("JobID", "ArrayJobID", "ArrayTaskID", "State", "exit_code", "BatchHost", "Reason", "Name")
)
_NAME = re.compile(r"sl-(?P<sweep>[0-9a-f]{10})-(?P<batch>[A-Za-z0-9][A-Za-z0-9._=+-]{0,99})(?:@(?P<offset>\d{1,9}))?")
_NOT_SAID = ("", "None", "N/A", "n/a", "(null)")
_MOST_CHARACTERS = 100  # of a reason

Kind = Literal["waiting", "running", "over"]

STATES: dict[Kind, tuple[str, ...]] = {
    "waiting": ("PENDING", "REQUEUED", "REQUEUE_FED", "REQUEUE_HOLD", "SPECIAL_EXIT", "RESV_DEL_HOLD"),
    "running": (
        *("RUNNING", "CONFIGURING", "COMPLETING", "SUSPENDED", "STOPPED", "SIGNALING"),
        *("RESIZING", "STAGE_OUT", "POWER_UP_NODE"),
    ),
    "over": (
        *("COMPLETED", "FAILED", "CANCELLED", "TIMEOUT", "DEADLINE", "NODE_FAIL", "BOOT_FAIL"),
        *("LAUNCH_FAILED", "OUT_OF_MEMORY", "PREEMPTED", "REVOKED"),
    ),
}
# Reasons and states for which a job waits until somebody does something. All others may pass.
_STUCK = re.compile(
    r"held|hold|SPECIAL_EXIT|NeverSatisfied|BadConstraints|Invalid|NotAllowed|(Partition|PerJob|MaxWall)\w*Limit"
    r"|Partition(Down|Inactive)|ReservationDeleted|TimeLimit|Minutes",
    re.I,
)
_EVICTED = ("TIMEOUT", "PREEMPTED", "NODE_FAIL", "BOOT_FAIL")
_KINDS = {word: kind for kind, words in STATES.items() for word in words}
_RANK: dict[Kind, int] = {"over": 0, "waiting": 1, "running": 2}


@dataclass(frozen=True)
class QueuedJob:
    """A job of a sweep, as squeue has it."""

    place: Place
    array: int  # the job id of the array
    index: int  # in the array
    job_id: int
    kind: Kind
    state: State

    @property
    def rank(self) -> tuple[int, int]:
        """What counts among several jobs of one group is the greatest rank.

        Example: of a job that reached its time limit, and its successor that waits for a node, the successor.
        """
        return _RANK[self.kind], self.job_id


def job_name(sweep_id: str, batch: str, offset: int = 0) -> str:
    """Return the name of the array whose index 0 is the group `offset` of a batch."""
    return f"sl-{sweep_id}-{batch}" + (f"@{offset}" if offset else "")


class QueueReader:
    """Reads what squeue prints in the form of `LINE`. A line that the last answer had as well is not read again."""

    def __init__(self, sweep_id: str) -> None:
        self._sweep_id = sweep_id
        self._known: dict[str, QueuedJob | None] = {}  # by line; None: a job of another sweep

    def read(self, text: str) -> list[QueuedJob]:
        """Return the jobs of the sweep. All others are left out."""
        before, lines = self._known, text.splitlines()
        self._known = {line: before[line] if line in before else _read_line(line, self._sweep_id) for line in lines}
        return [job for job in self._known.values() if job is not None]


class WaitingElements:
    """Finds elements of arrays that were cancelled while they waited: squeue forgets these at once."""

    def __init__(self) -> None:
        self._arrays: dict[Place, int] = {}  # of what has waited, and was not seen to begin

    def cancelled(self, queue: Iterable[QueuedJob], jobs: Mapping[Place, QueuedJob]) -> list[Place]:
        """Return what waited at the last answer and is gone, though others of its array are there.

        Where the whole array is gone, Slurm has rather lost it, as when its controller dies.
        `queue`: an answer of squeue. `jobs`: what counts of it.
        """
        there = {job.array for job in queue}
        gone = {place: array for place, array in self._arrays.items() if place not in jobs}
        self._arrays = gone | {place: job.array for place, job in jobs.items() if job.kind == "waiting"}
        return [place for place, array in gone.items() if array in there]


def newest(jobs: Iterable[QueuedJob]) -> dict[Place, QueuedJob]:
    """Return for each group the job that counts."""
    found: dict[Place, QueuedJob] = {}
    for job in jobs:
        if job.place not in found or found[job.place].rank < job.rank:
            found[job.place] = job
    return found


def _read_line(line: str, sweep_id: str) -> QueuedJob | None:
    parts = line.split("|", 7)
    if len(parts) != 8 or not parts[7].endswith("|"):
        return None
    job_id, array, index, word, code, node, reason, name = (part.strip() for part in parts)
    match = _NAME.fullmatch(name[:-1].strip())
    if not match or match["sweep"] != sweep_id or not all(number.isdecimal() for number in (job_id, array, index)):
        return None
    place = Place(match["batch"], int(match["offset"] or 0) + int(index))
    kind = _KINDS.get(word, "running")  # a word that is not known here must not end an experiment
    return QueuedJob(place, int(array), int(index), int(job_id), kind, _state(kind, word, code, node, reason))


def _state(kind: Kind, word: str, code: str, node: str, reason: str) -> State:
    word = inline(word, _MOST_CHARACTERS)
    said = "" if reason in _NOT_SAID else inline(reason, _MOST_CHARACTERS)
    if kind == "waiting":
        return Waiting(said if word == "PENDING" else _with_reason(word, said), bool(_STUCK.search(f"{word} {said}")))
    node = "" if node in _NOT_SAID else inline(node, _MOST_CHARACTERS)
    if kind == "running":
        return Running(node, "" if word == "RUNNING" else _with_reason(word, said))
    number, signal = _exit(code)
    why = word if word in ("COMPLETED", "FAILED") else _with_reason(word, said)
    return Over(number, signal, why, word == "CANCELLED", node, was_evicted=word in _EVICTED)


def _with_reason(word: str, said: str) -> str:
    return f"{word} ({said})" if said and said != word else word


def _exit(code: str) -> tuple[int | None, str | None]:
    """Return exit code and signal: Slurm writes the status of wait(2), `768` for 3, or from 23.02 on `3:0`."""
    if match := re.fullmatch(r"(\d{1,9}):(\d{1,3})", code):
        number, signal = int(match[1]), int(match[2])
    elif code.isdecimal() and len(code) < 10:
        number, signal = int(code) >> 8 & 0xFF, int(code) & 0x7F
    else:
        return None, None
    return (None, signal_name(signal)) if signal else (number, None)
