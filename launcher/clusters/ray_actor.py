"""The actor that runs supervisors on a node of Ray, one after another.

The driver hands this code to Ray by value, and with it `ray_table` and `launcher.child_process`. So a node's Ray needs
no copy of this package; the supervisor that the actor starts does.

    Ray's worker process   the actor: starts the supervisor, waits for it, takes another group or leaves
      └─ sh, setup lines   become the supervisor, which is killed when the actor's process dies
           └─ worker …     dies with the supervisor

Ray gives the actor its GPUs, or parts of them. It retries nothing: whether an attempt is made again, the launcher
decides. The exit of the supervisor is left in Ray's table of keys, where `poll` finds it.

There is an actor for each group. But a process of Ray takes a second of CPU to start, longer than a short experiment
lasts. So an actor whose group has ended soon runs a group that waits, in its own process and in its own place, and ends
the actor that waited. Otherwise it gives its place back, for Ray to say who is next.
"""

from __future__ import annotations

import contextlib
import os
import signal
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from launcher.child_process import start_program
from launcher.clusters import ray_table

CONCURRENT = 3  # `run` lasts as long as the supervisor, and `stop` is called meanwhile
_KILL_LIMIT_S = 10.0
# What Ray puts into the environment of its worker processes. A node's own value of these counts, if it has one.
_OF_RAY = (
    "OMP_NUM_THREADS", "PYTHONBREAKPOINT", "RAY_JOB_ID", "RAY_RAYLET_PID", "RAY_LD_PRELOAD_ON_WORKERS", "SPT_NOENV",
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class BatchOrder:
    """What the actors of a batch are to run.

    batch: what the tickets of its groups begin with, as "<sweep>/<batch>".
    script: for bash: what comes before the program, and its start, as `exec "$@"`.
    words: the program and its arguments; the number of the group follows them.
    folder: its working directory.
    output: the files at whose end it prints are named so, then by the number. Their folder must be there.
    environment: variables that it gets besides those of the node.
    takes_s: an actor takes further groups for so long; then others get its place who wait for it, too.
    """

    batch: str
    script: str
    words: tuple[str, ...]
    folder: str
    output: str
    environment: dict[str, str]
    takes_s: float

    def ticket(self, number: int) -> str:
        """Return the ticket of a group, which is also the name of its actor."""
        return f"{self.batch}/{number}"


class SupervisorActor:
    """An actor of Ray: the supervisor of one group of attempts, and then those of groups that wait.

    It leaves when a supervisor has ended and no further group is taken.
    """

    def __init__(self, order: BatchOrder, number: int) -> None:
        import ray

        self._order = order
        self._name = order.ticket(number)
        self._gpus = [str(gpu) for gpu in ray.get_gpu_ids()]
        self._takes_until_s = time.monotonic() + order.takes_s
        self._lock = threading.Lock()  # held from taking a group until its supervisor runs: `stop` finds it then
        self._ticket = ""  # of the group that runs
        self._child: Any = None  # its supervisor
        if ray_table.take(self._name, self._name).actor == self._name:
            self._begin(number)
        # The actor calls itself. A driver that died between two calls would leave an actor that waits for ever.
        self._running = ray.get_runtime_context().current_actor.run.remote()

    def _begin(self, number: int) -> None:
        """Start the supervisor of a group that was taken."""
        before = signal.pthread_sigmask(
            signal.SIG_UNBLOCK, {signal.SIGINT}
        )  # Ray blocks it; a child would inherit that
        try:
            self._child = start(self._order, number, self._gpus)
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
        self._ticket = self._order.ticket(number)

    def run(self) -> None:
        """Wait for supervisors and leave their exits, then end this actor: its CPUs and GPUs are free at once."""
        import ray

        try:
            while self._child is not None:
                code = self._child.process.wait()
                with self._lock:
                    self._child.end()
                    ray_table.leave(self._ticket, self._name, code)
                    self._ticket, self._child = "", None
                    if time.monotonic() < self._takes_until_s:
                        self._take_next()
            # After exit_actor() a node takes 0.7 s until it starts the next, and the actor is alive for 1.5 s more.
            ray.kill(ray.get_runtime_context().current_actor)
            time.sleep(_KILL_LIMIT_S)
        finally:
            ray.actor.exit_actor()

    def _take_next(self) -> None:
        """Run the first group of the batch that waits, if there is one, and end the actor that waits for it."""
        import ray
        from ray.util import list_named_actors

        prefix = f"{self._order.batch}/"
        waiting = {name for name in list_named_actors() if name.startswith(prefix)} - ray_table.taken(prefix)
        for number in sorted(int(name.removeprefix(prefix)) for name in waiting):
            ticket = self._order.ticket(number)
            if ray_table.take(ticket, self._name).actor == self._name:
                self._begin(number)
                with contextlib.suppress(Exception):  # it may have ended; if it begins, it finds the group taken
                    ray.kill(ray.get_actor(ticket))
                return

    def stop(self, ticket: str, force: bool) -> None:
        """Ask the supervisor of a group to save and end, if it runs here; with `force` kill it."""
        with self._lock:
            if ticket == self._ticket and self._child.process.poll() is None:
                self._child.process.send_signal(signal.SIGKILL if force else signal.SIGTERM)


def start(order: BatchOrder, number: int, gpus: list[str]) -> Any:
    """Start the program of an order for a group, on these GPUs of the node.

    Raises:
        FileNotFoundError: the folder of the output, or the working directory, is not on this node.
    """
    environment = own_environment(dict(os.environ), _node_environment())
    environment |= order.environment | {"CUDA_VISIBLE_DEVICES": ",".join(gpus), "LAUNCHER_TICKET": order.ticket(number)}
    printed = Path(f"{order.output}{number}.out")
    for folder in (printed.parent, Path(order.folder)):
        if not folder.is_dir():
            raise FileNotFoundError(f"{folder} is not on this node. All nodes must see it under this path.")
    with open(printed, "ab") as output:
        return start_program(
            ["/bin/bash", "-c", order.script, "bash", *order.words, str(number)],
            stdout=output.fileno(),
            stderr=output.fileno(),
            environment=environment,
            folder=Path(order.folder),
        )


def own_environment(ours: dict[str, str], of_node: dict[str, str]) -> dict[str, str]:
    """Return the environment of this process without what Ray has put into it."""
    kept = {name: value for name, value in ours.items() if name not in _OF_RAY}
    return kept | {name: of_node[name] for name in _OF_RAY if name in of_node}


def _node_environment() -> dict[str, str]:
    """Return the environment with which Ray was started on this node, as far as it can be read."""
    try:
        content = Path(f"/proc/{os.environ['RAY_RAYLET_PID']}/environ").read_bytes()
    except (OSError, KeyError):
        return {}
    pairs = (line.partition("=") for line in content.decode(errors="surrogateescape").split("\0"))
    return {name: value for name, _, value in pairs if name}
