"""S3: how long until a worker has taken its first optimizer step: fork server against spawn, alternating.

    python bench/worker_start.py [PAIRS]

The time from asking for the worker to the record of its first step. The first worker of the
fork server, which waits for the server's imports, is shown apart.
"""

import itertools
import sys
import tempfile
import time
from pathlib import Path

from rows import Row, alternate, markdown

from launcher.history import read_history
from launcher.paths import Paths
from launcher.process import Workers
from launcher.spec import Spec

TARGET = """
def run(config: dict, run) -> None:
    import torch

    model = torch.nn.Linear(8, 1)
    optimizer = torch.optim.AdamW(model.parameters())
    model(torch.ones(4, 8)).square().mean().backward()
    optimizer.step()
    run.log(1, loss=1.0)
"""


def start(workers: Workers, folder: Path, name: str) -> float:
    """Start a worker and return the seconds until its first step."""
    paths = Paths(folder / "outcome", folder / "logs")
    spec = Spec(
        experiment=name, attempt=1, target="bench_target:run", folder=folder, config={}, digest="", seed=0,
        state_digest="", device="cpu", threads=1, environment={"CUDA_VISIBLE_DEVICES": ""}, paths=paths,
        checkpoint_s=60.0,
    )  # fmt: skip
    began_s = time.perf_counter()
    worker = workers.start(spec)
    while not read_history(paths.records(name)).steps:
        time.sleep(0.0002)
    took_s = time.perf_counter() - began_s
    worker.collect()
    return took_s


def measure(pairs: int = 7) -> list[Row]:
    """Return the rows of S3."""
    forked = Workers("forkserver", ["torch", "torch._dynamo"])
    spawned = Workers("spawn", [])
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
