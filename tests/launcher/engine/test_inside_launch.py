"""Scripts that run inside the forked worker, `inside = true`."""

from __future__ import annotations

import json
import signal

import pytest

from tests.launcher.conftest import TOYS, Workplace, wait_for
from tests.launcher.engine.test_script_launch import LOG, ended, job

SCRIPTS = TOYS / "scripts"


def inside(place: Workplace, *words: str, preload: tuple[str, ...] = ("numpy",), num: int = 1, **more: object) -> None:
    """Write a job that runs the script `inner` inside the worker."""
    command = ["{python}", *(words or (str(SCRIPTS / "inner.py"),))]
    table = {"command": command, "log": ["step {step}: x {x}"], "inside": True, "preload": list(preload)}
    table |= {"metrics": [], "grace_s": 5, "check": False, **more}
    rows = [f"{key} = {json.dumps(value)}" for key, value in table.items()]
    names = [f'"e{number}" = {{}}' for number in range(num)]
    place.job("\n".join(["[sweep]", *rows, "[experiments]", *names, ""]))


def test_a_script_inside_runs_as_a_script_of_its_own(place: Workplace) -> None:
    inside(place, num=2)
    result = place.launch("job.toml", "--parallel")
    assert result.code == 0, result.err
    log = place.log("e0")
    assert "argv [] name __main__ file inner.py" in log
    assert f"where {place.folder} first {SCRIPTS}" in log
    assert "pickled Thing" in log
    assert "spawned [9, 16]" in log
    assert "thread ran" in log
    assert "atexit ran" in log
    drawn = [[step["x"] for step in place.history(name).steps.values()] for name in ("e0", "e1")]
    assert len(drawn[0]) == 2
    assert not set(drawn[0]) & set(drawn[1]), "unseeded generators differ from process to process"


OWN_CLASSES = """
import multiprocessing
import pathlib

class Result:
    loss = 0.5

class Writer:
    def __del__(self):
        pathlib.Path("deleted.txt").write_text("its globals are there")

writer = Writer()
if __name__ == "__main__":
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        result = pool.apply(Result)
    assert type(result) is Result
    print("step 1: x", result.loss)
"""


def test_04_objects_of_a_script_inside_come_back_from_its_children_and_are_deleted_at_its_end(place: Workplace) -> None:
    (place.folder / "own.py").write_text(OWN_CLASSES)
    inside(place, "own.py", preload=())
    result = place.launch("job.toml")
    assert result.code == 0, place.log("e0")
    assert (place.folder / "deleted.txt").read_text() == "its globals are there"


def test_its_exit_code_counts(place: Workplace) -> None:
    inside(place, str(SCRIPTS / "inner.py"), "3")
    result = place.launch("job.toml")
    assert result.code == 1
    assert place.history("e0").end["error"] == "exit code 3"  # type: ignore[index]
    assert "atexit ran" in place.log("e0")


def test_a_module_runs_inside(place: Workplace) -> None:
    (place.folder / "pack").mkdir()
    (place.folder / "pack" / "__init__.py").touch()
    (place.folder / "pack" / "train.py").write_text(
        "from . import __name__ as p\nprint('step 1: x 5', p, __package__)\n"
    )
    inside(place, "-m", "pack.train")
    result = place.launch("job.toml")
    assert result.code == 0, place.log("e0")
    assert "step 1: x 5 pack pack" in place.log("e0")


def test_an_error_inside_is_told_as_of_a_script(place: Workplace) -> None:
    job(place, {"a": {"then": "raise"}}, inside=True, preload=[])
    result = place.launch("job.toml")
    assert result.code == 1
    assert place.history("a").end["error"] == "ValueError: the data is wrong (exit code 1)"  # type: ignore[index]
    trace = place.log("a").split("Traceback")[1]
    assert "train.py" in trace
    assert "launcher/worker" not in trace


def test_objects_come_back_from_the_children_of_a_script_whose_values_are_set_too(place: Workplace) -> None:
    (place.folder / "own.py").write_text(OWN_CLASSES)
    inside(place, "own.py", preload=(), args="globals", kill_after_s=20)
    assert place.launch("job.toml").code == 0, place.log("e0")


@pytest.mark.slow
def test_a_script_inside_is_stopped_and_goes_on(place: Workplace) -> None:
    resume = '{ if = "{dir}/checkpoint.txt", args = ["--resume"] }'
    steps = {"a": {"steps": 40, "pause": 0.02, "on-stop": "save"}}
    job(place, steps, resume=resume, inside=True, preload=[], log=[LOG])
    process = place.start("job.toml")
    wait_for(lambda: "step 4:" in place.log("a"))
    process.send_signal(signal.SIGTERM)
    assert ended(process) == 143
    assert place.launch("job.toml").code == 0
    assert list(place.history("a").steps) == list(range(1, 41))


@pytest.mark.parametrize(
    ("command", "told"),
    [
        (["./fit"], "only a Python script runs inside the worker"),
        (["{python}", "-X", "dev", "t.py"], "no options of Python"),
        (["/usr/bin/python3", "t.py"], "another Python"),
        (["torchrun", "t.py"], "only a Python script runs inside the worker"),
    ],
)
def test_what_cannot_run_inside_is_refused(place: Workplace, command: list[str], told: str) -> None:
    (place.folder / "t.py").touch()
    place.job(f"[sweep]\ncommand = {json.dumps(command)}\ninside = true\n[experiments]\na = {{}}\n")
    result = place.launch("job.toml")
    assert result.code == 2
    assert told in result.err
