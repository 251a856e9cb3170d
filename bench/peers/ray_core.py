"""Ray without Tune: a task an experiment, one CPU each of two.

    python bench/peers/ray_core.py FOLDER
"""

from __future__ import annotations

import ray
from common import read, train

if __name__ == "__main__":
    folder, experiments = read()
    ray.init(address="local", num_cpus=2, include_dashboard=False, _temp_dir=str(folder / "ray"))
    task = ray.remote(train)
    ray.get([task.remote(name, config, folder) for name, config in experiments.items()])
