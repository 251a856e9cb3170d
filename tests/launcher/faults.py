"""The invariants after any fault, and how to ask what a sweep has come to. For the tests of faults."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

from launcher.store.attempts import read_last_attempts
from launcher.store.ending import EndingKind
from launcher.store.history import comparable
from tests.launcher.conftest import TOYS, Workplace

TRACES = ("Traceback", "Fatal Python error", "told to")


def check(place: Workplace, *names: str) -> None:
    """Assert what holds after any fault: every file parses, steps are seen once and in order, one ending each."""
    seen = read_last_attempts(place.paths.events)
    for name in names:
        history = place.history(name)
        assert list(history.steps) == list(range(1, len(history.steps) + 1)), name
        assert seen[name].ending in list(EndingKind), f"{name} has no ending"
    for path in (*place.paths.outcome.glob("*.json*"), *(place.paths.outcome / "records").glob("*.jsonl")):
        text = path.read_text()
        for document in [text] if path.suffix == ".json" else text.splitlines():
            json.loads(document, parse_constant=_refuse)


def _refuse(constant: str) -> None:
    raise AssertionError(f"{constant} is not JSON")


def killed_in(place: Workplace, call: str, number: int, *options: str, is_any_process: bool = False) -> bool:
    """Launch under strace, killed in the N-th call of a kind that the launcher (or any process) makes; was it?"""
    strace = [
        "strace",
        "-qq",
        "-o",
        "/dev/null",
        "-e",
        f"trace={call}",
        "-e",
        f"inject={call}:signal=KILL:when={number}",
    ]
    follow = ["-f"] if is_any_process else []
    command = [*strace, *follow, sys.executable, "-m", "launcher", "job.toml", *options]
    environment = os.environ | {"PYTHONPATH": str(TOYS)}
    done = subprocess.run(command, cwd=place.folder, env=environment, capture_output=True, timeout=90, check=False)
    return done.returncode < 0


def endings(place: Workplace) -> dict[str, str | None]:
    return {name: one.ending for name, one in read_last_attempts(place.paths.events).items()}


def undisturbed(
    place: Workplace, experiments: dict[str, dict[str, Any]], target: str = "toy:train"
) -> dict[str, list[dict[str, Any]]]:
    """Return the steps that the experiments have when nothing goes wrong."""
    other = Workplace(place.folder / "undisturbed", mark=place.mark)
    other.folder.mkdir()
    other.toy(experiments, target)
    assert other.launch("job.toml", "--parallel").code == 0
    return {name: steps(other, name) for name in experiments}


def steps(place: Workplace, name: str) -> list[dict[str, Any]]:
    return [comparable(metrics) for metrics in place.history(name).steps.values()]
