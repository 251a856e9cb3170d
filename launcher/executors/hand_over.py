"""Hands the attempts of a launch over to a cluster: writes their orders, submits them together, and asks again.

A cluster may take a part of them now (a limit of submitted jobs), or give no answer. Then nobody knows what it has
taken, and it is asked for what it has before anything is handed over again.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from launcher.clusters.base import NO_TICKET, Cluster, Group, Job, NotHeard, Place, Refused, State, Ticket
from launcher.clusters.order import Order
from launcher.errors import InputError
from launcher.executors.base import ProcessExit, WorkerExited
from launcher.executors.node_blame import Blame
from launcher.executors.remote_handle import RemoteHandle
from launcher.store.batches import write_batch
from launcher.store.beats import Beat
from launcher.store.cluster_paths import ClusterPaths
from launcher.text import plural

QUIET_S = 0.2  # orders that come within such a time are handed over together
AGAIN_S = 30.0  # until a cluster that took nothing more is asked again
STALE_S = 70.0  # for which a network client may remember names by default (nfs(5): acdirmax)
SOON_S = 5.0  # until a cluster that did not answer is asked what it has


@dataclass
class Followed:
    """One attempt of this launch on a cluster."""

    handle: RemoteHandle
    order: Order
    ticket: Ticket = NO_TICKET
    beat: Beat | None = None  # the newest
    state: State | None = None  # as the cluster has said last
    is_asked: bool = False  # by this launch, to end
    was_told: bool = False  # that it has given no sign of life for long
    told_stuck: str = ""  # the reason, told last, for which its job does not start by itself
    blame: Blame = "job"  # whose fault it is, if its job failed before the attempt began
    is_closed: bool = False  # by this launch, with the claim of the next attempt
    is_first: bool = False  # this launch has made the first attempt of which there are files
    has_vanished: bool = False  # its beat: its supervisor removes it after it has written the end
    listed_s: float | None = None  # since when its end is listed, which could not be read yet

    @property
    def name(self) -> str:
        """The experiment's name."""
        return self.handle.spec.experiment

    @property
    def attempt(self) -> int:
        """The number of the attempt."""
        return self.handle.spec.attempt

    def may_be_stale(self, now_s: float) -> bool:
        """Return whether its end, which is listed, may be readable later.

        This machine may remember for a while that there was no such file.
        """
        self.listed_s = now_s if self.listed_s is None else self.listed_s
        return now_s - self.listed_s < STALE_S

    @property
    def job(self) -> Job:
        """The experiment and the number of the attempt."""
        return Job(self.name, self.attempt)


class HandOver:
    """The attempts that were not handed over yet, or perhaps were."""

    def __init__(self, cluster: Cluster, folders: ClusterPaths, per_job: int, message: Callable[[str], None]) -> None:
        self._cluster = cluster
        self._folders = folders
        self._per_job = per_job
        self._message = message
        self._waiting: list[Followed] = []
        self._unsure: dict[Place, list[Followed]] = {}  # handed over, and there was no answer
        self._newest_s = 0.0  # when the last one came
        self._not_before_s = 0.0
        self._told = ""

    def due_s(self) -> float | None:
        """Return when to call `advance`, by `time.monotonic`; None if nothing waits."""
        if self._unsure:
            return self._not_before_s
        return max(self._newest_s + QUIET_S, self._not_before_s) if self._waiting else None

    def add(self, followed: Followed) -> None:
        """Take an attempt, to be handed over in a moment."""
        self._waiting.append(followed)
        self._newest_s = time.monotonic()

    def withdraw(self, experiment: str) -> Followed | None:
        """Take an attempt out again; None if it was handed over."""
        for followed in self._waiting:
            if followed.name == experiment:
                self._waiting.remove(followed)
                return followed
        return None

    def advance(self, now_s: float) -> tuple[list[Followed], list[WorkerExited]]:
        """Hand over what is due. Return what the cluster has now, with tickets, and what it will never take."""
        if self._unsure and now_s >= self._not_before_s:
            return self._settle_unsure(now_s), []
        due_s = self.due_s()
        if due_s is None or now_s < due_s or self._unsure:
            return [], []
        waiting, self._waiting = self._waiting, []
        parts = [waiting[start : start + self._per_job] for start in range(0, len(waiting), self._per_job)]
        batch = os.urandom(4).hex()
        # Until there is an answer, and after an error that nobody expected, it is asked what the cluster has.
        self._unsure = {Place(batch, number): part for number, part in enumerate(parts)}
        self._not_before_s = now_s + SOON_S
        try:
            answers = self._cluster.submit(batch, self._write(batch, parts))
        except NotHeard as error:
            self.tell(f"{self._cluster.name} does not answer: {error}")
            return [], []
        except (InputError, OSError, TypeError) as error:  # TypeError: a value that no order can hold
            self._unsure = {}
            why = f"it was not handed over: {str(error).removesuffix('.')}"
            return [], [WorkerExited(each.name, ProcessExit(), why=why) for each in waiting]
        self._unsure, self._not_before_s = {}, 0.0
        return self._taken(parts, answers, now_s), []

    def _taken(
        self, parts: Sequence[list[Followed]], answers: Sequence[Ticket | Refused], now_s: float
    ) -> list[Followed]:
        taken: list[Followed] = []
        for part, answer in zip(parts, answers, strict=True):
            if isinstance(answer, Refused):
                self._waiting += part
                self._not_before_s = now_s + AGAIN_S
                why = answer.why
            else:
                taken += _with_ticket(part, answer)
        if self._waiting:
            num = plural(len(self._waiting), "experiment")
            self.tell(f"{self._cluster.name} takes no more now ({why}); {num} wait here and are handed over later")
        return taken

    def _write(self, batch: str, parts: Sequence[Sequence[Followed]]) -> list[Group]:
        """Write the orders of a batch, and which they are.

        Raises:
            OSError: a file cannot be written.
        """
        self._folders.output.mkdir(parents=True, exist_ok=True)
        groups = [tuple(each.job for each in part) for part in parts]
        orders = {(each.name, each.attempt): each.order.line() for part in parts for each in part}
        write_batch(self._folders.batch(batch), groups, orders)
        return groups

    def _settle_unsure(self, now_s: float) -> list[Followed]:
        """Ask what the cluster has of the orders to which it gave no answer; the others are handed over again."""
        try:
            found = {place: ticket for ticket, place in self._cluster.adopt().items()}
        except NotHeard:
            self._not_before_s = now_s + AGAIN_S
            return []
        taken: list[Followed] = []
        for place, part in self._unsure.items():
            if (ticket := found.get(place)) is not None:
                taken += _with_ticket(part, ticket)
            else:
                self._waiting += part
        self._unsure = {}
        return taken

    def tell(self, text: str) -> None:
        """Tell the user what hinders, once."""
        if text != self._told:
            self._told = text
            self._message(f"{text}.")


def _with_ticket(part: list[Followed], ticket: Ticket) -> list[Followed]:
    for each in part:
        each.ticket = each.handle.ticket = ticket
    return part
