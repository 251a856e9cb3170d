"""Runs every benchmark and writes their tables to bench/README.md: `make bench`.

    python bench/all.py [NAME…]     # only these; the others keep their earlier figures

Each benchmark is a module here with a function `measure`, which returns rows of a table (`rows.Row`).
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

# A module each, in the order of the page.
NAMES = (
    "step", "chunk", "worker_start", "trivial_sweep", "throughput", "record_queue", "makespan", "report_sweep",
    "commands", "scheduler", "precision", "views", "page", "sources", "scripts", "grid", "seeds", "clusters",
    "cluster_load", "slurm_load",
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
    """Return words about the machine: CPU, cores, and versions of Python, torch and the peers."""
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
    """Return the short name of the commit that is measured."""
    command = ["git", "-C", str(BENCH), "rev-parse", "--short", "HEAD"]
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()


def read_results() -> dict[str, dict[str, Any]]:
    """Return the figures of earlier runs, by benchmark."""
    found: dict[str, dict[str, Any]] = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    return found


def write_page() -> None:
    """Write bench/README.md from the figures of all benchmarks."""
    (BENCH / "README.md").write_text(page(read_results(), read_gpu_results()))


def read_gpu_results() -> dict[str, dict[str, Any]]:
    """Return what the runs of `make gpu` have found, by the name of the card."""
    found: dict[str, dict[str, Any]] = json.loads(GPU_RESULTS.read_text()) if GPU_RESULTS.exists() else {}
    return found


def page(results: Mapping[str, dict[str, Any]], cards: Mapping[str, dict[str, Any]]) -> str:
    """Return the text of bench/README.md. `cards` holds the figures of `make gpu`, by the name of the card."""
    tables = [
        f"## {name}\n\n{found['at']}, commit {found['commit']}; {found['machine']}\n\n"
        + markdown([Row(**row) for row in found["rows"]])
        for name in NAMES
        if (found := results.get(name))
    ]
    if cards:
        tables.append("## gpu\n\nWritten by `make gpu`, for each card that it has run on.")
    for card, gpu in cards.items():
        about = f"{gpu['at']}, commit {gpu['commit']}; {card}, {gpu['memory_gib']} GiB; {gpu['machine']}"
        again = "".join(
            f" Run again: {part}, {run['at']}, commit {run['commit']}." for part, run in gpu["again"].items()
        )
        tables.append(f"### {card}\n\n{about}; {gpu['seconds']} s.{again}\n\n{gpu['table']}")
    return "\n\n".join([HEAD, *tables]) + "\n"


def main() -> None:
    """Run the benchmarks. The figures are written after each, so an interrupted run loses only the last one."""
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
