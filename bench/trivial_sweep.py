"""S4: five trivial torch experiments, two at a time, the whole command: this launcher against each installed peer.

    python bench/trivial_sweep.py [ROUNDS]

The lower bound is `import torch, torch._dynamo`, which each of them must do at least once.
"""

from __future__ import annotations

import importlib.util
import json
import sys
import tempfile
from functools import partial
from pathlib import Path

from rows import BENCH, Row, alternate, markdown, seconds

PEERS = {
    "joblib_loky": "joblib",
    "hydra_joblib": "hydra",
    "optuna_joblib": "optuna",
    "xargs": "torch",
    "ray_core": "ray",
    "submitit_local": "submitit",
    "ray_tune": "ray",
}


def run_peer(script: str) -> float:
    """Return the seconds that a peer takes for the five experiments, in a new folder."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        experiments = {f"e{number}": {"steps": 2, "step_s": 0.0, "torch": True} for number in range(5)}
        (folder / "experiments.json").write_text(json.dumps(experiments))
        return seconds([sys.executable, str(BENCH / "peers" / f"{script}.py"), str(folder)])


def measure(rounds: int = 5) -> list[Row]:
    """Return the rows of S4."""
    missing = [peer for peer, package in PEERS.items() if importlib.util.find_spec(package) is None]
    for peer in missing:
        print(f"{peer} left out: {PEERS[peer]} is not installed. pip install '.[bench]'", file=sys.stderr)
    names = ["sweep_launcher", *(peer for peer in PEERS if peer not in missing)]
    imports = [sys.executable, "-c", "import torch, torch._dynamo"]
    times = alternate(
        {"imports": partial(seconds, imports)} | {name: partial(run_peer, name) for name in names}, rounds
    )
    ours = times["sweep_launcher"]
    rows = [
        Row("S4", "five trivial experiments", f"{ours:.1f} s", f"imports alone {times['imports']:.1f} s",
            f"{ours / times['imports']:.2f}", "≤ 1.15", ours <= 1.15 * times["imports"])
    ]  # fmt: skip
    for name in names[1:]:
        rows.append(
            Row("S4", "five trivial experiments", f"{ours:.1f} s", f"{name} {times[name]:.1f} s",
                f"{times[name] / ours:.2f}", "> 1", times[name] > ours)
        )  # fmt: skip
    return rows


if __name__ == "__main__":
    print(markdown(measure(*map(int, sys.argv[1:]))))
