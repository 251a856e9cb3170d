"""A real Slurm cluster of virtual nodes on this machine, for tests that have the marker `slurm`."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

SCRIPT = Path(__file__).with_name("slurm-up.sh")
_PROGRAMS = ("slurmctld", "slurmd", "sbatch", "squeue", "munged")


@dataclass(frozen=True)
class SlurmNodes:
    """A cluster that is up. `base`: its folder."""

    base: Path

    def do(self, *command: str) -> str:
        """Run a command of slurm-up.sh, such as `kill-node 1`; return what it printed."""
        done = subprocess.run(
            [str(SCRIPT), *command],
            env=os.environ | {"BASE": str(self.base)},
            capture_output=True,
            text=True,
            timeout=100,
        )
        assert done.returncode == 0, f"slurm-up.sh {command}: {done.stdout}{done.stderr}"
        return done.stdout

    def run(self, *words: str) -> str:
        """Run a command of Slurm, such as `squeue -h`; return what it printed."""
        done = subprocess.run(words, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, f"{words}: {done.stdout}{done.stderr}"
        return done.stdout

    def resume(self) -> None:
        """Let Slurm use all nodes again. A controller that was killed drains one that runs a job it has forgotten."""
        words = ["scontrol", "update", "NodeName=ALL", "State=RESUME"]
        subprocess.run(words, check=False, timeout=60, capture_output=True)

    def processes(self) -> list[psutil.Process]:
        """Return the live processes of the cluster and of its jobs."""
        found = []
        for process in psutil.process_iter():
            try:
                is_daemon = process.name().startswith(("slurm", "munged")) and str(self.base) in str(process.environ())
                is_job = "SLURM_JOB_ID" in process.environ() and process.environ().get("SLURM_CONF") == self.conf
                if (is_daemon or is_job) and process.status() != psutil.STATUS_ZOMBIE:
                    found.append(process)
            except psutil.Error:
                continue
        return found

    @property
    def conf(self) -> str:
        """What SLURM_CONF is for this cluster."""
        return str(self.base / "slurm.conf")


def why_not() -> str:
    """Return why there can be no cluster here; empty if there can."""
    if os.geteuid() != 0:
        return "a Slurm cluster needs root"
    if missing := [program for program in _PROGRAMS if shutil.which(program) is None]:
        return f"Slurm is not installed: no {missing[0]}. On Debian: tests/engines/slurm-up.sh install"
    return ""


@pytest.fixture(scope="session")
def slurm_nodes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SlurmNodes]:
    """Four nodes of two CPUs and two GPUs for the tests of this process; no process of it is left."""
    if reason := why_not():
        pytest.skip(reason)
    nodes = SlurmNodes(tmp_path_factory.mktemp("slurm"))
    nodes.do("up")
    try:
        yield nodes
    finally:
        nodes.do("down")
        assert not nodes.processes(), f"left of the cluster: {nodes.processes()}"


@pytest.fixture
def slurm(slurm_nodes: SlurmNodes, monkeypatch: pytest.MonkeyPatch) -> Iterator[SlurmNodes]:
    """The cluster, as the Slurm of this test; afterwards it has no job."""
    monkeypatch.setenv("SLURM_CONF", slurm_nodes.conf)
    yield slurm_nodes
    ends_s = time.monotonic() + 60
    while slurm_nodes.run("squeue", "-h") and time.monotonic() < ends_s:
        subprocess.run(["scancel", "-u", str(os.getuid())], check=False, timeout=60)
        time.sleep(0.1)
    slurm_nodes.resume()
