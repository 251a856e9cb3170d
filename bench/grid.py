"""S18: a grid of 2,000 cells of four axes, made, named and planned; 200 cells on five seeds, trained and drawn.

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

from rows import BENCH, Row, alternate, markdown
from views import TARGET, Version, trained_s

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


DRAWN = """[sweep]
target  = "toy:run"
preload = []
metrics = ["loss"]
seeds   = 5
[config]
steps = 300
lr    = 0.1
[grid]
lr    = { from = 0.1, to = 2.0, points = 20 }
width = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512]
"""


def load_s(file: Path) -> float:
    """Return the seconds of CPU time to read a job file, with its cells and their names."""
    began_s = time.process_time()
    job.load(file)
    return time.process_time() - began_s


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
        *_drawn(),
        Row("S18", f"{num:,} cells of 4 axes are made and named", f"{load * 1000:.0f} ms", "", "", "≤ 50 ms",
            load <= 0.05),
        Row("S18", f"CPU time of `plan` for {num:,} cells", f"{plan['grid']:.2f} s", f"one cell {plan['one']:.2f} s",
            f"{plan['grid'] / plan['one']:.1f}", "≤ 0.35 s", plan["grid"] <= 0.35),
    ]  # fmt: skip


def _drawn() -> list[Row]:
    """Train 200 cells on five seeds, 300 steps each, and draw them."""
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        (place / "toy.py").write_text(TARGET)
        (place / "job.toml").write_text(DRAWN)
        cost = Version("now", BENCH.parent).run(place, "job.toml", "--devices", "cpu", "--parallel", "--quiet")
        trained, size = trained_s(place), (place / "outcome/job/report.html").stat().st_size / 1e6
    what, limit_s = "200 cells x 5 seeds x 300 steps", 1.5 * trained + 3
    return [
        Row("S18", f"{what}, the whole command", f"{cost.seconds:.0f} s, trained for {trained:.0f} s", "", "",
            f"≤ 1.5 x training + 3 s = {limit_s:.1f} s", cost.seconds <= limit_s),
        Row("S18", f"{what}, the largest process", f"{cost.largest_mb:.0f} MB", "", "", "≤ 300 MB",
            cost.largest_mb <= 300),
        Row("S18", f"{what}, the page", f"{size:.1f} MB", "", "", "< 5 MB", size < 5),
    ]  # fmt: skip


if __name__ == "__main__":
    print(markdown(measure(*map(int, sys.argv[1:]))))
