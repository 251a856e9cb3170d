"""Ray without Tune: a task for each experiment, each with one of two CPUs.

    python bench/peers/ray_core.py FOLDER

The same command again starts over.
"""

from __future__ import annotations

import os
import secrets
from pathlib import Path

import ray
from common import read, train


def start_ray(folder: Path) -> None:
    """Start Ray on two CPUs with its files in FOLDER, without a token in the home folder or usage statistics."""
    os.environ |= {"RAY_AUTH_TOKEN": secrets.token_hex(32), "RAY_USAGE_STATS_ENABLED": "0"}
    ray.init(address="local", num_cpus=2, include_dashboard=False, _temp_dir=str(folder / "ray"))


if __name__ == "__main__":
    folder, experiments = read()
    start_ray(folder)
    task = ray.remote(train)
    ray.get([task.remote(name, config, folder) for name, config in experiments.items()])
