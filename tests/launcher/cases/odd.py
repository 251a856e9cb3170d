"""A finished sweep made of files alone, and commands run on it in this process."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from typer.testing import CliRunner

from launcher import api
from launcher.cli.app import app
from launcher.errors import LauncherError
from launcher.store.ending import EndingKind
from launcher.store.events import Ended, EventLog, Started
from launcher.store.launch_info import Placement
from launcher.store.manifest import write_manifest
from launcher.store.paths import Paths
from launcher.store.provenance import environment

CODES = {0, 1, 2, 5}
LIMIT_S = 60  # of one command; a pipe that is waited for would take for ever
STEPS = 2


def good_records(digest: str) -> list[dict[str, Any]]:
    """Return what a finished experiment has recorded."""
    start = {"kind": "start", "digest": digest, "device": "cpu", "threads": 1, "pid": 1}
    rest: list[dict[str, Any]] = [{"kind": "total", "steps": STEPS}, {"kind": "info", "parameters": 5}]
    rest += [{"step": step, "loss": 1.0 / step, "tokens": step} for step in range(1, STEPS + 1)]
    rest += [{"kind": "resume", "step": 0}, {"kind": "phase", "phase": "in teardown"}]
    rest += [{"kind": "end", "ending": "done", "peak_memory_bytes": 1e9, "peak_gpu_memory_bytes": 10**9}]
    return [{"n": n, "attempt": 1, "at_s": n / 10} | record for n, record in enumerate([start, *rest], start=1)]


def lines(objects: list[dict[str, Any]]) -> bytes:
    return b"".join(json.dumps(one).encode() + b"\n" for one in objects)


def finished_sweep(folder: Path, names: list[str], metrics: list[str]) -> Paths:
    """Write a job and the files of its sweep, in which every experiment is done; the working directory must be this."""
    (folder / "target.py").write_text("def run(config: dict, run):\n    run.log(1, loss=1.0)\n")
    rows = [f"{name} = {{ number = {number} }}" for number, name in enumerate(names)]
    settings = f'target = "target:run"\npreload = []\ntelemetry_s = 0\nmetrics = {json.dumps(metrics)}'
    (folder / "job.toml").write_text("\n".join(["[sweep]", settings, "[experiments]", *rows, ""]))
    plan = api.plan(api.load("job.toml"))
    plan.paths.create()
    launch = replace(environment(), mode="parallel", attempts=dict.fromkeys(names, 1), slots=[Placement("cpu:0")])
    write_manifest(plan.paths, plan.manifest(launch))
    events = EventLog(plan.paths.events)
    for decision in plan.decisions:
        name, digest = decision.experiment.name, decision.experiment.digest
        plan.paths.records(name).write_bytes(lines(good_records(digest)))
        plan.paths.log(name).write_text("a line\n")
        events.append(Started(name, 1, "cpu:0", 1))
        events.append(Ended(name, 1, EndingKind.DONE, "", 0.9, STEPS))
    events.close()
    return plan.paths


@contextmanager
def _limit() -> Iterator[None]:
    def _too_long(*_: object) -> None:
        raise AssertionError(f"the command took more than {LIMIT_S} s")

    before = signal.signal(signal.SIGALRM, _too_long)
    left = signal.setitimer(signal.ITIMER_REAL, LIMIT_S)  # of pytest-timeout, which has the same clock
    try:
        yield
    finally:
        signal.signal(signal.SIGALRM, before)
        signal.setitimer(signal.ITIMER_REAL, *left)


def run(*arguments: str) -> tuple[int, str]:
    """Run a command here; return its exit code and all it said. A traceback fails the test."""
    with _limit():
        result = CliRunner().invoke(app, arguments)
    error = result.exception
    if isinstance(error, LauncherError):
        return error.exit_code, str(error)
    if error is not None and not isinstance(error, SystemExit):
        raise error
    return result.exit_code, result.output
