"""joblib with its default backend, loky: a pool of two processes.

    python bench/peers/joblib_loky.py FOLDER

The same command again starts over.
"""

from __future__ import annotations

from common import read, train
from joblib import Parallel, delayed

if __name__ == "__main__":
    folder, experiments = read()
    Parallel(n_jobs=2)(delayed(train)(name, config, folder) for name, config in experiments.items())
