"""S17: what the launcher adds to a script: a hundred scripts that print one line, and the start of a script with torch.

    python bench/scripts.py [PAIRS]

Against the launcher stand GNU parallel, which records nothing, and the shape of an agent: a subprocess for each
experiment, whose output is read from a pipe. Two scripts run at a time.
"""

from __future__ import annotations

import importlib.util
import json
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

from rows import Row, alternate, markdown, seconds

NUM = 100
LINE = 'import sys\nprint("step 1: loss", sys.argv[1])\n'
STEP = """\
import torch
layer = torch.nn.Linear(8, 8)
optimizer = torch.optim.SGD(layer.parameters(), lr=0.1)
loss = layer(torch.randn(4, 8)).square().mean()
loss.backward()
optimizer.step()
print("step 1: loss", loss.item())
"""


def write_job(folder: Path, num: int, settings: dict[str, object]) -> None:
    """Write a job of a script that takes one number."""
    table = {"log": ["step {step}: loss {loss}"], "metrics": [], "telemetry_s": 0, "check": False} | settings
    rows = [f"{key} = {json.dumps(value)}" for key, value in table.items()]
    names = [f"e{number} = {{ x = {number} }}" for number in range(num)]
    (folder / "job.toml").write_text("\n".join(["[sweep]", *rows, "[experiments]", *names, ""]))


def launch(folder: Path) -> float:
    """Return the seconds that the launcher takes for the job in a folder."""
    for name in ("outcome", "logs"):
        shutil.rmtree(folder / name, ignore_errors=True)
    return seconds([sys.executable, "-m", "launcher", "job.toml", "--parallel", "--devices", "cpu", "-q"], cwd=folder)


def parallel(folder: Path) -> float:
    """Return the seconds that GNU parallel takes for the same scripts."""
    numbers = list(map(str, range(NUM)))
    return seconds(["parallel", "-j", "2", sys.executable, "line.py", "{}", ":::", *numbers], cwd=folder)


def agent(folder: Path) -> float:
    """Return the seconds that an agent takes: a subprocess each, its output read from a pipe."""

    def _run(number: int) -> None:
        command = [sys.executable, "line.py", str(number)]
        subprocess.run(command, cwd=folder, capture_output=True, check=True)

    began_s = time.perf_counter()
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(_run, range(NUM)))
    return time.perf_counter() - began_s


def first_step(folder: Path, *, is_inside: bool) -> float:
    """Return the seconds from the start of an attempt to its first step, the median of six."""
    command = ["{python}", "step.py"]
    write_job(folder, 6, {"command": command, "inside": is_inside, "args": "env"})
    launch(folder)
    steps = []
    for path in (folder / "outcome" / "job" / "records").glob("*.jsonl"):
        records = map(json.loads, path.read_text().splitlines())
        steps += [record["at_s"] for record in records if "step" in record]
    return statistics.median(steps)


def imports(code: str) -> float:
    """Return the milliseconds that an import takes in a new Python, by itself."""
    timed = f"import time; t = time.process_time(); {code}; print(1000 * (time.process_time() - t))"
    done = subprocess.run([sys.executable, "-c", timed], capture_output=True, text=True, check=True)
    return float(done.stdout)


def measure(pairs: int = 3) -> list[Row]:
    """Return the rows of S17."""
    rows = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "line.py").write_text(LINE)
        (folder / "step.py").write_text(STEP)
        write_job(folder, NUM, {"command": ["{python}", "line.py", "{x}"]})
        sides = {"ours": partial(launch, folder), "an agent's shape": partial(agent, folder)}
        sides |= {"GNU parallel": partial(parallel, folder)} if shutil.which("parallel") else {}
        times = alternate(sides, pairs)
        ours = times.pop("ours")
        for other, taken_s in times.items():
            rows.append(
                Row("S17", f"{NUM} scripts that print one line, each", f"{10 * ours:.0f} ms",
                    f"{other} {10 * taken_s:.0f} ms", f"{ours / taken_s:.2f}", "≤ 1.2", ours <= 1.2 * taken_s)
            )  # fmt: skip
        ways = {"child": False, "inside": True}
        starts = alternate({key: partial(first_step, folder, is_inside=way) for key, way in ways.items()}, 1)
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
