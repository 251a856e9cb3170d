"""S5: 1,000 experiments that do nothing, a process each, two at a time: the rate, and whether the launcher grows.

    python bench/throughput.py [PAIRS]

The last hundred is compared with the second hundred, because the cost of an experiment should be constant. Peers are
joblib with 100 experiments and Ray Tune with 20. joblib reuses its processes and starts none for an experiment: it
shows the most that a pool can do.
"""

from __future__ import annotations

import importlib.util
import json
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from pathlib import Path

import psutil
from rows import BENCH, Row, alternate, markdown, seconds


@dataclass(frozen=True)
class Launch:
    """The cost of a launch."""

    seconds: float
    by_hundred: list[float]  # milliseconds of an experiment, in each hundred
    growth_kb: float  # of the launcher's memory for each experiment, after the first third
    growth_fds: int  # of its open descriptors


def launch(num_experiments: int) -> Launch:
    """Run so many experiments and watch the launcher."""
    with tempfile.TemporaryDirectory() as name:
        folder = _folder(Path(name), num_experiments)
        command = [sys.executable, str(BENCH / "peers" / "sweep_launcher.py"), str(folder)]
        began_s = time.perf_counter()
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        samples: list[tuple[float, int, int]] = []
        watcher = threading.Thread(target=_watch, args=(psutil.Process(process.pid), samples))
        watcher.start()
        code = process.wait()
        took_s = time.perf_counter() - began_s
        watcher.join()
        if code != 0:
            raise RuntimeError(f"the launcher ended with {code}")
        ends = sorted(path.stat().st_mtime for path in (folder / "outcome" / "job" / "records").iterdir())
    marks = ends[::100] + ends[-1:]
    by_hundred = [(later - earlier) * 10 for earlier, later in pairwise(marks)]
    settled = [sample for sample in samples if sample[0] - began_s > took_s / 3]
    growth_kb = (settled[-1][1] - settled[0][1]) / 1000 / (num_experiments * 2 / 3)
    return Launch(took_s, by_hundred, growth_kb, settled[-1][2] - settled[0][2])


def _seconds(num_experiments: int) -> float:
    return launch(num_experiments).seconds


def _watch(process: psutil.Process, samples: list[tuple[float, int, int]]) -> None:
    try:
        while process.status() != psutil.STATUS_ZOMBIE:
            samples.append((time.perf_counter(), process.memory_info().rss, process.num_fds()))
            time.sleep(0.05)
    except psutil.Error:
        return


def _folder(folder: Path, num_experiments: int) -> Path:
    experiments = {f"e{number}": {"steps": 1, "step_s": 0.0} for number in range(num_experiments)}
    (folder / "experiments.json").write_text(json.dumps(experiments))
    return folder


def peer(script: str, num_experiments: int) -> float:
    """Return the seconds that a peer takes."""
    with tempfile.TemporaryDirectory() as name:
        folder = _folder(Path(name), num_experiments)
        return seconds([sys.executable, str(BENCH / "peers" / f"{script}.py"), str(folder)])


def measure(pairs: int = 5) -> list[Row]:
    """Return the rows of S5."""
    runs = [launch(1000) for _ in range(pairs)]
    rate = 1000 / statistics.median(run.seconds for run in runs)
    # Not the first hundred: it shares the cores with the first drawing of plots.
    late, early = (statistics.median(run.by_hundred[hundred] for run in runs) for hundred in (-1, 1))
    growth_kb, growth_fds = max(run.growth_kb for run in runs), max(run.growth_fds for run in runs)
    rows = [
        Row("S5", "1,000 no-op experiments, a process each", f"{rate:.0f} a second", "", "",
            "≥ 60 a second", rate >= 60),
        Row("S5", "cost of one, the last hundred", f"{late:.1f} ms", f"the second hundred: {early:.1f} ms",
            f"{late / early:.2f}", "≤ 1.1", late / early <= 1.1),
        Row("S5", "growth of the launcher", f"{growth_kb:.2f} kB an experiment, {growth_fds:+d} descriptors",
            "", "", "flat (< 1 kB)", growth_kb < 1.0 and growth_fds <= 2),
    ]  # fmt: skip
    for script, package, count in (("joblib_loky", "joblib", 100), ("ray_tune", "ray", 20)):
        if importlib.util.find_spec(package) is None:
            print(f"{script} left out: {package} is not installed. pip install '.[bench]'", file=sys.stderr)
            continue
        sides = {"theirs": partial(peer, script, count), "ours": partial(_seconds, count)}
        rates = {side: count / took_s for side, took_s in alternate(sides, pairs).items()}
        theirs, ours = rates["theirs"], rates["ours"]
        rows.append(
            Row("S5", f"{count} no-op experiments, whole command", f"{ours:.0f} a second",
                f"{script} {theirs:.1f} a second", f"{ours / theirs:.1f}", "", None)
        )  # fmt: skip
    return rows


if __name__ == "__main__":
    print(markdown(measure(*map(int, sys.argv[1:]))))
