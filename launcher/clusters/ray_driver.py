"""Ray's driver, in a process of its own: Ray takes 79 MB, two dozen threads and seconds to import.

    launcher ── ray_talk ──▶ stdin    a request as a line of JSON: {"ask": "poll", "tickets": […]}
                         ◀── stdout   its answer: {"answer": …}, or {"problem": "unreachable", "text": …}

Requests are answered in order. The process connects before it answers the first, ends if it cannot, and ends when its
stdin closes. It knows nothing that the next driver could not find out: the actors are detached, and have names.

    check                      → {"ray": "2.60.0", "nodes": 3}
    submit  actors, needs      → how many of them were made, in their order
    poll    tickets, prefix, needs
                               → of each ticket that Ray knows
                                 ["waiting", why], ["running", node, why], ["over", code, why], or ["lost", why]: it
                                 waited at a node that died
    stop    tickets, prefix, force
    adopt   prefix             → names of the actors that wait or run
"""

from __future__ import annotations

import json
import os
import platform
import socket
import sys
import time
from collections.abc import Callable, Mapping
from typing import Any

from launcher import child_process
from launcher.clusters import ray_actor
from launcher.clusters.ray_actor import CONCURRENT, NAMESPACE, ActorOrder, SupervisorActor

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
        for module in (ray_actor, child_process):
            ray.cloudpickle.register_pickle_by_value(module)
        self._actor = ray.remote(SupervisorActor)
        self._ids: dict[str, str] = {}  # of actors that were seen alive, by name

    def answer(self, request: Mapping[str, Any]) -> Any:
        """Return the answer to a request.

        Raises:
            Problem: Ray does not answer.
        """
        ray = self._ray
        ways: dict[str, Callable[[], Any]] = {
            "check": lambda: {"ray": ray.__version__, "nodes": sum(node["Alive"] for node in ray.nodes())},
            "submit": lambda: self._submit(request["actors"], request["needs"]),
            "poll": lambda: self._poll(request["tickets"], request["prefix"], request["needs"]),
            "stop": lambda: self._stop(request["tickets"], request["prefix"], force=request["force"]),
            "adopt": lambda: self._adopt(request["prefix"]),
        }
        try:
            return ways[request["ask"]]()
        except (ray.exceptions.RayError, OSError, RuntimeError, ValueError) as error:
            raise Problem("silent", f"{type(error).__name__}: {error}") from None

    def _submit(self, actors: list[dict[str, Any]], needs: dict[str, float]) -> int:
        for actor in actors:
            order = ActorOrder(**actor)
            made = self._actor.options(
                name=order.name,
                lifetime="detached",
                get_if_exists=True,  # it was made by a request whose answer was lost
                max_restarts=0,
                max_task_retries=0,
                max_concurrency=CONCURRENT,
                **needs,
            ).remote(order)
            self._ids[order.name] = made._actor_id.hex()
        # Until Ray has taken it in, an actor is lost if this process ends.
        names = {actor["name"] for actor in actors}
        until_s = time.monotonic() + REGISTERED_S
        while names & self._table("DEPENDENCIES_UNREADY", "").keys() and time.monotonic() < until_s:
            time.sleep(0.02)
        return len(actors)

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
        states: dict[str, list[Any]] = {}
        for ticket in tickets:
            if row := living.get(ticket):
                host = hosts.get(row["Address"]["NodeID"], "")
                is_starting = row["State"] != "ALIVE"  # it has a process, which may have started the supervisor
                started = ["running", host, "starting" if is_starting else ""]
                states[ticket] = ["waiting", why] if is_starting and not row["Pid"] else started
        missing = [ticket for ticket in tickets if ticket not in living]
        for ticket, row in self._dead(missing, prefix).items():
            why = _why_over(row["DeathCause"])
            never_began = not row["Pid"] and "node has died" in why
            code = None if never_began else self._exit(ticket)
            states[ticket] = ["lost", why] if never_began else ["over", code, why if code is None else ""]
        return states

    def _dead(self, tickets: list[str], prefix: str) -> dict[str, dict[str, Any]]:
        """Return the rows of actors that have ended, by name. Rows of which the id is known are asked for by it."""
        from ray._private.state import actors

        rows = {ticket: actors(self._ids[ticket]) for ticket in tickets if ticket in self._ids}
        if len(rows) < len(tickets):
            rows = self._table("DEAD", prefix) | rows
        return {ticket: rows[ticket] for ticket in tickets if rows.get(ticket)}

    def _exit(self, ticket: str) -> int | None:
        """Return the exit status that an actor has left, and forget it."""
        from ray.experimental import internal_kv

        left = internal_kv._internal_kv_get(ticket, namespace=NAMESPACE)
        if left is None:
            return None
        internal_kv._internal_kv_del(ticket, namespace=NAMESPACE)
        code = json.loads(left).get("code")
        return code if isinstance(code, int) else None

    def _stop(self, tickets: list[str], prefix: str, *, force: bool) -> None:
        ray, living = self._ray, self._living(prefix)
        asked = []
        for ticket in tickets:
            if ticket not in living:
                continue
            try:
                actor = ray.get_actor(ticket)
            except ValueError:  # it has ended meanwhile
                continue
            if force or living[ticket]["State"] != "ALIVE":
                ray.kill(actor)
            else:
                asked.append(actor.stop.remote(False))
        if asked:
            ray.wait(asked, num_returns=len(asked), timeout=STOP_S)

    def _adopt(self, prefix: str) -> list[str]:
        from ray.experimental import internal_kv

        living = self._living(prefix)
        for name in [name for name, row in living.items() if row["State"] == "DEPENDENCIES_UNREADY"]:
            self._ray.kill(
                self._ray.get_actor(name)
            )  # its driver died while it made the actor, which would wait for ever
            del living[name]
        for name in internal_kv._internal_kv_list(prefix, namespace=NAMESPACE):  # nobody asks for these any more
            if (text := name.decode(errors="replace")) not in living:
                internal_kv._internal_kv_del(text, namespace=NAMESPACE)
        return sorted(living)


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
