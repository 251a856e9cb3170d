"""Tables, plots and pages of large sweeps: the time and the memory that they take, beside the version before.

    python bench/views.py                  # beside the commit BEFORE, out of this repository
    python bench/views.py --alone          # this version only

Many short experiments are trained; the records of long ones are made up. CPU time and the largest process are the
kernel's, of the whole command with all its processes. The version before is measured once, as it takes minutes.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from rows import BENCH, Row, markdown

from launcher.store.records import RecordWriter

BEFORE = "a424751"  # the last commit whose views were made of every step
TARGET = """
def run(config: dict, run):
    steps = config["steps"]
    run.total(steps)
    for step in range(1, steps + 1):
        run.log(step, loss=3.0 / step + config["lr"], acc=1.0 - 1.0 / step, norm=0.5, rate=1e-3)
"""
METRICS = ("loss", "acc", "norm", "rate")
MEGA = 1_000_000


@dataclass(frozen=True)
class Cost:
    """What a command took."""

    seconds: float
    cpu_s: float
    largest_mb: float  # the largest of its processes


@dataclass(frozen=True)
class Version:
    """A copy of the code, and its name in the table."""

    name: str
    folder: Path

    def run(self, place: Path, *words: str) -> Cost:
        """Run a command of the launcher in a folder."""
        environment = os.environ | {"PYTHONPATH": f"{self.folder}:{place}"}
        with (place / "output.txt").open("w") as output:
            began_s = time.perf_counter()
            child = subprocess.Popen(
                [sys.executable, "-m", "launcher", *words], cwd=place, env=environment, stdout=output, stderr=output
            )
            _, status, usage = os.wait4(child.pid, 0)
            took_s = time.perf_counter() - began_s
        child.returncode = os.waitstatus_to_exitcode(status)
        if child.returncode:
            raise RuntimeError(
                f"{' '.join(words)} ended with {child.returncode}:\n{(place / 'output.txt').read_text()}"
            )
        return Cost(took_s, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)


def measure(versions: Sequence[Version] | None = None) -> list[Row]:
    """Return the rows of the table."""
    if versions is not None:
        return [*_many(versions), *_long(versions), *_twenty(versions[0]), *_hundred(versions)]
    with _versions() as found:
        return measure(found)


def _many(versions: Sequence[Version]) -> list[Row]:
    """Train 1,000 experiments of 300 steps, and draw them."""
    costs, trained = [], []
    for version in versions:
        with _place(1000, 300, METRICS[:1]) as place:
            costs.append(version.run(place, "job.toml", "--devices", "cpu", "--parallel", "--quiet"))
            trained.append(trained_s(place))
    ours, limit_s = costs[0], 1.5 * trained[0] + 3
    others = [f"{cost.seconds:.0f} s, trained for {each_s:.0f} s" for cost, each_s in zip(costs, trained, strict=True)]
    what = "1,000 x 300 steps, one metric drawn"
    return [
        Row("views", f"{what}, the whole command", others[0], _other(versions, others), _ratio(costs, "seconds"),
            f"≤ 1.5 x training + 3 s = {limit_s:.1f} s", ours.seconds <= limit_s),
        _memory(what, costs, versions, 300),
    ]  # fmt: skip


def _long(versions: Sequence[Version]) -> list[Row]:
    """Plan and draw two experiments of a million steps and four metrics."""
    what = "2 x 1,000,000 steps x 4 metrics"
    with _place(2, 10) as place:
        _make_long(place, versions[0], 2)
        reports = [version.run(place, "report", "job.toml") for version in versions]
        plans = [version.run(place, "plan", "job.toml") for version in versions]
    shown = [f"{cost.cpu_s:.1f} s" for cost in reports]
    planned = [f"{cost.cpu_s:.2f} s" for cost in plans]
    return [
        Row("views", f"{what}, CPU of a plan", planned[0], _other(versions, planned), _ratio(plans, "cpu_s"),
            "≤ 0.5 s", plans[0].cpu_s <= 0.5),
        Row("views", f"{what}, CPU of a report", shown[0], _other(versions, shown), _ratio(reports, "cpu_s"),
            "≤ 15 s", reports[0].cpu_s <= 15),
        _memory(f"{what}, a report", reports, versions, 300),
    ]  # fmt: skip


def _twenty(version: Version) -> list[Row]:
    """Draw twenty experiments of a million steps."""
    with _place(20, 10) as place:
        _make_long(place, version, 20)
        cost = version.run(place, "report", "job.toml")
    return [_memory("20 x 1,000,000 steps x 4 metrics, a report", [cost], [version], 400)]


def _hundred(versions: Sequence[Version]) -> list[Row]:
    """Draw a hundred experiments of 1,000 steps again."""
    with _place(100, 1000, METRICS[:1]) as place:
        versions[0].run(place, "job.toml", "--devices", "cpu", "--parallel", "--quiet")
        costs = [version.run(place, "report", "job.toml") for version in versions]
    shown = [f"{cost.seconds:.1f} s" for cost in costs]
    return [Row("views", "100 x 1,000 steps, one metric drawn, a report", shown[0], _other(versions, shown),
                _ratio(costs, "seconds"), "≤ 3 s", costs[0].seconds <= 3)]  # fmt: skip


def _make_long(place: Path, version: Version, num: int) -> None:
    """Launch short experiments, and put a million steps into their records. All experiments share one record file."""
    version.run(place, "job.toml", "--devices", "cpu", "--quiet")
    records = place / "outcome/job/records"
    start, *_ = (json.loads(line) for line in (records / "e0.jsonl").read_text().splitlines())
    for path in records.iterdir():
        path.unlink()
    writer = RecordWriter(records / "e0.jsonl", 1)
    writer.write({key: value for key, value in start.items() if key not in ("n", "attempt", "at_s")})
    writer.write({"kind": "total", "steps": MEGA})
    for step in range(1, MEGA + 1):
        writer.write({"loss": 3.0 / step + step % 97 / 1000, "acc": 1.0 - 1.0 / step, "norm": 0.5, "rate": 1e-3}, step)
    writer.write({"kind": "end", "ending": "done"})
    writer.close()
    for number in range(1, num):
        os.link(records / "e0.jsonl", records / f"e{number}.jsonl")


def trained_s(place: Path) -> float:
    """Return the seconds from the first start of an experiment to the last end, by the times of the record files."""
    records = [path.stat() for path in (place / "outcome/job/records").iterdir()]
    sweep = (place / "outcome/job/sweep.json").stat()
    return max(found.st_mtime for found in records) - sweep.st_mtime


@contextmanager
def _place(num: int, steps: int, metrics: Sequence[str] = METRICS) -> Iterator[Path]:
    """Make a folder with a job of `num` experiments, all with the same configuration."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        (place / "toy.py").write_text(TARGET)
        names = "".join(f"e{number} = {{}}\n" for number in range(num))
        (place / "job.toml").write_text(
            f'[sweep]\ntarget = "toy:run"\nmetrics = {json.dumps(metrics)}\npreload = []\n'
            f"[config]\nsteps = {steps}\nlr = 0.1\n[experiments]\n{names}"
        )
        yield place


@contextmanager
def _versions() -> Iterator[list[Version]]:
    """Return this version, and a copy of the commit before; this version alone where there is no such commit."""
    ours = Version("now", BENCH.parent)
    with tempfile.TemporaryDirectory() as folder:
        before = Path(folder) / "before"
        made = subprocess.run(
            ["git", "-C", str(BENCH.parent), "worktree", "add", "--quiet", "--detach", str(before), BEFORE],
            capture_output=True,
            check=False,
        )
        if made.returncode:
            yield [ours]
            return
        try:
            yield [ours, Version(BEFORE, before)]
        finally:
            subprocess.run(["git", "-C", str(BENCH.parent), "worktree", "remove", "--force", str(before)], check=False)


def _memory(what: str, costs: Sequence[Cost], versions: Sequence[Version], limit_mb: int) -> Row:
    shown = [f"{cost.largest_mb:.0f} MB" for cost in costs]
    is_met = costs[0].largest_mb <= limit_mb
    ratio = _ratio(costs, "largest_mb")
    return Row(
        "views", f"{what}, the largest process", shown[0], _other(versions, shown), ratio, f"≤ {limit_mb} MB", is_met
    )


def _other(versions: Sequence[Version], shown: Sequence[str]) -> str:
    return f"{versions[1].name}: {shown[1]}" if len(shown) > 1 else ""


def _ratio(costs: Sequence[Cost], field: str) -> str:
    return f"{getattr(costs[1], field) / getattr(costs[0], field):.1f}" if len(costs) > 1 else ""


if __name__ == "__main__":
    print(markdown(measure([Version("now", BENCH.parent)] if "--alone" in sys.argv else None)))
