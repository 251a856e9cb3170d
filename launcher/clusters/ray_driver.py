"""Ray's driver, in a process of its own: Ray takes 79 MB, two dozen threads and seconds to import.

    launcher ── ray_talk ──▶ stdin    a request as a line of JSON: {"ask": "poll", "tickets": […]}
                         ◀── stdout   its answer: {"answer": …}, or {"problem": "unreachable", "text": …}

Requests are answered in order. The process imports Ray at once. It connects before it answers the first, ends if
it cannot, and ends when its stdin closes. It knows nothing that the next driver could not find out: the actors are
detached, and have names.

    check                      → {"ray": "2.60.0", "nodes": 3}
    submit  batch, numbers, needs
                               → how many actors were made, in the order of these numbers
    poll    tickets, prefix, needs
                               → of each ticket that Ray knows
                                 ["waiting", why], ["running", node, why], ["over", code, why], or ["lost", why]: it
                                 waited at a node that died
    stop    tickets, prefix, force
    adopt   prefix             → tickets of the groups that wait or run
"""

from __future__ import annotations

import contextlib
import json
import os
import platform
import socket
import sys
import time
from collections.abc import Callable, Collection, Mapping
from typing import Any

from launcher import child_process
from launcher.clusters import ray_actor, ray_table
from launcher.clusters.ray_actor import CONCURRENT, BatchOrder, SupervisorActor
from launcher.clusters.ray_table import NAMESPACE

CONNECT_S = 5.0
REGISTERED_S = 10.0  # until Ray has taken in actors that were made
STOP_S = 5.0  # for actors to pass on the wish to stop; actors of a node that is cut off never do
# In this order an actor goes through them; so an actor that goes on between two questions is seen.
_ALIVE = ("DEPENDENCIES_UNREADY", "PENDING_CREATION", "ALIVE")


class Problem(Exception):
    """Why a request has no answer: `kind` is "missing", "unreachable", "token", "versions", "outside" or "silent"."""

    def __init__(self, kind: str, text: str) -> None:
        super().__init__(text)
        self.kind = kind


def main() -> None:
    """Answer requests until stdin closes. Argument: the address of Ray."""
    requests, answers = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what Ray prints is no answer
    with open(os.devnull, "rb") as nothing:
        os.dup2(nothing.fileno(), 0)
    # Ray adds the working directory to the search path of its workers; a file there may have the name of any module.
    os.chdir("/")
    os.environ |= {"RAY_ENABLE_UV_RUN_RUNTIME_ENV": "0"}  # or Ray uploads the working directory
    os.environ.setdefault("RAY_DEFAULT_PYTHON_VERSION_MATCH_LEVEL", "minor")
    os.environ.pop("RAY_RUNTIME_ENV_HOOK", None)
    # Where this machine is no node, Ray looks for one so long. The launcher waits for a minute at most.
    os.environ.setdefault("RAY_gcs_server_request_timeout_seconds", "20")
    with contextlib.suppress(ImportError):  # told in the answer to the first request, which may come later
        import ray  # noqa: F401
    driver: Driver | None = None
    for line in requests:
        request = json.loads(line)
        try:
            driver = driver or Driver(sys.argv[1])
            reply = {"answer": driver.answer(request)}
        except Problem as problem:
            reply = {"problem": problem.kind, "text": str(problem)}
        answers.write(json.dumps(reply).encode() + b"\n")
        answers.flush()
        if driver is None:
            return


class Driver:
    """A connection to Ray."""

    def __init__(self, address: str) -> None:
        """Connect to the Ray at an address, or "auto": to the Ray of this machine.

        Raises:
            Problem: there is no Ray here or there, or not the same one.
        """
        try:
            import ray
        except ImportError as error:
            raise Problem("missing", str(error)) from None
        self._ray = ray
        found = _find(address)
        try:
            _compare_versions(found)
            ray.init(address=found, namespace=NAMESPACE, log_to_driver=False, logging_level="ERROR")
        except ray.exceptions.AuthenticationError as error:
            raise Problem("token", str(error)) from None
        except (ray.exceptions.RayError, OSError, RuntimeError, ValueError) as error:
            raise Problem("outside" if "node to connect" in str(error) else "unreachable", str(error)) from None
        for module in (ray_actor, ray_table, child_process):
            ray.cloudpickle.register_pickle_by_value(module)
        self._actor = ray.remote(SupervisorActor)
        self._ids: dict[str, str] = {}  # of actors that were made here or seen, by name

    def answer(self, request: Mapping[str, Any]) -> Any:
        """Return the answer to a request.

        Raises:
            Problem: Ray does not answer.
        """
        ray = self._ray
        ways: dict[str, Callable[[], Any]] = {
            "check": lambda: {"ray": ray.__version__, "nodes": sum(node["Alive"] for node in ray.nodes())},
            "submit": lambda: self._submit(BatchOrder(**request["batch"]), request["numbers"], request["needs"]),
            "poll": lambda: self._poll(request["tickets"], request["prefix"], request["needs"]),
            "stop": lambda: self._stop(request["tickets"], request["prefix"], force=request["force"]),
            "adopt": lambda: self._adopt(request["prefix"]),
        }
        try:
            return ways[request["ask"]]()
        except (ray.exceptions.RayError, OSError, RuntimeError, ValueError) as error:
            raise Problem("silent", f"{type(error).__name__}: {error}") from None

    def _submit(self, order: BatchOrder, numbers: list[int], needs: dict[str, float]) -> int:
        for number in numbers:
            name = order.ticket(number)
            made = self._actor.options(
                name=name,
                lifetime="detached",
                get_if_exists=True,  # it was made by a request whose answer was lost
                max_restarts=0,
                max_task_retries=0,
                max_concurrency=CONCURRENT,
                **needs,
            ).remote(order, number)
            self._ids[name] = made._actor_id.hex()
        # Until Ray has taken it in, an actor is lost if this process ends.
        names = {order.ticket(number) for number in numbers}
        until_s = time.monotonic() + REGISTERED_S
        while names & self._table("DEPENDENCIES_UNREADY", "").keys() and time.monotonic() < until_s:
            time.sleep(0.02)
        return len(numbers)

    def _table(self, state: str, prefix: str) -> dict[str, dict[str, Any]]:
        """Return Ray's rows of our actors in a state, by name."""
        from ray._private.state import actors

        rows = actors(None, None, state).values()
        mine = SupervisorActor.__name__
        return {row["Name"]: row for row in rows if row["ActorClassName"] == mine and row["Name"].startswith(prefix)}

    def _living(self, prefix: str) -> dict[str, dict[str, Any]]:
        found: dict[str, dict[str, Any]] = {}
        for state in _ALIVE:
            found |= self._table(state, prefix)
        self._ids |= {name: row["ActorID"] for name, row in found.items()}
        return found

    def _poll(self, tickets: list[str], prefix: str, needs: dict[str, float]) -> dict[str, list[Any]]:
        living, nodes = self._living(prefix), self._ray.nodes()
        hosts = {node["NodeID"]: node["NodeManagerHostname"] for node in nodes}
        why = _why_waiting(nodes, needs)
        entries = ray_table.entries(tickets)  # after `living`: an actor leaves the exit before it ends
        states: dict[str, list[Any]] = {}
        for ticket in tickets:
            entry = entries.get(ticket)
            if entry and entry.is_over:
                states[ticket] = ["over", entry.code, ""]
            elif row := living.get(entry.actor if entry else ticket):
                host = hosts.get(row["Address"]["NodeID"], "")
                is_starting = row["State"] != "ALIVE"  # it has a process, which may have started the supervisor
                started = ["running", host, "starting" if is_starting else ""]
                states[ticket] = ["waiting", why] if is_starting and not row["Pid"] else started
        actors = {
            ticket: (entry.actor if (entry := entries.get(ticket)) else "") or ticket
            for ticket in tickets
            if ticket not in states
        }
        dead = self._dead(set(actors.values()), prefix)
        for ticket, row in ((ticket, dead.get(actor)) for ticket, actor in actors.items()):
            if row:
                ended = _why_over(row["DeathCause"])
                never_began = not row["Pid"] and ticket not in entries and "node has died" in ended
                states[ticket] = ["lost", ended] if never_began else ["over", None, ended]
        ray_table.forget(ticket for ticket in entries if states.get(ticket, [""])[0] == "over" and ticket not in living)
        return states

    def _dead(self, names: Collection[str], prefix: str) -> dict[str, dict[str, Any]]:
        """Return the rows of actors that have ended, by name. Rows of which the id is known are asked for by it."""
        from ray._private.state import actors

        rows = {name: actors(self._ids[name]) for name in names if name in self._ids}
        if len(rows) < len(names):
            rows = self._table("DEAD", prefix) | rows
        return {name: rows[name] for name in names if rows.get(name)}

    def _stop(self, tickets: list[str], prefix: str, *, force: bool) -> None:
        ray, living = self._ray, self._living(prefix)
        known = ray_table.entries(tickets)
        # All that wait are withdrawn first: otherwise an actor whose group ends would take them.
        known |= {ticket: ray_table.take(ticket, "") for ticket in tickets if ticket in living and ticket not in known}
        asked: dict[Any, tuple[str, Any]] = {}  # by the request, the group and its actor
        for ticket, entry in known.items():
            with contextlib.suppress(ValueError):  # the actor has ended meanwhile
                if not entry.actor:
                    ray.kill(ray.get_actor(ticket))
                elif not entry.is_over:
                    actor = ray.get_actor(entry.actor)
                    asked[actor.stop.remote(ticket, force)] = ticket, actor
        if asked:
            _, silent = ray.wait(list(asked), num_returns=len(asked), timeout=STOP_S)
            left = [asked[request] for request in silent] if force else []
            now = ray_table.entries([ticket for ticket, _ in left])
            for ticket, actor in left:
                if ticket in now and not now[ticket].is_over:  # otherwise the actor may run another group by now
                    ray.kill(actor)

    def _adopt(self, prefix: str) -> list[str]:
        living = self._living(prefix)
        for name in [name for name, row in living.items() if row["State"] == "DEPENDENCIES_UNREADY"]:
            self._ray.kill(
                self._ray.get_actor(name)
            )  # its driver died while it made the actor, which would wait for ever
            del living[name]
        entries = ray_table.entries(ray_table.taken(prefix))
        runs = {ticket for ticket, entry in entries.items() if entry.actor in living and not entry.is_over}
        ray_table.forget(entries.keys() - runs - living.keys())  # nobody asks for these any more
        return sorted(runs | (living.keys() - entries.keys()))


def _find(address: str) -> str:
    """Return the address of a Ray that takes connections, as host:port."""
    from ray._private import services

    try:
        found = services.canonicalize_bootstrap_address(address)
        if found is None:
            raise Problem("unreachable", "no Ray runs on this machine")
        host, _, port = found.rpartition(":")
        socket.create_connection((host.strip("[]"), int(port)), CONNECT_S).close()
    except (OSError, ValueError) as error:
        raise Problem("unreachable", str(error)) from None
    return str(found)


def _compare_versions(address: str) -> None:
    """Make sure that Ray and Python are the same there as here: they exchange code of Python."""
    import ray
    from ray._private.authentication.authentication_token_setup import maybe_enable_token_auth_if_token_available
    from ray._raylet import GcsClient

    maybe_enable_token_auth_if_token_available(warn_if_disabled=False)  # as ray.init does
    there = json.loads(GcsClient(address=address).internal_kv_get(b"CLUSTER_METADATA", b"cluster") or b"{}")
    its_ray, its_python = str(there.get("ray_version", "")), str(there.get("python_version", ""))
    python = platform.python_version()
    same = its_ray == ray.__version__ and its_python.split(".")[:2] == python.split(".")[:2]
    if there and not same:
        raise Problem(
            "versions", f"Ray {its_ray} with Python {its_python} there, Ray {ray.__version__} with Python {python} here"
        )


def _why_waiting(nodes: list[dict[str, Any]], needs: Mapping[str, float]) -> str:
    """Return why an actor waits: no node has so much at all, or none has it free."""
    resources = {"num_cpus": "CPU", "num_gpus": "GPU", "memory": "memory"}
    wanted = {resources[key]: amount for key, amount in needs.items() if amount}
    alive = [node["Resources"] for node in nodes if node["Alive"]]
    if any(all(node.get(name, 0) >= amount for name, amount in wanted.items()) for node in alive):
        return "waits for room on a node"
    sizes = [f"{n / (1 << 30):g} GiB of memory" if name == "memory" else f"{n:g} {name}" for name, n in wanted.items()]
    return f"no node of this Ray has {', '.join(sizes)}"


def _why_over(cause: Any) -> str:
    """Return why an actor ended, in Ray's words."""
    kind = cause.WhichOneof("context") if cause else None
    if kind is None:
        return ""
    context = getattr(cause, kind)
    if kind == "creation_task_failure_context":
        lines = str(context.formatted_exception_string).strip().splitlines()
        return lines[-1] if lines else str(kind)
    text = str(getattr(context, "error_message", "") or kind)
    return " ".join(text.split())
