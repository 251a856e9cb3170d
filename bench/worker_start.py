"""How long until a worker with torch has said its first word: fork server against spawn, alternating.

    python bench/worker_start.py [PAIRS]

The time from asking for the worker to its `start` record, torch imported and its threads set. The first worker of the
fork server, which waits for the server's imports, is shown apart.
"""

import statistics
import sys
import tempfile
import time
from pathlib import Path

from launcher.paths import Paths
from launcher.process import StartMethod, Workers
from launcher.records import read_history
from launcher.spec import Spec

TARGET = """
def run(config: dict, run) -> None:
    import torch

    run.log(1, total=torch.ones(2).sum().item())
"""


def start(workers: Workers, folder: Path, name: str) -> float:
    """Start a worker and return the seconds until its first step, for which it needs torch."""
    paths = Paths(folder / "outcome", folder / "logs")
    spec = Spec(
        experiment=name, attempt=1, target="bench_target:run", folder=folder, config={}, digest="", seed=0,
        device="cpu", environment={"CUDA_VISIBLE_DEVICES": ""}, threads=1, paths=paths, checkpoint_s=60.0,
    )  # fmt: skip
    began_s = time.perf_counter()
    worker = workers.start(spec, None)
    while not read_history(paths.records(name)).steps:
        time.sleep(0.0002)
    took_s = time.perf_counter() - began_s
    worker.collect()
    return took_s


def main() -> None:
    """Print the medians and their ratio."""
    pairs = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    methods: dict[StartMethod, Workers] = {
        "forkserver": Workers("forkserver", ["torch", "torch._dynamo"]),
        "spawn": Workers("spawn", []),
    }
    times: dict[str, list[float]] = {method: [] for method in methods}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "bench_target.py").write_text(TARGET)
        print(f"forkserver, the first: {start(methods['forkserver'], folder, 'first'):.2f} s")
        for pair in range(pairs):
            for method, workers in methods.items():
                times[method].append(start(workers, folder, f"{method}{pair}"))
    medians = {method: statistics.median(values) for method, values in times.items()}
    for method, median in medians.items():
        print(f"{method}, median of {pairs}: {median * 1000:.1f} ms")
    print(f"ratio: {medians['spawn'] / medians['forkserver']:.0f}")


if __name__ == "__main__":
    main()
