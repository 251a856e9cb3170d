"""Ray as a cluster: one detached actor for each group of attempts, which runs the group's supervisor.

This process never imports Ray. A driver in a child process does (`ray_driver`), and dies with this process. The actors
go on: they are detached, and the next launch finds them by their names, `<sweep>/<batch>/<number>`, which are the
tickets.

All actors of a batch are made at once: an actor that waits costs Ray 60 kB and no process. Ray has nothing that keeps
`at_once`, so what is beyond it is refused until an earlier group is over.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from launcher.clusters.base import Gone, Group, NotHeard, Over, Place, Refused, Running, State, Ticket, Waiting
from launcher.clusters.node_script import PROGRAM, search_path_lines, setup_lines
from launcher.clusters.ray_start import Start, address, start_driver
from launcher.clusters.ray_talk import LIMIT_S, DriverProblem, DriverTalk
from launcher.clusters.settings import ClusterSettings
from launcher.errors import InputError
from launcher.store.cluster_paths import ClusterPaths
from launcher.store.names import is_name
from launcher.text import inline, listed, signal_name

AT_A_TIME = 500  # actors a request: 1,000 take two seconds, or ten on a busy machine
TAKES_S = 60.0  # in which an actor takes further groups: starting a process of Ray costs a second of CPU
NOT_OF_RAY = ("time", "partition", "account", "qos", "constraint", "reservation", "per_job", "extra", "requeue")


class RayCluster:
    """The actors of a sweep on Ray. It fulfils `Cluster`.

    settings: with `gpus` and `cpus` as an experiment gets them.
    folder: the working directory of the supervisors; by default that of this process.
    program: what runs a group; it gets the outcome folder, the batch and the number of the group.
    start: what starts the driver, which is asked nothing before the first call.
    """

    name = "ray"

    def __init__(
        self,
        settings: ClusterSettings,
        outcome: Path,
        *,
        folder: Path | None = None,
        program: Sequence[str] = PROGRAM,
        start: Start | None = None,
        limit_s: float = LIMIT_S,
    ) -> None:
        self._outcome = Path(os.path.realpath(outcome))
        self._settings = settings
        self._program = tuple(program)
        self._address = address()
        self._talk = DriverTalk(start or partial(start_driver, self._address), limit_s=limit_s)
        self._needs = _needs(settings)
        self._folder = folder or Path.cwd()
        self._prefix = f"{hashlib.sha256(os.fsencode(self._outcome)).hexdigest()[:10]}/"
        self._states: dict[Ticket, State] = {}

    def check(self) -> None:
        """Make sure that a Ray with the same versions can be used from here."""
        if wrong := unused_keys(self._settings):
            keys = listed(wrong)
            raise InputError(f"--on ray: Ray has no use for {keys} of [cluster]. Remove it, or type --on slurm.")
        if "://" in self._address or self._address == "local":
            raise InputError(
                f"--on ray: RAY_ADDRESS is {inline(self._address)}. It must be the address of a Ray that runs, as "
                "10.0.0.1:6379, of which this machine is a node."
            )
        if importlib.util.find_spec("ray") is None:
            raise InputError(_NOT_INSTALLED)
        try:
            self._talk.ask({"ask": "check"})
        except DriverProblem as problem:
            raise InputError(self._message(problem)) from None
        except NotHeard as silence:
            raise InputError(f"{self._no_answer()} ({silence})") from None

    def preview(self, num_groups: int) -> list[str]:
        """Return what a launch would do, as lines for `plan`. Nothing is asked."""
        where = "the Ray of this machine" if self._address == "auto" else f"Ray at {inline(self._address)}"
        needs = [f"{self._needs['num_cpus']:g} CPU", f"{self._needs['num_gpus']:g} GPU"]
        if "memory" in self._needs:
            needs.append(f"{self._needs['memory'] / (1 << 30):g} GiB of memory")
        most = self._settings.at_once
        return [
            f"{where}, {'RAY_ADDRESS is not set' if self._address == 'auto' else 'as RAY_ADDRESS says'}",
            f"each experiment: a detached actor, which needs {', '.join(needs)} of one node",
            "all experiments are handed to Ray at once" if most is None else f"at most {most} at the same time",
            f"on its node: {inline(' '.join([*self._settings.setup, *self._program]), 400)}",
        ]

    def answers(self) -> list[str]:
        """Ask whether Ray answers."""
        self.check()
        return ["Ray answers, with the versions of Ray and Python that are here"]

    def submit(self, batch: str, groups: Sequence[Group]) -> list[Ticket | Refused]:
        """Make an actor for each group, in this order."""
        assert is_name(batch), "a batch has a name that is allowed"
        room = self._room()
        taken = len(groups) if room is None else min(room, len(groups))
        ClusterPaths(self._outcome).output.mkdir(parents=True, exist_ok=True)
        tickets = self._make(batch, range(taken))
        refused = Refused(f"at_once = {self._settings.at_once} of [cluster]")
        return [*tickets, *[refused] * (len(groups) - taken)]

    def _make(self, batch: str, numbers: Sequence[int]) -> list[Ticket]:
        """Make the actors of these groups of a batch. Return their tickets."""
        order = self._order(batch)
        for first in range(0, len(numbers), AT_A_TIME):
            part = list(numbers[first : first + AT_A_TIME])
            self._ask("submit", batch=order, numbers=part, needs=self._needs)
            self._states |= {self._ticket(Place(batch, number)): Waiting() for number in part}
        return [self._ticket(Place(batch, number)) for number in numbers]

    def _room(self) -> int | None:
        if (most := self._settings.at_once) is None:
            return None
        return max(0, most - sum(isinstance(state, Waiting | Running) for state in self._states.values()))

    def _ticket(self, place: Place) -> Ticket:
        return f"{self._prefix}{place.batch}/{place.number}"

    def _order(self, batch: str) -> dict[str, Any]:
        """Return what the actors of a batch are told: the fields of `BatchOrder`."""
        forwarded = {name: os.environ[name] for name in ("PYTHONPATH",) if name in os.environ}
        return {
            "batch": f"{self._prefix}{batch}",
            "words": [*self._program, str(self._outcome), batch],
            "script": "\n".join([*setup_lines(self._settings.setup), *search_path_lines(), 'exec "$@"']),
            "folder": str(self._folder),
            "output": str(ClusterPaths(self._outcome).output / f"{batch}_"),
            "environment": forwarded,
            "takes_s": TAKES_S,
        }

    def poll(self) -> Mapping[Ticket, State]:
        """Return the state of each ticket. Of a ticket that is over Ray is asked no more."""
        open_tickets = [ticket for ticket, state in self._states.items() if not isinstance(state, Over | Gone)]
        if open_tickets:
            known = self._ask("poll", tickets=open_tickets, prefix=self._prefix, needs=self._needs)
            if not isinstance(known, dict):
                raise NotHeard("the driver of Ray answered nonsense")
            self._states |= {ticket: _state(known.get(ticket)) for ticket in open_tickets}
            self._make_again([ticket for ticket in open_tickets if _is_lost(known.get(ticket))])
        return dict(self._states)

    def _make_again(self, tickets: Sequence[Ticket]) -> None:
        """Make actors again that have never begun: Ray lets them wait at one of the nodes, and that node died."""
        places = [place for ticket in tickets if (place := _place(ticket.removeprefix(self._prefix)))]
        for batch in sorted({place.batch for place in places}):
            self._make(batch, [place.number for place in places if place.batch == batch])

    def stop(self, tickets: Sequence[Ticket], *, force: bool) -> None:
        """Have the actors ask their supervisors to end; end actors that wait, and with `force` all of them."""
        if tickets:
            self._ask("stop", tickets=list(tickets), prefix=self._prefix, force=force)

    def avoid(self, node: str) -> None:
        """Do nothing: Ray gives a group to whatever node has room."""

    def adopt(self) -> dict[Ticket, Place]:
        """Return the places of the actors of this sweep that Ray still has."""
        found = {name: _place(name.removeprefix(self._prefix)) for name in self._ask("adopt", prefix=self._prefix)}
        places = {name: place for name, place in found.items() if place is not None}
        self._states = {name: Waiting() for name in places} | self._states
        return places

    def close(self) -> None:
        """End the driver. The actors go on."""
        self._talk.close()

    def _ask(self, what: str, **request: Any) -> Any:
        try:
            return self._talk.ask({"ask": what, **request})
        except DriverProblem as problem:
            raise NotHeard(self._message(problem)) from None

    def _message(self, problem: DriverProblem) -> str:
        if problem.kind == "missing":
            return _NOT_INSTALLED
        if problem.kind == "token":
            return (
                f"--on ray: {self._where()} wants its token: export RAY_AUTH_TOKEN, or put the token into "
                f"~/.ray/auth_token ({problem})"
            )
        if problem.kind == "versions":
            return f"--on ray: {problem}. Both sides need the same: pip install 'ray==VERSION'."
        if problem.kind == "outside":
            return (
                f"--on ray: this machine is no node of {self._where()}. Make it one: "
                f"ray start --address={inline(self._address)} --num-cpus=0 ({problem})"
            )
        if problem.kind == "unreachable":
            return f"{self._no_answer()} ({problem})"
        return f"Ray did not answer: {problem}"

    def _where(self) -> str:
        return "this machine's Ray" if self._address == "auto" else f"the Ray at {inline(self._address)}"

    def _no_answer(self) -> str:
        at = "on this machine" if self._address == "auto" else f"at {inline(self._address)}"
        return f"--on ray: no Ray answers {at}. Start one: ray start --head; or export RAY_ADDRESS=HOST:6379"


_NOT_INSTALLED = "--on ray: Ray is not installed here. Type: pip install 'sweep-launcher[ray]'"


def unused_keys(settings: ClusterSettings) -> list[str]:
    """Return the keys of [cluster] that are set and mean nothing on Ray."""
    usual = ClusterSettings()
    return [key for key in NOT_OF_RAY if getattr(settings, key) != getattr(usual, key)]


def _needs(settings: ClusterSettings) -> dict[str, float]:
    """Return what an actor needs, as options of Ray."""
    needs: dict[str, float] = {"num_cpus": settings.cpus or 1, "num_gpus": settings.gpus or 0}
    return needs if settings.mem_gb is None else needs | {"memory": int(settings.mem_gb * (1 << 30))}


def _state(told: Any) -> State:
    """Return the state that the driver tells of a ticket; Gone if it tells none."""
    match told:
        case ["waiting", str(why)]:
            return Waiting(inline(why))
        case ["running", str(node), str(why)]:
            return Running(inline(node), inline(why))
        case ["lost", str(why)]:
            return Waiting(inline(why, 500))
        case ["over", None, str(why)]:
            return Over(why=inline(why, 500))
        case ["over", int(code), str(why)]:
            words = inline(why, 500)
            return Over(code, None, words) if code >= 0 else Over(None, signal_name(-code), words)
    return Gone()


def _is_lost(told: Any) -> bool:
    return isinstance(told, list) and told[:1] == ["lost"]


def _place(name: str) -> Place | None:
    """Return the place in the name of an actor, without the sweep; None if it is no name of ours."""
    batch, _, number = name.rpartition("/")
    return Place(batch, int(number)) if is_name(batch) and number.isascii() and number.isdecimal() else None
