"""Ray Tune on a Ray that runs: trials that only report, each with one CPU.

RAY_ADDRESS=… python bench/peers/ray_tune_noop.py FOLDER TRIALS
"""

from __future__ import annotations

import os
import sys
from typing import Any

import ray
from ray import tune


def noop(config: dict[str, Any]) -> None:
    """Report a number."""
    tune.report({"loss": 1.0 / (1 + config["x"])})


def main(folder: str, trials: int) -> None:
    """Run the trials, and fail if one of them does."""
    ray.init(address=os.environ["RAY_ADDRESS"], log_to_driver=False)
    tuner = tune.Tuner(
        tune.with_resources(noop, {"cpu": 1}),
        param_space={"x": tune.grid_search(list(range(trials)))},
        run_config=tune.RunConfig(name="sweep", storage_path=folder),
    )
    results = tuner.fit()
    assert not results.errors, results.errors
    assert len(results) == trials, "every trial has a result"


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
