"""What a target calls: threads and forked children that record, numbers too large, a full disk, NaN."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from launcher.records import RecordReader
from tests.launcher.conftest import Workplace

TARGET = """
import math, os, resource, signal, sys, threading, time

def run(config: dict, run):
    globals()[run.name](run)

def threads(run):
    errors = []
    def work(number):
        try:
            for step in range(1, 301):
                run.log(step, **{f"metric_{number}": step + number / 10})
        except BaseException as error:
            errors.append(error)
    workers = [threading.Thread(target=work, args=(number,)) for number in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    if errors:
        raise errors[0]

def back(run):
    run.log(2, loss=1.0)
    run.log(1, loss=1.0)

def child(run):
    run.log(1, loss=1.0)
    said, say = os.pipe()
    if not os.fork():
        told = []
        for call in (lambda: run.log(2, loss=0.0), lambda: run.info(x=1), lambda: run.save({}, 2)):
            try:
                call()
            except RuntimeError as error:
                told.append(str(error))
        os.write(say, "|".join(told).encode())
        os._exit(0)
    os.wait()
    run.info(told=os.read(said, 10000).decode())

def returning(run):
    run.log(1, loss=1.0)
    for how in range(3):
        if not os.fork():
            print("of a child")
            if how == 0:
                return
            if how == 1:
                sys.exit(3)
            raise ValueError("of a child")
    run.info(codes=" ".join(sorted(str(os.waitstatus_to_exitcode(os.wait()[1])) for _ in range(3))))

def signalled(run):
    steps = iter(range(1, 1000))
    signal.signal(signal.SIGALRM, lambda *_: run.info(at=next(steps)))
    signal.setitimer(signal.ITIMER_REAL, 0.0005, 0.0005)
    for step in range(1, 2001):
        run.log(step, loss=float(step))
    signal.setitimer(signal.ITIMER_REAL, 0)

def sizes(run):
    told = []
    for call, values in (
        [(run.total, [steps]) for steps in (10**400, -1, 1.5, math.nan, True, "3")]
        + [(lambda step: run.log(step, loss=1.0), [step]) for step in (10**400, -1, 2**63, 1.0)]
        + [(run.save, [{}, step]) for step in (2**63, -1)]
        + [(lambda x: run.info(x=x), [x]) for x in (10**5000, "x" * 2**27)]
        + [(lambda loss: run.log(1, loss=loss), [-(10**5000)])]
    ):
        try:
            call(*values)
            told.append("accepted")
        except (TypeError, ValueError) as error:
            told.append(f"{type(error).__name__}: {error}")
    run.info(told="|".join(told), text="\\ud800\\0é")
    run.log(0, loss=2.0, big=10**400, whole=2**53 + 1)
    run.log(1, loss=1.0, note="\\ud800")
    run.total(2**63 - 1)

def nan(run):
    for step in range(1, 6):
        run.log(step, loss=math.nan if step > 1 else 1.0, other=math.inf if step == 3 else 1.0)
"""


def write_target(place: Workplace, names: list[str], **settings: Any) -> Path:
    (place.folder / "calls.py").write_text(TARGET)
    return place.toy({name: {} for name in names}, target="calls:run", **settings)


def numbers_of(path: Path) -> list[int]:
    return [json.loads(line)["n"] for line in path.read_text().splitlines()]


def test_34_threads_children_and_signal_handlers_record_without_harm(place: Workplace) -> None:
    names = ["threads", "back", "child", "returning", "signalled"]
    result = place.launch(str(write_target(place, names)), "--parallel", "--devices", "cpu")
    assert result.code == 1, result.err  # `back` failed, no other
    for name in names:
        numbers = numbers_of(place.paths.records(name))
        assert numbers == list(range(1, len(numbers) + 1)), name
    threads = place.history("threads")
    assert list(threads.steps) == list(range(1, 301))
    assert all(threads.steps[step] == {f"metric_{n}": step + n / 10 for n in range(3)} for step in threads.steps)
    assert threads.last_step == 300
    assert "back: failed" in result.err or "back failed" in result.err
    assert "step 1 comes after step 2; steps never go back" in result.err
    child = place.history("child")
    assert list(child.steps) == [1]
    told = child.info["told"].split("|")
    assert len(told) == 3
    assert all("only the process that was given run records" in one for one in told)
    returning = place.history("returning")
    assert returning.info["codes"] == "0 1 3"
    ends = [one for one in RecordReader(place.paths.records("returning")).read() if one.get("kind") == "end"]
    assert [end["ending"] for end in ends] == ["done"]
    assert place.log("returning").count("of a child\n") >= 3
    assert "ValueError: of a child" in place.log("returning")
    assert list(place.history("signalled").steps) == list(range(1, 2001))


def test_F6_D5_odd_numbers_are_refused_at_the_source_or_told_at_once(place: Workplace) -> None:
    job = write_target(place, ["sizes", "nan"], metrics=["loss", "other"])
    result = place.launch(str(job), "--parallel", "--devices", "cpu")
    assert result.code == 0, result.err
    history = place.history("sizes")
    told = history.info["told"].split("|")
    assert [line.partition(":")[0] for line in told] == [
        *["ValueError"] * 2, *["TypeError"] * 4, *["ValueError"] * 3, "TypeError", *["ValueError"] * 5,
    ]  # fmt: skip
    assert told[0] == "ValueError: run.total: steps is a number of 1329 bits; it must be from 0 to 2**63 - 1"
    assert "run.total: steps is 1.5, a float" in told[2]
    assert "x is a number of 16610 bits" in told[12]
    assert "a record of 134,217,794 bytes" in told[13]
    assert history.steps[0] == {"loss": 2.0, "big": 10**400, "whole": 2**53 + 1}  # 14, D18, 52: exact, and from 0
    assert history.steps[1]["note"] == "\ud800"
    assert (history.last_step, history.total) == (1, 2**63 - 1)
    for command in ("status", "plan"):
        again = place.launch(command, str(job))
        assert again.code == 0, again.err
    told_at_once = 'loss is nan since step 2; training goes on (on_nan = "stop" ends it)'
    assert result.err.count(f"nan: {told_at_once}.") == 1
    assert place.log("nan").count(told_at_once) == 1
    assert "nan: other is inf since step 3; training goes on." in result.err
    assert "nan: done, but loss was nan from step 2 on; other was inf at step 3, 5 steps" in result.err
    assert "done, but loss was nan from step 2 on" in place.log("nan")
