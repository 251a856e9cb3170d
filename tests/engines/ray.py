"""A Ray of real nodes on this machine, for tests that have the marker `ray`: ray-up.sh starts and ends it."""

from __future__ import annotations

import importlib.util
import os
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

SCRIPT = Path(__file__).with_name("ray-up.sh")
IP = "127.0.0.2"
# A virtual environment's Python finds Ray only where it was installed: `make ray`.
NEEDS_RAY = pytest.mark.skipif(importlib.util.find_spec("ray") is None, reason="no Ray in this Python: make ray")


@dataclass(frozen=True)
class RayNodes:
    """A Ray that runs: how it is reached, and how a node of it is harmed."""

    address: str
    environment: dict[str, str]

    def use(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Let this process, and what it starts, find this Ray."""
        monkeypatch.setenv("RAY_ADDRESS", self.address)
        for name in ("RAY_AUTH_MODE", "RAY_AUTH_TOKEN"):
            monkeypatch.setenv(name, self.environment[name])

    def run(self, *words: str) -> None:
        subprocess.run([str(SCRIPT), *words], env=self.environment, stdout=subprocess.DEVNULL, check=True, timeout=240)


def node_of(pid: int) -> psutil.Process:
    """Return the raylet of the node on which a child of an actor runs: with it dies the node."""
    actor = psutil.Process(pid).parent()
    assert actor is not None
    raylet = actor.parent()
    assert raylet is not None
    assert raylet.name() == "raylet"
    return raylet


@contextmanager
def ray_nodes(nodes: int = 3, cpus: int = 1) -> Iterator[RayNodes]:
    """Start a Ray and end it afterwards: a head that runs nothing, and nodes with a GPU each, which does not exist."""
    folder = tempfile.mkdtemp(prefix="ray-", dir="/tmp")  # the sockets in it must have short names
    port = free_port()
    hidden = ("CUDA_VISIBLE_DEVICES", "RAY_ADDRESS")  # a node with an empty list of GPUs may not have any
    environment = {name: value for name, value in os.environ.items() if name not in hidden}
    settings = {"PYTHON": sys.executable, "BASE": folder, "PORT": port, "IP": IP, "NODES": nodes, "CPUS": cpus}
    settings |= {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": secrets.token_hex(32)}
    made = RayNodes(f"{IP}:{port}", environment | {name: str(value) for name, value in settings.items()})
    try:
        made.run("up")
        yield made
    finally:
        made.run("down")
        shutil.rmtree(folder, ignore_errors=True)


def free_port() -> int:
    """Return a free port that Ray does not give to its workers, as it does with 10002 to 19999."""
    for port in range(20_100, 21_000):
        with socket.socket() as probe:
            try:
                probe.bind(("", port))
            except OSError:
                continue
            return port
    raise AssertionError("no port is free")
