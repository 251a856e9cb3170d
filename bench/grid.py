"""S18: a grid of 2,000 cells of four axes: the time to make and name them, and the CPU time of a whole `plan`.

python bench/grid.py [ROUNDS]
"""

from __future__ import annotations

import resource
import statistics
import subprocess
import sys
import tempfile
import time
from functools import partial
from pathlib import Path

from rows import Row, alternate, markdown

from launcher.planning import job

TRAIN = """
from dataclasses import dataclass

@dataclass
class Config:
    lr: float = 1e-3
    batch_size: int = 32
    optimizer: str = "adam"
    depth: int = 2

def run(config: Config, run):
    pass
"""
HEAD = '[sweep]\ntarget = "train:run"\n[config]\nlr = 1e-3\nbatch_size = 32\n'
GRID = """[grid]
lr         = { from = 1e-4, to = 1e-1, points = 20, log = true }
batch_size = { from = 1, to = 10, points = 10 }
optimizer  = ["adam", "sgd"]
depth      = [1, 2, 3, 4, 5]
"""
ONE = "[experiments]\na = {}\n"


def load_s(file: Path) -> float:
    """Return the seconds to read a job file, with its cells and their names."""
    began_s = time.perf_counter()
    job.load(file)
    return time.perf_counter() - began_s


def plan_cpu_s(file: Path) -> float:
    """Return the seconds of CPU time of `plan`, the process that checks the configurations included."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    command = [sys.executable, "-m", "launcher", "plan", file.name, "--devices", "cpu"]
    subprocess.run(command, cwd=file.parent, stdout=subprocess.DEVNULL, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def measure(rounds: int = 7) -> list[Row]:
    """Return the rows of S18."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "train.py").write_text(TRAIN)
        many, one = folder / "grid.toml", folder / "one.toml"
        many.write_text(HEAD + GRID)
        one.write_text(HEAD + ONE)
        num = len(job.load(many).experiments)
        load = statistics.median(load_s(many) for _ in range(rounds))
        plan = alternate({"grid": partial(plan_cpu_s, many), "one": partial(plan_cpu_s, one)}, rounds)
    return [
        Row("S18", f"{num:,} cells of 4 axes are made and named", f"{load * 1000:.0f} ms", "", "", "≤ 50 ms",
            load <= 0.05),
        Row("S18", f"CPU time of `plan` for {num:,} cells", f"{plan['grid']:.2f} s", f"one cell {plan['one']:.2f} s",
            f"{plan['grid'] / plan['one']:.1f}", "≤ 0.35 s", plan["grid"] <= 0.35),
    ]  # fmt: skip


if __name__ == "__main__":
    print(markdown(measure(*map(int, sys.argv[1:]))))
