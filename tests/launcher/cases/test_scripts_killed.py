"""Random kills of launcher, worker and script inside ten thousand printed lines: each step is recorded once."""

from __future__ import annotations

import os
import random
import re
import signal
from collections import Counter

import psutil
import pytest

from launcher.store.records import SOURCE, Record, RecordReader
from tests.launcher.conftest import Workplace, marked, wait_for
from tests.launcher.engine.test_script_launch import SCRIPT, job, losses

STEPS = 10_000
KILLS = 6


def printed(place: Workplace) -> list[list[int]]:
    """Return the steps on the whole lines that the script printed, of each attempt."""
    attempts = re.split(r"^=== a, attempt \d+ ===$", place.log("a"), flags=re.M)[1:]
    return [[int(step) for step in re.findall(r"^step (\d+): loss .* ms$", text, flags=re.M)] for text in attempts]


def kill_at(place: Workplace, launch: psutil.Popen, victim: str, line: int) -> None:
    """Kill a process of the launch once the log has so many lines."""
    wait_for(lambda: place.log("a").count("\n") >= line or launch.poll() is not None)
    script = next((found for found in marked(place.mark) if str(SCRIPT) in found.cmdline()), None)
    if script is None:
        return
    pid = {"launcher": launch.pid, "worker": script.ppid(), "script": script.pid}[victim]
    if pid != 1:
        os.kill(pid, signal.SIGKILL)


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_each_printed_step_is_recorded_once_whatever_is_killed(place: Workplace, seed: int) -> None:
    rng = random.Random(seed)
    resume = '{ if = "{dir}/checkpoint.txt", args = ["--resume"] }'
    job(place, {"a": {"steps": STEPS, "on-stop": "save"}}, resume=resume, total="steps")
    for _ in range(KILLS):
        launch = place.start("job.toml")
        lines = place.log("a").count("\n")
        victim = rng.choice(["launcher", "worker", "script"])
        kill_at(place, launch, victim, lines + rng.randrange(20, STEPS // KILLS))
        launch.communicate(timeout=60)
        wait_for(lambda: not marked(place.mark))
    assert place.launch("job.toml").code == 0
    assert losses(place, "a") == {step: 0.1 / step for step in range(1, STEPS + 1)}
    records = [record for record in RecordReader(place.paths.records("a")).read() if "kind" not in record]
    recorded: dict[int, list[Record]] = {}
    for record in records:
        recorded.setdefault(record["attempt"], []).append(record)
    by_attempt = printed(place)
    assert {attempt: [record["step"] for record in found] for attempt, found in recorded.items()} == {
        attempt: steps for attempt, steps in enumerate(by_attempt, start=1) if steps
    }, "what each attempt printed is what is recorded of it, in order"
    assert max(Counter(tuple(record[SOURCE]) for record in records).values()) == 1
