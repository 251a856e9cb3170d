"""Every benchmark, and their table in bench/README.md: `make bench`.

python bench/all.py [NAME…]     # only these; the others keep what was measured before
"""

from __future__ import annotations

import datetime
import importlib
import importlib.metadata
import json
import os
import platform
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from rows import BENCH, Row, markdown

# One file each, in the order of the table.
NAMES = (
    "step", "chunk", "worker_start", "trivial_sweep", "throughput", "record_queue", "makespan", "report_sweep",
    "commands", "scheduler", "precision",
)  # fmt: skip
RESULTS = BENCH / "results.json"
GPU_RESULTS = BENCH / "gpu.json"  # written by `make gpu` where there is a card
HEAD = """# Benchmarks

Written by `make bench`; do not edit. Both sides alternate in one run and medians are compared; the machine is shared
and noisy, so look at ratios. Each section is a file here that runs alone (`python bench/step.py`);
`make bench ONLY=step` runs it and renews its section. The peers come with `pip install '.[bench]'`; what they do when a
worker or the launcher dies is `python bench/faults.py`."""
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


def commit() -> str:
    """Return the commit that is measured."""
    command = ["git", "-C", str(BENCH), "rev-parse", "--short", "HEAD"]
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()


def read_results() -> dict[str, dict[str, Any]]:
    """Return what was measured before, by benchmark."""
    found: dict[str, dict[str, Any]] = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    return found


def write_page() -> None:
    """Write bench/README.md anew from what was measured."""
    gpu = json.loads(GPU_RESULTS.read_text()) if GPU_RESULTS.exists() else None
    (BENCH / "README.md").write_text(page(read_results(), gpu))


def page(results: Mapping[str, dict[str, Any]], gpu: Mapping[str, Any] | None = None) -> str:
    """Return the text of bench/README.md; `gpu` is what `make gpu` has found on a card."""
    tables = [
        f"## {name}\n\n{one['at']}, commit {one['commit']}; {one['machine']}\n\n"
        + markdown([Row(**row) for row in one["rows"]])
        for name in NAMES
        if (one := results.get(name))
    ]
    if gpu is not None:
        about = f"{gpu['at']}, commit {gpu['commit']}; {gpu['card']}, {gpu['memory_gib']} GiB; {gpu['machine']}"
        tables.append(f"## gpu\n\nWritten by `make gpu`: {about}; {gpu['seconds']} s.\n\n{gpu['table']}")
    return "\n\n".join([HEAD, *tables]) + "\n"


def main() -> None:
    """Measure, print and write down: after each benchmark, so that one cut off costs only itself."""
    results = read_results()
    for name in sys.argv[1:] or NAMES:
        print(f"{name} …", end=" ", file=sys.stderr, flush=True)
        began_s = time.monotonic()
        rows = importlib.import_module(name).measure()
        print(f"{time.monotonic() - began_s:.0f} s", file=sys.stderr, flush=True)
        print(markdown(rows), flush=True)
        results[name] = {
            "at": str(datetime.date.today()),
            "commit": commit(),
            "machine": machine(),
            "rows": [asdict(row) for row in rows],
        }
        RESULTS.write_text(json.dumps(results, indent=1) + "\n")
        write_page()


if __name__ == "__main__":
    main()
