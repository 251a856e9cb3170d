"""Ray Tune, a trial an experiment, one CPU each of two.

    python bench/peers/ray_tune.py FOLDER

The same command again restores the sweep, as Ray's guide to fault tolerance has it.
"""

from __future__ import annotations

from typing import Any

import ray
from common import read, train
from ray import tune


def main() -> None:
    """Run or restore the sweep."""
    folder, experiments = read()
    ray.init(address="local", num_cpus=2, include_dashboard=False, _temp_dir=str(folder / "ray"))

    def trainable(config: dict[str, Any]) -> None:
        train(config["experiment"], experiments[config["experiment"]], folder)

    results = folder / "results"
    resources = tune.with_resources(trainable, {"cpu": 1})
    if tune.Tuner.can_restore(str(results / "sweep")):
        tuner = tune.Tuner.restore(str(results / "sweep"), resources)
    else:
        tuner = tune.Tuner(
            resources,
            param_space={"experiment": tune.grid_search(list(experiments))},
            run_config=tune.RunConfig(name="sweep", storage_path=str(results)),
        )
    tuner.fit()


if __name__ == "__main__":
    main()
