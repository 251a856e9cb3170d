"""S17: what the launcher adds to a script: scripts that print one line, and the start of one with torch.

    python bench/scripts.py [PAIRS]

Against the launcher stand GNU parallel, which records nothing, and two shapes of an agent: a loop of subprocesses,
whose output is read from a pipe and whose end is seen at once; and a loop that looks at its subprocess every 5 s, as
the agent of wandb does. Two scripts run at a time. What a further script costs is the difference between 300 and 100: a
launch also starts once, and draws tables and page once. Of the agent that looks every 5 s it is that between 8 and 4.

Each launch has a new folder, and all are removed at the end: ext4 passes over the inodes that were freed a moment ago,
so files are made more slowly where the files of the launch before have just been removed.
"""

from __future__ import annotations

import importlib.util
import json
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

from rows import Row, alternate, markdown, seconds

FEW, MANY = 100, 300
FEW_OF_5_S, MANY_OF_5_S = 4, 8
# wandb 0.31.0, wandb/wandb_agent.py: POLL_INTERVAL (line 256) is how long `_run_loop` waits (line 354) before it looks
# whether its run has ended (line 369). Only then it asks the server for the next run (line 444), and starts it.
POLL_S = 5.0
LINE = 'import sys\nprint("step 1: loss", sys.argv[1])\n'
STEP = """\
import time
import torch
layer = torch.nn.Linear(8, 8)
optimizer = torch.optim.SGD(layer.parameters(), lr=0.1)
loss = layer(torch.randn(4, 8)).square().mean()
loss.backward()
optimizer.step()
print("step 1: at", time.time())
"""


def new_folder(folder: Path) -> Path:
    """Return a new folder with the scripts in it."""
    place = Path(tempfile.mkdtemp(dir=folder))
    (place / "line.py").write_text(LINE)
    (place / "step.py").write_text(STEP)
    return place


def write_job(folder: Path, num: int, settings: dict[str, object]) -> None:
    """Write a job of a script that takes one number."""
    table = {"log": ["step {step}: loss {loss}"], "metrics": [], "telemetry_s": 0, "check": False} | settings
    rows = [f"{key} = {json.dumps(value)}" for key, value in table.items()]
    names = [f"e{number} = {{ x = {number} }}" for number in range(num)]
    (folder / "job.toml").write_text("\n".join(["[sweep]", *rows, "[experiments]", *names, ""]))


def launch(folder: Path) -> float:
    """Return the seconds that the launcher takes for the job in a folder."""
    return seconds([sys.executable, "-m", "launcher", "job.toml", "--parallel", "--devices", "cpu", "-q"], cwd=folder)


def launch_lines(folder: Path, num: int) -> float:
    """Return the seconds that the launcher takes for so many scripts that print a line."""
    place = new_folder(folder)
    write_job(place, num, {"command": ["{python}", "line.py", "{x}"]})
    return launch(place)


def parallel(folder: Path, num: int) -> float:
    """Return the seconds that GNU parallel takes for the same scripts."""
    numbers = list(map(str, range(num)))
    return seconds(["parallel", "-j", "2", sys.executable, "line.py", "{}", ":::", *numbers], cwd=folder)


def agent(folder: Path, num: int) -> float:
    """Return the seconds that an agent takes: a subprocess each, its output read from a pipe."""

    def _run(number: int) -> None:
        command = [sys.executable, "line.py", str(number)]
        subprocess.run(command, cwd=folder, capture_output=True, check=True)

    began_s = time.perf_counter()
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(_run, range(num)))
    return time.perf_counter() - began_s


def polling_agent(folder: Path, num: int) -> float:
    """Return the seconds of two agents that look at their run every 5 s. They ask no server, so it is the least."""

    def _work(numbers: list[int]) -> None:
        run: subprocess.Popen[bytes] | None = None
        while numbers or run is not None:
            time.sleep(POLL_S)
            if run is not None and run.poll() is not None:
                run = None
            if run is None and numbers:
                command = [sys.executable, "line.py", str(numbers.pop())]
                run = subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL)

    began_s = time.perf_counter()
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(_work, [list(range(num // 2)), list(range(num // 2, num))]))
    return time.perf_counter() - began_s


def first_step(folder: Path, *, is_inside: bool) -> float:
    """Return the seconds from the start of an attempt to the end of its first step, the median of 14.

    The folder `.launcher` is made when the attempt begins, and the script prints when its step is done.
    """
    command = ["{python}", "step.py"]
    settings = {"command": command, "inside": is_inside, "args": "env", "log": ["step {step}: at {at}"]}
    folder = new_folder(folder)
    write_job(folder, 14, settings)
    launch(folder)
    steps = []
    for path in (folder / "outcome" / "job" / "records").glob("*.jsonl"):
        began_s = (folder / "outcome" / "job" / "runs" / path.stem / ".launcher").stat().st_mtime
        records = map(json.loads, path.read_text().splitlines())
        steps += [record["at"] - began_s for record in records if "step" in record]
    return statistics.median(steps)


def cpu_s() -> float:
    """Return the CPU seconds so far of this process and of all those that it has waited for."""
    used = [resource.getrusage(whose) for whose in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in used)


def further(ways: dict[str, Callable[[Path, int], float]], folder: Path, pairs: int) -> tuple[float, list[Row]]:
    """Return how many seconds our further script takes, and the rows on what it costs, in time and in CPU time."""
    cpus: defaultdict[str, list[float]] = defaultdict(list)

    def _run(way: str, num: int) -> float:
        before_s = cpu_s()
        took_s = ways[way](folder, num)
        cpus[f"{way} {num}"].append(cpu_s() - before_s)
        return took_s

    times = alternate({f"{way} {num}": partial(_run, way, num) for way in ways for num in (FEW, MANY)}, pairs)
    spent = {key: statistics.median(values) for key, values in cpus.items()}
    rows = []
    for what, took in {"a further script that prints one line": times, "the same, CPU time": spent}.items():
        each = {way: 1000 * (took[f"{way} {MANY}"] - took[f"{way} {FEW}"]) / (MANY - FEW) for way in ways}
        for other in list(ways)[1:]:
            ratio = each["ours"] / each[other]
            rows.append(
                Row("S17", what, f"{each['ours']:.1f} ms", f"{other} {each[other]:.1f} ms", f"{ratio:.2f}", "≤ 1.2",
                    ratio <= 1.2)
            )  # fmt: skip
    for other in list(ways)[1:]:
        whole, theirs = times[f"ours {FEW}"], times[f"{other} {FEW}"]
        what = f"{FEW} of them, from the first import to the page"
        rows.append(Row("S17", what, f"{whole:.1f} s", f"{other} {theirs:.1f} s", f"{whole / theirs:.2f}", "", None))
    return (times[f"ours {MANY}"] - times[f"ours {FEW}"]) / (MANY - FEW), rows


def against_polling(folder: Path, ours_s: float) -> Row:
    """Return the row on an agent that looks at its run now and then. `ours_s`: of a further script."""
    few, many = (polling_agent(folder, num) for num in (FEW_OF_5_S, MANY_OF_5_S))
    theirs_s = (many - few) / (MANY_OF_5_S - FEW_OF_5_S)
    other = f"an agent that looks every {POLL_S:.0f} s, as wandb's {1000 * theirs_s:.0f} ms"
    ours, ratio = f"{1000 * ours_s:.1f} ms", ours_s / theirs_s
    what = "a further script that prints one line"
    return Row("S17", what, ours, other, f"{ratio:.3f}", "≤ 1.2", ratio <= 1.2)


def imports(code: str) -> float:
    """Return the milliseconds that an import takes in a new Python, by itself."""
    timed = f"import time; t = time.process_time(); {code}; print(1000 * (time.process_time() - t))"
    done = subprocess.run([sys.executable, "-c", timed], capture_output=True, text=True, check=True)
    return float(done.stdout)


def measure(pairs: int = 3) -> list[Row]:
    """Return the rows of S17."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "line.py").write_text(LINE)
        ways = {"ours": launch_lines, "a loop of subprocesses": agent}
        ways |= {"GNU parallel": parallel} if shutil.which("parallel") else {}
        ours_s, rows = further(ways, folder, pairs)
        rows.append(against_polling(folder, ours_s))
        is_inside = {"child": False, "inside": True}
        starts = alternate({key: partial(first_step, folder, is_inside=way) for key, way in is_inside.items()}, 1)
        ratio = starts["child"] / starts["inside"]
        rows.append(
            Row("S17", "a script's start until its first step with torch, inside", f"{1000 * starts['inside']:.0f} ms",
                f"a new Python {1000 * starts['child']:.0f} ms", f"{ratio:.0f}", "≥ 50", ratio >= 50)
        )  # fmt: skip
    current = {
        "import launcher": partial(imports, "import launcher"),
        "import launcher, current()": partial(imports, "import launcher; launcher.current()"),
    }
    for what, taken_ms in alternate(current, 5).items():
        rows.append(Row("S17", what, f"{taken_ms:.1f} ms", "", "", "< 5 ms", taken_ms < 5))
    return rows


if __name__ == "__main__":
    if importlib.util.find_spec("torch") is None:
        sys.exit("bench/scripts.py needs torch")
    print(markdown(measure(*map(int, sys.argv[1:]))))
