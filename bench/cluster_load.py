"""S21: what a launch of a thousand experiments on a cluster costs the machine on which it is typed.

    python bench/cluster_load.py [NUM]

The nodes are simulated (`simulated_cluster.py`), a hundred places of three seconds each, so that the launcher's own
work is measured: CPU time of its process, and its file operations, which strace counts in a run of their own.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import file_operations
from rows import BENCH, Row, markdown

NUM, SLOTS, SECONDS = 1000, 100, 3.0
TRAIN = "def run(config: dict, run):\n    pass\n"


def write_job(folder: Path, num: int, at_once: int | None = None) -> None:
    """Write a job file with so many experiments, and its target. `at_once`: of [cluster]."""
    (folder / "train.py").write_text(TRAIN)
    names = [f"e{number:04d} = {{ x = {number} }}" for number in range(num)]
    sweep = ["[sweep]", 'target = "train:run"', "preload = []", "metrics = []"]
    places = [f"at_once = {at_once}"] if at_once else []
    lines = [*sweep, "[cluster]", "gpus = 0", *places, "[experiments]", *names]
    (folder / "job.toml").write_text("\n".join([*lines, ""]))


def launch_once(num: int, prefix: tuple[str, ...] = ()) -> dict[str, Any]:
    """Launch so many experiments, and return what the launcher has used."""
    with tempfile.TemporaryDirectory() as name:
        write_job(Path(name), num)
        words = [*prefix, sys.executable, str(BENCH / "simulated_cluster.py"), str(SLOTS), str(SECONDS)]
        done = subprocess.run(words, cwd=name, stdout=subprocess.PIPE, text=True, check=True)
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    assert (found["num"], found["code"]) == (num, 0), found
    return found


def count_operations(num: int) -> tuple[int, float] | None:
    """Return the file operations of the launcher in its outcome folder, and its seconds; None without strace."""
    with tempfile.NamedTemporaryFile("r") as log:
        if (prefix := file_operations.prefix(log.name)) is None:
            return None
        found = launch_once(num, prefix)
        return len(file_operations.calls_of_process(log.read().splitlines(), "outcome/job")), found["wall_s"]


def measure(num: int = NUM) -> list[Row]:
    """Return the rows of the table."""
    found = [launch_once(num) for _ in range(3)]
    best = min(found, key=lambda each: each["cpu_s"])
    cpu_s, submit_s = best["cpu_s"], best["submit_s"]
    what = f"{num:,} on {SLOTS} places"
    rows = [
        Row("S21", f"{what}: CPU of the launcher", f"{cpu_s:.2f} s", "", "", "≤ 2 s", cpu_s <= 2),
        Row("S21", f"{what}: until all are handed over", f"{submit_s:.2f} s", "", "", "≤ 2 s", submit_s <= 2),
        Row("S21", f"{what}: memory of the launcher", f"{best['peak_mb']:.0f} MB", "", "", "", None),
    ]
    if (counted := count_operations(num)) is not None:
        each, rate = counted[0] / num, counted[0] / counted[1]
        told = f"{rate:.0f} a second, at {num / counted[1]:.0f} ends a second"
        rows.append(Row("S21", f"{what}: file operations", f"{each:.1f} each", told, "", "≤ 20/s", rate <= 20))
    return rows


if __name__ == "__main__":
    print(markdown(measure(int(sys.argv[1]) if len(sys.argv) > 1 else NUM)))
