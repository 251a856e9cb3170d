"""Scripts with `launcher.current()` in launches: what they record, how they stop, and how they go on."""

from __future__ import annotations

import json
import signal
from typing import Any

import pytest

from launcher.store.records import RecordReader
from tests.launcher.conftest import Workplace, wait_for

SCRIPT = """
import argparse, time
import launcher

parser = argparse.ArgumentParser()
parser.add_argument("--steps", type=int, default=5)
parser.add_argument("--pause", type=float, default=0.0)
args = parser.parse_args()

run = launcher.current()
state = run.load() or {"step": 0}
run.total(args.steps)
run.info(parameters=3, api_key="abc")
for step in range(state["step"] + 1, args.steps + 1):
    run.log(step, loss=1 / step)
    state["step"] = step
    if run.should_save:
        run.save(state, step)
    if run.should_stop:
        break
    time.sleep(args.pause)
(run.dir / "done.txt").write_text(f"{run.name} {run.seed} {run.attempt} {run.device} {run.was_stopped}")
"""


def write_job(place: Workplace, given: str = "", **settings: Any) -> None:
    (place.folder / "train.py").write_text(SCRIPT)
    table = {"command": ["{python}", "train.py"], "metrics": [], "grace_s": 20, "telemetry_s": 0} | settings
    rows = [f"{key} = {json.dumps(value)}" for key, value in table.items()]
    place.job("\n".join(["[sweep]", *rows, "[experiments]", f"a = {{ {given} }}", ""]))


def records(place: Workplace, key: str) -> list[Any]:
    return [record[key] for record in RecordReader(place.paths.records("a")).read() if key in record]


def test_what_a_script_says_is_recorded(place: Workplace) -> None:
    write_job(place, seed=7)
    done = place.launch("job.toml")
    assert done.code == 0, done.err + place.log("a")
    history = place.history("a")
    assert {step: values["loss"] for step, values in history.steps.items()} == {step: 1 / step for step in range(1, 6)}
    assert (history.total, records(place, "parameters"), records(place, "api_key")) == (5, [3], ["***"])
    own = place.paths.outcome / "runs" / "a"
    assert (own / "done.txt").read_text() == "a 7 1 cpu False"


@pytest.mark.slow  # torch is imported for each checkpoint's format
def test_a_script_that_is_asked_saves_ends_and_goes_on(place: Workplace) -> None:
    write_job(place, "steps = 2000, pause = 0.02")
    launch = place.start("job.toml")
    wait_for(lambda: (place.history("a").last_step or 0) > 3)
    launch.send_signal(signal.SIGINT)
    launch.communicate(timeout=60)
    end = place.history("a").end
    assert end is not None, place.log("a")
    assert end["ending"] == "interrupted"
    assert (place.paths.outcome / "runs" / "a" / "done.txt").read_text() == "a 0 1 cpu True"
    saved = place.history("a").last_step
    assert list((place.paths.outcome / "checkpoints" / "a").glob("step-*.ckpt"))

    write_job(place, "steps = 2000, pause = 0.02")
    again = place.start("job.toml")
    wait_for(lambda: (place.history("a").last_step or 0) > saved)
    again.send_signal(signal.SIGINT)
    again.communicate(timeout=60)
    assert records(place, "step").count(saved) <= 2, "the step that was saved is not trained again"
    resumed = [
        record["step"] for record in RecordReader(place.paths.records("a")).read() if record.get("kind") == "resume"
    ]
    assert resumed == [saved]
    steps = list(place.history("a").steps)
    assert steps == list(range(1, len(steps) + 1))
