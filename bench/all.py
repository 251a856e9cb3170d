"""Every benchmark, and their table in bench/README.md: `make bench`.

python bench/all.py [NAME…]     # only these, printed and not written
"""

from __future__ import annotations

import datetime
import importlib
import importlib.metadata
import os
import platform
import subprocess
import sys
import time

from rows import BENCH, Row, markdown

# One file each, in the order of the table.
NAMES = (
    "step", "chunk", "worker_start", "trivial_sweep", "throughput", "record_queue", "makespan", "report_sweep",
    "commands", "scheduler", "precision",
)  # fmt: skip
PEERS = ("joblib", "hydra-core", "optuna", "ray", "submitit")


def machine() -> str:
    """Return what the figures were measured on."""
    with open("/proc/cpuinfo") as file:
        model = next((line.partition(":")[2].strip() for line in file if line.startswith("model name")), "unknown CPU")
    versions = [f"Python {platform.python_version()}", f"torch {importlib.metadata.version('torch')}"]
    for peer in PEERS:
        try:
            versions.append(f"{peer} {importlib.metadata.version(peer)}")
        except importlib.metadata.PackageNotFoundError:
            versions.append(f"{peer} not installed")
    return f"{model}, {len(os.sched_getaffinity(0))} cores; {', '.join(versions)}"


def page(rows: list[Row], commit: str) -> str:
    """Return the text of bench/README.md."""
    return f"""# Benchmarks

Written by `make bench` on {datetime.date.today()}, commit {commit}; do not edit. {machine()}.
Both sides alternate in one run and medians are compared; the machine is shared and noisy, so look at ratios. Each goal
is a file here that runs alone (`python bench/step.py`). The peers come with `pip install '.[bench]'`; what they do
when a worker or the launcher dies is `python bench/faults.py`.

{markdown(rows)}
"""


def main() -> None:
    """Measure, print, and write the table: after each benchmark, so that one cut off costs only itself."""
    names = sys.argv[1:] or NAMES
    head = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False)
    rows: list[Row] = []
    for name in names:
        print(f"{name} …", end=" ", file=sys.stderr, flush=True)
        began_s = time.monotonic()
        rows += importlib.import_module(name).measure()
        print(f"{time.monotonic() - began_s:.0f} s", file=sys.stderr, flush=True)
        if not sys.argv[1:]:
            (BENCH / "README.md").write_text(page(rows, head.stdout.strip()))
    print(markdown(rows))


if __name__ == "__main__":
    main()
