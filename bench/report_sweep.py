"""S8: the five experiments of the report against a plain script: one after another, with the plain loss.

    python bench/report_sweep.py [STEPS [PAIRS]]

Both train STEPS (6) steps of each experiment. The script has all cores and four loader processes, as the report had.
"""

from __future__ import annotations

import sys
import tempfile
import tomllib
from functools import partial
from pathlib import Path

from rows import Row, alternate, markdown, seconds

ROOT = Path(__file__).parents[1]


def script(job: dict[str, dict[str, dict[str, object]]], steps: int) -> float:
    """Return the seconds of the script."""
    total_s = 0.0
    for name, overrides in job["experiments"].items():
        with tempfile.TemporaryDirectory() as folder:
            settings = job.get("config", {}) | overrides | {"max_steps": steps, "loss": "plain"}
            options = [text for key, value in settings.items() for text in ("-S", f"{key}={value}")]
            command = [sys.executable, "-m", "minigpt.train", "--name", name, "--outcome", folder, *options]
            total_s += seconds(command, cwd=ROOT)
    return total_s


def ours(text: str, steps: int, settings: str = "") -> float:
    """Return the seconds of the whole sweep in parallel. `settings` are further lines of [sweep]."""
    with tempfile.TemporaryDirectory() as name:
        job = Path(name) / "report.toml"
        text = text.replace("[config]", f"[config]\nmax_steps = {steps}", 1)
        job.write_text(text.replace("[sweep]", f"[sweep]\n{settings}", 1))
        folders = ["--outcome", f"{name}/outcome", "--logs", f"{name}/logs"]
        return seconds(
            [sys.executable, "-m", "launcher", str(job), "--parallel", "--devices", "1,2,3,4,5", *folders], cwd=ROOT
        )


def measure(steps: int = 6, pairs: int = 5) -> list[Row]:
    """Return the rows of S8."""
    text = (ROOT / "jobs" / "report.toml").read_text()
    job = tomllib.loads(text)
    sides = {
        "": partial(ours, text, steps),
        " with elastic_threads": partial(ours, text, steps, "elastic_threads = true"),
    }
    times = alternate(sides | {"script": partial(script, job, steps)}, pairs)
    script_s = times["script"]
    return [
        Row("S8", f"the report's five experiments, {steps} steps each{side}", f"{times[side]:.0f} s",
            f"plain sequential script {script_s:.0f} s", f"{script_s / times[side]:.2f}", "≥ 2.5",
            script_s >= 2.5 * times[side])
        for side in sides
    ]  # fmt: skip


if __name__ == "__main__":
    print(markdown(measure(*map(int, sys.argv[1:]))))
