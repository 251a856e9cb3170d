"""S7: 24 experiments of long-tailed length on two slots: how near the makespan is to its lower bound.

    python bench/makespan.py [PAIRS]

The bound is max(sum / slots, longest): Graham 1969, "Bounds on multiprocessing timing anomalies". The comparison is
with first in, first out, which is also joblib's order. The launches overlap.
"""

from __future__ import annotations

import importlib.util
import json
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from pathlib import Path

from rows import BENCH, Row, markdown, seconds

from launcher.planning.estimate import makespan

APART_S = 6.0  # between the starts of two launches: longer than a start-up
TARGET = """
import time
from dataclasses import dataclass


@dataclass(frozen=True)
class Config:
    length_s: float

    def work(self) -> float:
        return self.length_s


def run(config: Config, run):
    time.sleep(config.length_s)
    run.log(1, loss=1.0)
"""


def lengths() -> list[float]:
    """Return 24 lengths up to half a minute. The longest is last, the worst case for the order of the file."""
    dice = random.Random(2)
    drawn = sorted(2.4 * min(12.0, dice.lognormvariate(0.3, 1.1)) for _ in range(24))
    dice.shuffle(drawn)
    drawn.append(drawn.pop(drawn.index(max(drawn))))
    return drawn


def in_file_order(drawn: list[float], bound: float) -> tuple[float, float]:
    """Return makespan / bound of first in, first out: the median of 1,000 orders, and the worst tenth."""
    dice = random.Random(0)
    ends = sorted(makespan([], dice.sample(drawn, len(drawn)), 2) / bound for _ in range(1000))
    return ends[500], ends[900]


def ours(drawn: list[float]) -> float:
    """Return the seconds of a whole launch, with its start-up."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "lasting.py").write_text(TARGET)
        table = "\n".join(f"e{number} = {{ length_s = {length} }}" for number, length in enumerate(drawn))
        (folder / "job.toml").write_text(
            f'[sweep]\ntarget = "lasting:run"\npreload = []\nmetrics = []\n[experiments]\n{table}\n'
        )
        launcher = [sys.executable, "-m", "launcher", "job.toml", "--parallel", "--devices", "0,1"]
        command = ["env", "CUDA_VISIBLE_DEVICES=", *launcher]  # on CPU slots: launches that overlap share no card
        return seconds(command, cwd=folder)


def joblib(drawn: list[float]) -> float:
    """Return the seconds that joblib takes for the same experiments."""
    with tempfile.TemporaryDirectory() as name:
        experiments = {f"e{number}": {"steps": 1, "step_s": length} for number, length in enumerate(drawn)}
        (Path(name) / "experiments.json").write_text(json.dumps(experiments))
        return seconds([sys.executable, str(BENCH / "peers" / "joblib_loky.py"), name])


def staggered(sides: Mapping[str, Callable[[], float]], pairs: int) -> dict[str, float]:
    """Measure the sides A B A B … and return their medians. The runs overlap, each starting a little later.

    All of them only sleep, so they hardly disturb each other. Five pairs take two and a half minutes, not fifteen.
    """
    with ThreadPoolExecutor(pairs * len(sides)) as pool:
        runs: dict[str, list[Future[float]]] = {name: [] for name in sides}
        for _ in range(pairs):
            for name, measure in sides.items():
                runs[name].append(pool.submit(measure))
                time.sleep(APART_S)
        return {name: statistics.median(run.result() for run in mine) for name, mine in runs.items()}


def measure(pairs: int = 5) -> list[Row]:
    """Return the rows of S7."""
    drawn = lengths()
    bound = max(sum(drawn) / 2, max(drawn))
    median, worst = in_file_order(drawn, bound)
    sides = {"ours": partial(ours, drawn)}
    if importlib.util.find_spec("joblib") is not None:
        sides["joblib"] = partial(joblib, drawn)
    times = staggered(sides, pairs)
    took = times["ours"]
    rows = [
        Row("S7", "24 experiments on two slots, start-up included", f"{took:.1f} s", f"bound {bound:.1f} s",
            f"{took / bound:.3f}", "≤ 1.03", took <= 1.03 * bound),
        Row("S7", "first in, first out: median and worst tenth of 1,000 orders, reckoned without a start-up",
            f"{took / bound:.3f}", f"{median:.3f}, {worst:.3f}", f"{worst * bound / took:.2f}", "> 1",
            worst * bound > took),
    ]  # fmt: skip
    if theirs := times.get("joblib"):
        rows.append(
            Row("S7", "the same", f"{took:.1f} s", f"joblib {theirs:.1f} s", f"{theirs / took:.2f}", "> 1",
                theirs > took)
        )  # fmt: skip
    return rows


if __name__ == "__main__":
    print(markdown(measure(*map(int, sys.argv[1:]))))
