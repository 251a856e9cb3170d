"""Hydra's multirun with its joblib launcher, two jobs at a time.

    python bench/peers/hydra_joblib.py FOLDER

The same command again starts over.
"""

from __future__ import annotations

import sys

import hydra
from common import read, train
from omegaconf import DictConfig

FOLDER, EXPERIMENTS = read()


@hydra.main(version_base=None, config_path=None)
def job(config: DictConfig) -> None:
    """Train one experiment."""
    train(config.experiment, EXPERIMENTS[config.experiment], FOLDER)


if __name__ == "__main__":
    sys.argv[1:] = [
        "--multirun",
        "hydra/launcher=joblib",
        "hydra.launcher.n_jobs=2",
        f"hydra.sweep.dir='{FOLDER}/hydra'",
        f"+experiment={','.join(map(repr, EXPERIMENTS))}",
    ]
    job()
