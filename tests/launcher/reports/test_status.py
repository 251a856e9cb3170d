"""What is known of each experiment for the live view: the newest and best value of a metric, and asking by SIGUSR1."""

from __future__ import annotations

import json
import math
import signal
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from launcher.engine.newest import Newest
from launcher.store.record_summary import RecordSummary
from launcher.store.records import Record
from tests.launcher.conftest import Workplace, wait_for


def step(number: int, attempt: int = 1, **metrics: Any) -> Record:
    return {"n": number, "attempt": attempt, "at_s": 0.1, "step": number, **metrics}


@pytest.mark.parametrize("batch", [1, 2, 100])
def test_the_newest_and_the_best_value_are_those_of_the_table(batch: int) -> None:
    values = [math.nan, 5.0, -math.inf, 3.0, "text", True, 10**400, 7, math.nan]
    records = [step(number, loss=value, tokens_per_s=100.0 * number) for number, value in enumerate(values, 1)]
    records.insert(4, {"n": 99, "attempt": 1, "at_s": 0.1, "kind": "info", "loss": -99.0})
    records.append(step(10, other=1.0))
    summary = RecordSummary(metrics=["loss", "tokens_per_s"])
    for start in range(0, len(records), batch):
        summary.add_all(records[start : start + batch])
    lowest, highest = (Newest.of(summary, "loss", is_maximized=is_maximized) for is_maximized in (False, True))
    assert lowest.value is not None
    assert math.isnan(lowest.value)
    assert (lowest.best, highest.best) == (1.0, 7.0)
    assert (lowest.best_step, highest.best_step) == (6, 8)
    assert (lowest.step, lowest.tokens_per_s) == (10, 900.0)


def test_a_later_attempt_replaces_from_its_first_step_on() -> None:
    summary = RecordSummary(metrics=["loss"])

    def newest(*records: Record) -> tuple[Any, ...]:
        summary.add_all(records)
        found = Newest.of(summary, "loss", is_maximized=False)
        return found.step, found.value, found.best

    assert newest(*(step(number, loss=loss) for number, loss in enumerate([5.0, 4.0, 1.0, 2.0], 1))) == (4, 2.0, 1.0)
    resumed: Record = {"n": 5, "attempt": 2, "at_s": 0.1, "kind": "resume", "step": 2}
    assert newest(resumed) == (4, 2.0, 1.0), "nothing is replaced before the new attempt has a step"
    assert newest(step(3, attempt=2, loss=4.5)) == (3, 4.5, 4.0)
    assert newest(step(4, attempt=2, loss=3.5)) == (4, 3.5, 3.5)


def rows(text: str) -> dict[str, list[str]]:
    """Return the words of each row of the last snapshot in a text, by experiment."""
    lines = text.rsplit(" ended  ", 1)[1].splitlines()[3:]
    return {line.split()[0]: line.split()[1:] for line in lines if line.strip()}


@pytest.mark.slow
def test_sigusr1_prints_all_rows_where_stderr_is_a_pipe(place: Workplace) -> None:
    barrier = str(place.folder / "go")
    before: dict[str, dict[str, Any]] = {"kept": {"steps": 4}}
    place.toy(before, metrics=["loss"])
    assert place.launch("job.toml", "--devices", "0,1").code == 0
    new: dict[str, dict[str, Any]] = {
        "bad": {"at": 3, "act": "raise"},
        "good": {"steps": 2},
        "long": {"steps": 3, "barrier": barrier},
        "later": {},
    }
    place.toy(before | new, metrics=["loss"])
    process = place.start("job.toml", "--devices", "0,1")
    assert process.stderr is not None
    wait_for(lambda: len(place.history("long").steps) == 2)
    process.send_signal(signal.SIGUSR1)
    lines = [process.stderr.readline()]
    while not lines[-1].startswith("logs: logs/job"):
        lines.append(process.stderr.readline())
    Path(barrier).touch()
    _, rest = process.communicate(timeout=60)
    assert process.returncode == 1
    found = rows("".join(lines))
    assert list(found) == ["long", "bad", "later", "good", "kept", "logs:"]
    assert found["long"][:5] == ["running", "cpu:1", "2/3", "8.1873", "8.1873"]
    assert found["bad"][:5] == ["failed", "cpu:1", "2/5", "8.1873", "8.1873"]
    assert found["later"] == ["waiting"]
    assert found["good"][:5] == ["done", "cpu:0", "2/2", "8.1873", "8.1873"]
    assert found["kept"][:5] == ["kept", "cpu:0", "4/4", "6.7032", "6.7032"]
    assert "\x1b" not in "".join(lines) + rest, "no cursor is moved"
    assert rest.count(" ended  ") == 0, "asked once, told once"


def test_sigusr1_at_any_time_ends_nothing(place: Workplace) -> None:
    """From the launcher's first word to its exit, once a few milliseconds: before the loop, in it, and after."""
    place.toy({"a": {}, "b": {}})
    process = place.start("job.toml", "--json")
    assert process.stderr is not None
    assert process.stderr.readline().startswith("sweep job")
    # A slow machine prints more than a pipe holds, and the last words of a launch wait for their reader.
    reader = threading.Thread(target=process.stderr.read)
    reader.start()
    while process.poll() is None:
        process.send_signal(signal.SIGUSR1)
        time.sleep(0.005)
    reader.join()
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    assert {one["ending"] for one in json.loads(out)["endings"].values()} == {"done"}
