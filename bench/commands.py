"""S9: what does not train: `--help`, `plan`, `report` on 100 experiments of 1,000 steps, `launcher.current()`.

    python bench/commands.py

`plan` needs the training data: `make data`.
"""

from __future__ import annotations

import math
import os
import statistics
import subprocess
import sys
import tempfile
from functools import partial
from pathlib import Path

from rows import Row, alternate, markdown, seconds

from launcher.store.ending import EndingKind
from launcher.store.events import Ended, EventLog, Started
from launcher.store.manifest import Manifest, ManifestExperiment, write_manifest
from launcher.store.paths import Paths
from launcher.store.records import RecordWriter

ROOT = Path(__file__).parents[1]
LAUNCHER = [sys.executable, "-m", "launcher"]


def report() -> float:
    """Return the seconds to make all tables and plots of a sweep of 100 experiments of 1,000 steps."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        paths = Paths(folder / "outcome" / "job", folder / "logs" / "job")
        paths.create()
        names = [f"e{number}" for number in range(100)]
        (folder / "train.py").write_text("def run(config: dict, run):\n    pass\n")
        table = "\n".join(f"{name} = {{}}" for name in names)
        (folder / "job.toml").write_text(f'[sweep]\ntarget = "train:run"\n[experiments]\n{table}\n')
        planned = [ManifestExperiment(name, {}, {}, name) for name in names]
        write_manifest(paths, Manifest("job", "job.toml", "train:run", 0, ["loss"], [], planned))
        log = EventLog(paths.events)
        for name in names:
            log.append(Started(name, 1, "cpu", 1))
            writer = RecordWriter(paths.records(name), 1)
            for step in range(1, 1001):
                writer.write({"step": step, "loss": 10 * math.exp(-step / 300), "tokens": step * 2048, "lr": 5e-4})
            writer.close()
            log.append(Ended(name, 1, EndingKind.DONE, "", 1.0))
        log.close()
        return seconds([*LAUNCHER, "report", "job.toml"], cwd=folder)


def current() -> float:
    """Return the milliseconds of CPU time that a script waits for `import launcher` and `launcher.current()`."""
    code = (
        "from time import process_time as now; began = now(); import launcher; launcher.current(); print(now() - began)"
    )
    environment = os.environ | {"LAUNCHER_DIR": "/nowhere", "LAUNCHER_NAME": "a"}
    done = subprocess.run(
        [sys.executable, "-S", "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    return float(done.stdout) * 1000


def measure() -> list[Row]:
    """Return the rows of S9."""
    times = alternate(
        {
            "--help": partial(seconds, [*LAUNCHER, "--help"]),
            "plan": partial(seconds, [*LAUNCHER, "plan", "jobs/smoke.toml"], cwd=ROOT),
            "import typer": partial(seconds, [sys.executable, "-c", "import typer, pydantic"]),
        },
        7,
    )
    report_s = statistics.median(report() for _ in range(5))
    current_ms = statistics.median(current() for _ in range(15))
    bare = f"import typer, pydantic {times['import typer']:.2f} s"
    return [
        Row("S9", "--help", f"{times['--help']:.2f} s", bare, "", "≤ 0.25 s", times["--help"] <= 0.25),
        Row("S9", "plan", f"{times['plan']:.2f} s", bare, "", "≤ 0.25 s", times["plan"] <= 0.25),
        Row("S9", "report on 100 of 1,000 steps", f"{report_s:.1f} s", "", "", "≤ 5 s", report_s <= 5.0),
        Row("S9", "import launcher, current()", f"{current_ms:.1f} ms CPU", "", "", "< 5 ms", current_ms < 5.0),
    ]


if __name__ == "__main__":
    print(markdown(measure()))
