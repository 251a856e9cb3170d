"""A script that shows how it runs: as a script of its own, or inside a worker."""

import atexit
import multiprocessing
import os
import pickle
import random
import sys
import threading

import numpy


class Thing:
    """Something of `__main__` that is pickled."""


def square(number):
    """Run in a process that is spawned."""
    return number * number


if __name__ == "__main__":
    print("step 1: x", random.random())
    print("step 2: x", numpy.random.random())
    if "torch" in sys.modules:
        print("step 3: x", sys.modules["torch"].rand(1).item())
    print("argv", sys.argv[1:], "name", __name__, "file", os.path.basename(__file__))
    print("where", os.getcwd(), "first", sys.path[0])
    print("pickled", type(pickle.loads(pickle.dumps(Thing()))).__name__)  # noqa: S301
    multiprocessing.set_start_method("spawn")
    with multiprocessing.Pool(1) as pool:
        print("spawned", pool.map(square, [3, 4]))
    atexit.register(lambda: print("atexit ran"))
    threading.Thread(target=lambda: print("thread ran")).start()
    sys.exit(int(sys.argv[1]) if len(sys.argv) > 1 else 0)
