"""submitit's local executor: a job for each experiment. It has no limit, so two threads wait for a job each.

    python bench/peers/submitit_local.py FOLDER

The same command again starts over.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import submitit
from common import read, train

if __name__ == "__main__":
    folder, experiments = read()
    executor = submitit.AutoExecutor(folder=folder / "submitit", cluster="local")
    executor.update_parameters(timeout_min=60)
    with ThreadPoolExecutor(2) as pool:
        done = pool.map(lambda item: executor.submit(train, *item, folder).result(), experiments.items())
    list(done)  # raises the first failure
