"""S3: the time until a worker has taken its first optimizer step: fork server against spawn, alternating.

    python bench/worker_start.py [PAIRS]

Measured from the request for the worker to the record of its first step. The first worker of the fork server has to
wait for the server's imports, and has a row of its own.
"""

import itertools
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from rows import Row, alternate, markdown

from launcher.executors.worker_starter import WorkerStarter
from launcher.store.history import read_history
from launcher.store.paths import Paths
from launcher.worker.spec import Spec

TARGET = """
def run(config: dict, run) -> None:
    import torch

    model = torch.nn.Linear(8, 1)
    optimizer = torch.optim.AdamW(model.parameters())
    model(torch.ones(4, 8)).square().mean().backward()
    optimizer.step()
    run.log(1, loss=1.0)
"""


def make_spec(folder: Path, name: str, **differences: Any) -> Spec:
    """Return the spec of a worker that trains `bench_target.py` of a folder. `differences` are fields of the spec."""
    usual: dict[str, Any] = {
        "target": "bench_target:run", "config": {}, "given": {}, "device_type": "cpu",
        "environment": {"CUDA_VISIBLE_DEVICES": ""},
    }  # fmt: skip
    return Spec(
        experiment=name, attempt=1, folder=folder, digest="", seed=0, state_digest="", threads=1,
        paths=Paths(folder / "outcome", folder / "logs"), checkpoint_s=60.0, **usual | differences,
    )  # fmt: skip


def start(workers: WorkerStarter, folder: Path, name: str, **differences: Any) -> float:
    """Start a worker and return the seconds until its first step."""
    spec = make_spec(folder, name, **differences)
    began_s = time.perf_counter()
    worker = workers.start(spec)
    while not (history := read_history(spec.paths.records(name))).steps:
        if history.end is not None:
            raise RuntimeError(f"the worker ended before its first step: {history.end}")
        time.sleep(0.0002)
    took_s = time.perf_counter() - began_s
    worker.collect()
    return took_s


def measure(pairs: int = 7) -> list[Row]:
    """Return the rows of S3."""
    forked = WorkerStarter("forkserver", ["torch", "torch._dynamo"])
    spawned = WorkerStarter("spawn", [])
    number = itertools.count()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "bench_target.py").write_text(TARGET)
        first_s = start(forked, folder, "first")
        times = alternate(
            {"fork server": lambda: start(forked, folder, f"f{next(number)}"),
             "spawn": lambda: start(spawned, folder, f"s{next(number)}")},
            pairs,
        )  # fmt: skip
    ours, theirs = times["fork server"], times["spawn"]
    return [
        Row("S3", "a worker's start to its first optimizer step", f"{ours * 1000:.0f} ms",
            f"spawn {theirs * 1000:.0f} ms",
            f"{theirs / ours:.0f}", "≤ 20 ms, ≥ 50 times", ours <= 0.020 and theirs >= 50 * ours),
        Row("S3", "the first, which waits for the server's imports", f"{first_s:.1f} s",
            f"spawn {theirs:.1f} s", "", "", None),
    ]  # fmt: skip


if __name__ == "__main__":
    print(markdown(measure(*map(int, sys.argv[1:]))))
