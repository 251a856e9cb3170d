"""The port of clusters: what a way to run supervisors on other machines must offer.

A cluster decides where and when. It is asked to run `python -m launcher.supervisor OUTCOME BATCH INDEX` on some node,
once for each group of attempts in a batch; `store.attempt_files` has the file that says which attempts these are.

    RemoteExecutor ──▶ submit(batch, groups)    ─▶ a Ticket for each group, or a Refused
                   ──▶ poll()                   ─▶ the State of each ticket: one question for all
                   ──▶ stop(tickets, force)
                   ──▶ adopt()                  what the cluster still has of this sweep

A cluster's answer is a hint. The truth about an attempt is in the folder: its claim, its beats and its end. All calls
come from one thread, which may wait for them; the event loop never calls.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

Ticket = str  # the cluster's name of a group: "17_3" on Slurm, the name of an actor on Ray
NO_TICKET: Ticket = ""  # of an attempt that lives though the cluster does not have it: its beats alone tell how it is


class Job(NamedTuple):
    """An attempt that was ordered: its order lies in the folder."""

    experiment: str
    attempt: int


Group = tuple[Job, ...]  # attempts that share one supervisor, most often a single one


class Place(NamedTuple):
    """Where a group stands in the folder: in which batch, and which of its groups it is, from 0."""

    batch: str
    number: int


@dataclass(frozen=True)
class Waiting:
    """The cluster has the group and has not started it."""

    why: str = ""  # in the cluster's words, such as "Resources"
    is_stuck: bool = False  # it does not start unless somebody does something


@dataclass(frozen=True)
class Running:
    """The cluster has started the supervisor, or is about to."""

    node: str = ""
    why: str = ""  # in the cluster's words, where the job does not plainly run, such as "SUSPENDED"


@dataclass(frozen=True)
class Over:
    """The supervisor is gone, says the cluster."""

    code: int | None = None
    signal: str | None = None
    why: str = ""  # in the cluster's words, such as "NODE_FAIL"
    was_cancelled: bool = False  # somebody has ended it, as by scancel
    node: str = field(default="", compare=False)
    was_evicted: bool = False  # the cluster has ended it for reasons of its own: a time limit, preemption, its node


@dataclass(frozen=True)
class Gone:
    """The cluster answers and does not know the ticket any more."""


State = Waiting | Running | Over | Gone


@dataclass(frozen=True)
class Refused:
    """The cluster does not take a group now, as where a limit of submitted jobs is reached; it may be asked again."""

    why: str


class NotHeard(Exception):
    """The cluster did not answer. That says nothing about its jobs."""


class Cluster(Protocol):
    """A cluster, for one sweep folder."""

    name: str  # as `--on` has it: "slurm"

    def preview(self, num_groups: int) -> list[str]:
        """Return what `submit` would do with so many groups, as lines for a person. Nothing is asked.

        Raises:
            InputError: a setting has no meaning on this cluster.
        """

    def answers(self) -> list[str]:
        """Ask the cluster what it would give to jobs like those of this sweep, as lines for a person. Starts nothing.

        Raises:
            InputError: it cannot be used; the message says what to type.
            NotHeard: no answer.
        """

    def check(self) -> None:
        """Make sure that the cluster can be used from here. Nothing is written, no job is started.

        Raises:
            InputError: it cannot; the message says what to type.
        """

    def submit(self, batch: str, groups: Sequence[Group]) -> list[Ticket | Refused]:
        """Hand the groups of a batch to the cluster, in this order. The batch's file and all orders are written.

        Raises:
            InputError: the cluster refuses such jobs for ever, as for a partition that does not exist; its own words,
                with the key of the job file that they are about.
            NotHeard: no answer; some of the groups may have been taken. `adopt` tells.
        """

    def poll(self) -> Mapping[Ticket, State]:
        """Return the state of each ticket of this launch. A ticket that is missing from the answer is Gone.

        Raises:
            NotHeard: no answer.
        """

    def stop(self, tickets: Sequence[Ticket], *, force: bool) -> None:
        """Ask the supervisors of these tickets to save and end; with `force` end them. Those that wait never start.

        Raises:
            NotHeard: no answer.
        """

    def avoid(self, node: str) -> None:
        """Hand nothing over to a node from now on, if the cluster can be told so. Nothing is asked."""

    def adopt(self) -> dict[Ticket, Place]:
        """Return what the cluster has of this sweep from earlier launches, waiting or running; `poll` follows them too.

        Raises:
            NotHeard: no answer.
        """

    def close(self) -> None:
        """Release what this object holds. The jobs go on."""
