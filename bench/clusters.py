"""S20: what clusters add. Twelve experiments that do nothing, on a Ray of three nodes with a CPU each, beside Ray Tune.

    python bench/clusters.py [PAIRS]

tests/engines/ray-up.sh starts the nodes, before the clock does, and ends them. Both sides are a whole command, from the
first import to the last table.
"""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from rows import BENCH, Row, alternate, markdown, seconds

NUM = 12
RAY_UP = BENCH.parent / "tests" / "engines" / "ray-up.sh"
NOOP = "def run(config: dict, run):\n    run.log(1, loss=1.0 / (1 + config['x']))\n"


@contextmanager
def ray_nodes(nodes: int = 3) -> Iterator[None]:
    """Start a Ray, to which this process's commands then go; end it afterwards."""
    with tempfile.TemporaryDirectory(prefix="ray-", dir="/tmp", ignore_cleanup_errors=True) as base:
        port, token = "20099", os.urandom(32).hex()
        settings = {"PYTHON": sys.executable, "BASE": base, "PORT": port, "NODES": str(nodes), "CPUS": "1"}
        reached = {"RAY_ADDRESS": f"127.0.0.2:{port}", "RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": token}
        environment = os.environ | settings | reached
        environment.pop("CUDA_VISIBLE_DEVICES", None)
        del environment["RAY_ADDRESS"]
        try:
            subprocess.run([RAY_UP, "up"], env=environment, check=True, stdout=subprocess.DEVNULL)
            os.environ |= reached
            time.sleep(10)  # Ray starts a process for each CPU by itself
            yield
        finally:
            for name in reached:
                os.environ.pop(name, None)
            subprocess.run([RAY_UP, "down"], env=environment, check=True)


def ours_on_ray() -> float:
    """Return the seconds of a launch on Ray, in a new folder."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "noop.py").write_text(NOOP)
        names = [f"e{number} = {{ x = {number} }}" for number in range(NUM)]
        lines = [
            "[sweep]",
            'target = "noop:run"',
            "preload = []",
            "metrics = []",
            "[cluster]",
            "gpus = 0",
            "[experiments]",
            *names,
        ]
        (folder / "job.toml").write_text("\n".join([*lines, ""]))
        took_s = seconds([sys.executable, "-m", "launcher", "job.toml", "--on", "ray", "-q"], cwd=folder)
        told = subprocess.run(
            [sys.executable, "-m", "launcher", "status", "job.toml", "--json"],
            cwd=folder, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert told.stdout.count('"done"') >= NUM, json.dumps(told.stdout)
        return took_s


def tune_on_ray() -> float:
    """Return the seconds of Ray Tune for as many trials."""
    with tempfile.TemporaryDirectory() as name:
        return seconds([sys.executable, str(BENCH / "peers" / "ray_tune_noop.py"), name, str(NUM)])


def ray(pairs: int) -> list[Row]:
    """Return the rows about Ray."""
    if importlib.util.find_spec("ray") is None:
        print("Ray left out: it is not installed. pip install '.[bench]'", file=sys.stderr)
        return []
    with ray_nodes():
        times = alternate({"ours": partial(ours_on_ray), "tune": partial(tune_on_ray)}, pairs)
    ratio = times["ours"] / times["tune"]
    return [
        Row("S20", f"{NUM} experiments that do nothing, on three Ray nodes", f"{times['ours']:.1f} s",
            f"Ray Tune {times['tune']:.1f} s", f"{ratio:.2f}", "≤ 0.5", ratio <= 0.5)
    ]  # fmt: skip


def measure(pairs: int = 2) -> list[Row]:
    """Return the rows of S20."""
    return ray(pairs)


if __name__ == "__main__":
    print(markdown(measure(*map(int, sys.argv[1:]))))
