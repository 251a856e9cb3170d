"""S21: a thousand experiments that do nothing, on a hundred slots of a real Slurm: what the launcher costs.

    python bench/slurm_load.py [NUM]        as root; about NUM seconds

tests/engines/slurm-up.sh starts thirteen nodes of eight CPUs on this machine, and ends them. The whole command is
measured, `python -m launcher job.toml --on slurm`: CPU time of its process without its children in the first launch,
file operations of that process in the outcome folder in the second.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import file_operations
import psutil
from cluster_load import NUM, SLOTS, write_job
from rows import BENCH, Row, markdown

SLURM_UP = BENCH.parent / "tests" / "engines" / "slurm-up.sh"
NODES = {"NODES": "13", "CPUS": "8", "GPUS": "0"}


@contextmanager
def slurm_nodes() -> Iterator[None]:
    """Start a Slurm, to which this process's commands then go; end it afterwards, with all its jobs."""
    with tempfile.TemporaryDirectory(prefix="slurm-", dir="/tmp", ignore_cleanup_errors=True) as base:
        environment = os.environ | NODES | {"BASE": base}
        subprocess.run([SLURM_UP, "up"], env=environment, check=True, stdout=subprocess.DEVNULL)
        os.environ["SLURM_CONF"] = f"{base}/slurm.conf"
        try:
            yield
        finally:
            del os.environ["SLURM_CONF"]
            subprocess.run([SLURM_UP, "down"], env=environment, check=True)


@dataclass(frozen=True)
class Launched:
    """What one launch took. `calls`: its file operations, if they were counted."""

    wall_s: float
    cpu_s: float
    num_done: int
    calls: list[str]


def launch_once(num: int, *, is_counted: bool) -> Launched:
    """Launch so many experiments in a new folder."""
    with tempfile.TemporaryDirectory() as name, tempfile.NamedTemporaryFile("r") as log:
        folder = Path(name)
        write_job(folder, num, at_once=SLOTS)
        before = file_operations.prefix(log.name) if is_counted else ()
        began_s = time.monotonic()
        child = subprocess.Popen(
            [*(before or ()), sys.executable, "-m", "launcher", "job.toml", "--on", "slurm", "-q"], cwd=name
        )
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
        wall_s, used = time.monotonic() - began_s, psutil.Process(child.pid).cpu_times()
        child.wait()
        told = subprocess.run(
            [sys.executable, "-m", "launcher", "status", "job.toml", "--json"],
            cwd=name, capture_output=True, text=True, check=True,
        )  # fmt: skip
        states = [each["state"] for each in json.loads(told.stdout)["experiments"]]
        calls = file_operations.calls_of_process(log.read().splitlines(), "outcome/job") if before else []
        return Launched(wall_s, used.user + used.system, states.count("done"), calls)


def measure(num: int = NUM) -> list[Row]:
    """Return the rows of the table; none without Slurm, or without the rights of root."""
    if shutil.which("slurmctld") is None or shutil.which("strace") is None or os.geteuid():
        return []
    with slurm_nodes():
        plain = launch_once(num, is_counted=False)
        counted = launch_once(num, is_counted=True)
    what = f"{num:,} on {SLOTS} slots of a Slurm"
    each, rate = len(counted.calls) / num, len(counted.calls) / counted.wall_s
    pace = f"{rate:.1f} a second, at {num / counted.wall_s:.1f} ends a second"
    dones = f"{plain.num_done} and {counted.num_done}"
    return [
        Row("S21", f"{what}: done, in two launches", dones, "", "", f"{num}", dones == f"{num} and {num}"),
        Row(
            "S21",
            f"{what}: CPU of the launcher",
            f"{plain.cpu_s:.2f} s",
            f"{plain.wall_s:.0f} s",
            "",
            "≤ 2 s",
            plain.cpu_s <= 2,
        ),
        Row("S21", f"{what}: file operations", f"{each:.1f} each", pace, "", "≤ 20/s", rate <= 20),
    ]


if __name__ == "__main__":
    print(markdown(measure(int(sys.argv[1]) if len(sys.argv) > 1 else NUM)))
