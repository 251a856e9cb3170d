"""The actor that runs one supervisor on a node of Ray.

The driver hands this code to Ray by value, and with it `launcher.child_process`. So a node's Ray needs no copy of this
package; the supervisor that the actor starts does.

    Ray's worker process   the actor: starts the supervisor, waits for it, leaves
      └─ sh, setup lines   become the supervisor, which is killed when the actor's process dies
           └─ worker …     dies with the supervisor

Ray gives the actor its GPUs, or parts of them. It retries nothing: whether an attempt is made again, the launcher
decides. The exit of the supervisor is left in Ray's table of keys, where `poll` finds it.
"""

from __future__ import annotations

import json
import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from launcher.child_process import start_program

NAMESPACE = "sweep-launcher"  # of our actors, and of the exits that they leave
CONCURRENT = 3  # `run` lasts as long as the supervisor, and `stop` is called meanwhile
_KILL_LIMIT_S = 10.0
# What Ray puts into the environment of its worker processes. A node's own value of these counts, if it has one.
_OF_RAY = (
    "OMP_NUM_THREADS", "PYTHONBREAKPOINT", "RAY_JOB_ID", "RAY_RAYLET_PID", "RAY_LD_PRELOAD_ON_WORKERS", "SPT_NOENV",
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class ActorOrder:
    """What an actor is to run.

    name: of the actor, the ticket of its group.
    script: for bash: what comes before the program, and its start, as `exec "$@"`.
    words: the program and its arguments.
    folder: its working directory.
    output: the file at whose end it prints. The folder of the file must be there.
    environment: variables that it gets besides those of the node.
    """

    name: str
    script: str
    words: tuple[str, ...]
    folder: str
    output: str
    environment: dict[str, str]


class SupervisorActor:
    """An actor of Ray: the supervisor of one group of attempts. It leaves when the supervisor has ended."""

    def __init__(self, order: ActorOrder) -> None:
        import ray

        self._name = order.name
        before = signal.pthread_sigmask(
            signal.SIG_UNBLOCK, {signal.SIGINT}
        )  # Ray blocks it; a child would inherit that
        try:
            self._child = start(order, [str(gpu) for gpu in ray.get_gpu_ids()])
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
        # The actor calls itself. A driver that died between two calls would leave an actor that waits for ever.
        self._running = ray.get_runtime_context().current_actor.run.remote()

    def run(self) -> None:
        """Wait for the supervisor, leave its exit, and end this actor: its CPUs and GPUs are free at once."""
        import ray
        from ray.experimental import internal_kv

        try:
            code = self._child.process.wait()
            self._child.end()
            internal_kv._internal_kv_put(self._name, json.dumps({"code": code}), namespace=NAMESPACE)
            # After exit_actor() a node takes 0.7 s until it starts the next, and the actor is alive for 1.5 s more.
            ray.kill(ray.get_runtime_context().current_actor)
            time.sleep(_KILL_LIMIT_S)
        finally:
            ray.actor.exit_actor()

    def stop(self, force: bool) -> None:
        """Ask the supervisor to save and end; with `force` kill it."""
        if self._child.process.poll() is None:
            self._child.process.send_signal(signal.SIGKILL if force else signal.SIGTERM)


def start(order: ActorOrder, gpus: list[str]) -> Any:
    """Start the program of an order on these GPUs of the node.

    Raises:
        FileNotFoundError: the folder of the output, or the working directory, is not on this node.
    """
    environment = own_environment(dict(os.environ), _node_environment())
    environment |= order.environment | {"CUDA_VISIBLE_DEVICES": ",".join(gpus), "LAUNCHER_TICKET": order.name}
    for folder in (Path(order.output).parent, Path(order.folder)):
        if not folder.is_dir():
            raise FileNotFoundError(f"{folder} is not on this node. All nodes must see it under this path.")
    with open(order.output, "ab") as output:
        return start_program(
            ["/bin/bash", "-c", order.script, "bash", *order.words],
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
