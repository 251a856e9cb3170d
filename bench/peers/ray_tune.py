"""Ray Tune: a trial for each experiment, each with one of two CPUs.

    python bench/peers/ray_tune.py FOLDER

The same command again restores the sweep, as in Ray's guide to fault tolerance.
"""

from __future__ import annotations

from typing import Any

from common import read, train
from ray import tune
from ray_core import start_ray


def main() -> None:
    """Run or restore the sweep."""
    folder, experiments = read()
    start_ray(folder)

    def experiment(config: dict[str, Any]) -> None:
        train(config["experiment"], experiments[config["experiment"]], folder)

    trainable = tune.with_resources(experiment, {"cpu": 1})
    results = folder / "results"
    if tune.Tuner.can_restore(str(results / "sweep")):
        tuner = tune.Tuner.restore(str(results / "sweep"), trainable)
    else:
        tuner = tune.Tuner(
            trainable,
            param_space={"experiment": tune.grid_search(list(experiments))},
            run_config=tune.RunConfig(name="sweep", storage_path=str(results)),
        )
    tuner.fit()


if __name__ == "__main__":
    main()
