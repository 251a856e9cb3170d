"""Kills a launch at random moments, types the same command until the sweep is complete, and compares the numbers.

    python bench/kill_and_continue.py [JOB] [--seed 0] [--kill-after 15 60] [--undisturbed OUTCOME]

JOB (jobs/report.toml) runs undisturbed, unless the outcome folder of such a run with `--threads 1` is given, and then
again with kills (SIGKILL). Each kill is printed, with the number of processes that it left running, and at the end
whether all records and final weights have the same bits. The exit code is 1 if not. The killed run saves a checkpoint
every 5 s, so it makes progress between kills.
"""

from __future__ import annotations

import argparse
import os
import random
import subprocess
import sys
import tempfile
import time
import uuid
from pathlib import Path

import psutil
from same_numbers import main as same_numbers

MARK = "KILL_AND_CONTINUE_MARK"


def main() -> int:
    """Run the sweep undisturbed and with kills, and return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("job", nargs="?", type=Path, default=Path("jobs/report.toml"))
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--kill-after", type=float, nargs=2, default=(15.0, 60.0), metavar=("LOW", "HIGH"))
    parser.add_argument("--undisturbed", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        undisturbed = options.undisturbed or folder / "undisturbed"
        if options.undisturbed is None:
            start(options.job, undisturbed).wait()
        job = folder / options.job.name
        job.write_text(options.job.read_text().replace("[sweep]", "[sweep]\ncheckpoint_s = 5", 1))
        num_kills, num_left = kill_until_done(job, folder / "killed", random.Random(options.seed), options.kill_after)
        print(f"{num_kills} kills, {num_left} processes left")
        sys.argv[1:] = [str(undisturbed), str(folder / "killed")]
        return same_numbers() or int(num_left > 0)


def start(job: Path, outcome: Path, mark: str = "") -> subprocess.Popen[bytes]:
    """Start a launch with one thread for each worker and its output in a file."""
    outcome.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "launcher", str(job), "--parallel", "--threads", "1"]
    command += ["--outcome", str(outcome), "--logs", str(outcome / "logs")]
    with (outcome / "launches.txt").open("ab") as output:
        return subprocess.Popen(command, env=os.environ | {MARK: mark}, stdout=output, stderr=output)


def kill_until_done(job: Path, outcome: Path, dice: random.Random, after_s: tuple[float, float]) -> tuple[int, int]:
    """Launch and kill until a launch ends by itself. Return the number of kills, and of processes left 2 s later."""
    mark = uuid.uuid4().hex
    num_kills = num_left = 0
    while True:
        process = start(job, outcome, mark)
        try:
            code = process.wait(timeout=dice.uniform(*after_s))
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            num_kills += 1
            time.sleep(2.0)
            left = [process for process in psutil.process_iter() if _has(process, mark)]
            num_left += len(left)
            print(f"kill {num_kills}: {len(left)} processes left after 2 s", flush=True)
            continue
        if code != 0:
            sys.exit(f"the launch ended with {code}:\n{(outcome / 'launches.txt').read_text()}")
        return num_kills, num_left


def _has(process: psutil.Process, mark: str) -> bool:
    try:
        return process.environ().get(MARK) == mark and process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False


if __name__ == "__main__":
    sys.exit(main())
