"""What a target calls: threads and forked children that record, numbers too large, a full disk, NaN."""

from __future__ import annotations

import json
import math
import os
import resource
from pathlib import Path
from typing import Any

from launcher.engine.classify_ending import Circumstances, classify
from launcher.engine.newest import Newest
from launcher.engine.notices import Notices
from launcher.executors.base import ProcessExit
from launcher.store.curve import curve_of
from launcher.store.history import History, read_history
from launcher.store.record_summary import RecordSummary
from launcher.store.records import RecordReader, RecordWriter
from launcher.store.summary_file import read_summary
from launcher.worker.bell import UNWRITTEN_EXIT_CODE, BellReader, send_last_word
from tests.launcher.conftest import Workplace

TARGET = """
import copy, math, multiprocessing, os, resource, signal, sys, threading, time

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

def outside(run, answers):
    try:
        run.log(2, loss=0.0)
    except RuntimeError as error:
        answers.put(f"{run.name} {error}")

def sent(run):
    assert copy.copy(run) is run and copy.deepcopy([run])[0] is run
    context = multiprocessing.get_context("spawn")
    answers = context.Queue()
    process = context.Process(target=outside, args=(run, answers))
    process.start()
    run.info(told=answers.get())
    process.join()

def diverging(run):
    thread = threading.Thread(target=run.log, args=(1,), kwargs={"loss": math.nan})
    threading.excepthook = lambda _: None
    thread.start()
    thread.join()
    assert run.should_stop

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

def records_of(run):
    return run.outcome / "records" / f"{run.name}.jsonl"

def limit(run, more):
    size = records_of(run).stat().st_size + more if more is not None else resource.RLIM_INFINITY
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))

def full(run):
    run.log(1, loss=1.0, text="x" * 5000)
    limit(run, 10)
    run.log(2, loss=1.0)

def full_in_the_end(run):
    run.log(1, loss=1.0)
    limit(run, 0)

def full_and_wrong(run):
    run.log(1, loss=1.0)
    limit(run, 0)
    raise ValueError("the target's own fault")

def swallowed(run):
    run.log(1, loss=1.0)
    limit(run, 10)
    for step in (2, 3):
        try:
            run.log(step, loss=1.0)
        except OSError:
            pass
    limit(run, None)
    run.log(4, loss=1.0)

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
    names = ["threads", "back", "child", "sent", "returning", "signalled", "diverging"]
    job = write_target(place, names, metrics=["loss"], on_nan="stop")
    result = place.launch(str(job), "--parallel", "--devices", "cpu")
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
    assert "only the process that was given run records" in place.history("sent").info["told"]
    assert "diverging diverged" in result.err
    assert "Diverged: loss is nan at step 1, after step 1" in result.err
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
    assert "a record of 134,217,7" in told[13]
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


def small_files() -> None:
    """In the launcher to be: no file may have more than 4096 bytes."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, resource.RLIM_INFINITY))


def test_35_a_full_disk_under_the_records_is_the_reason_that_is_told(place: Workplace) -> None:
    job = write_target(place, ["full", "full_in_the_end", "full_and_wrong", "swallowed"])
    result = place.launch(str(job), "--parallel", "--devices", "cpu")
    assert result.code == 1
    errno = "OSError: [Errno 27] File too large"
    assert f" at step 1: {errno} (calls.py:" in result.err
    assert f"at step 1: {errno}, after step 1" in result.err.partition("full_in_the_end failed")[2]
    assert (
        "at step 1: ValueError: the target's own fault (calls.py:" in result.err.partition("full_and_wrong failed")[2]
    )
    assert (
        "swallowed: done, but 2 of its records could not be written ([Errno 27] File too large), 2 steps" in result.err
    )
    assert numbers_of(place.paths.records("swallowed")) == [1, 2, 3, 4, 5]
    events = [json.loads(line) for line in place.paths.events.read_text().splitlines()]
    told = {event["experiment"]: event["why"] for event in events if event["event"] == "ended"}
    assert errno in told["full"]
    digest = place.history("full").start["digest"]  # now a disk that is full from the start
    checkpoint = place.paths.checkpoints("full") / "step-000000000001.ckpt"
    checkpoint.parent.mkdir(parents=True)
    checkpoint.write_text(json.dumps({"experiment": "full", "digest": digest, "step": 1}) + "\n")
    process = place.start(str(job), "--only", "full", "--devices", "cpu", preexec_fn=small_files)
    _, told_now = process.communicate(timeout=60)
    assert process.returncode == 1, told_now
    assert "its records cannot be written: [Errno 27] File too large, in set-up" in told_now


def test_35_a_last_word_comes_by_the_bell_among_others_and_a_lost_one_by_the_exit_code() -> None:
    ours, theirs = os.pipe2(os.O_NONBLOCK)
    reader = BellReader()
    for piece in (b"!!!", b"!"):
        os.write(theirs, piece)
        reader.feed(os.read(ours, 100))
    assert reader.last_word is None
    send_last_word(theirs, {"ending": "failed", "error": "\U0001f600" * 5000})
    reader.feed(os.read(ours, 1000))
    assert reader.last_word is None  # not whole
    reader.feed(os.read(ours, 10000))
    word = reader.last_word
    assert word is not None
    assert word["error"].startswith("\U0001f600")
    os.close(ours)
    send_last_word(theirs, {"ending": "failed", "error": "nobody hears"})
    os.close(theirs)
    ending = classify(ProcessExit(code=1), History(), Circumstances(last_word={"ending": "failed", "error": "no room"}))
    assert str(ending) == "failed: no room, in set-up"
    assert "its records could not be written" in str(
        classify(ProcessExit(code=UNWRITTEN_EXIT_CODE), History(), Circumstances())
    )


def test_34_readers_put_the_steps_of_threads_in_order(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    notices, summary = Notices(["loss"], is_stopped=False), RecordSummary(metrics=["loss"])
    history, light = History(), History(metrics=())
    steps = {1: [10, 11, 1, 2, 12, 3], 2: [12, 4, 13, 2]}
    for attempt, logged in steps.items():
        writer = RecordWriter(path, attempt)
        for step in logged:
            writer.write({"loss": math.nan if step == 13 else step + attempt / 10}, step)
        writer.close()
    records = list(RecordReader(path).read())
    for number, record in enumerate(records):
        history.add(record)
        light.add(record)
        summary.add_all([record])
        if number > 5:
            notices.look([record], summary)
    expected = {1: 1.1, 2: 2.2, 4: 4.2, 12: 12.2}
    assert {step: values["loss"] for step, values in history.steps.items() if step != 13} == expected
    assert list(history.steps) == list(history.at_s) == list(light.steps) == [1, 2, 4, 12, 13]
    assert history.last_step == light.last_step == 13
    few = read_history(path, ["loss"])
    assert list(few.steps) == [1, 2, 4, 12, 13]
    curve = curve_of(read_summary(path, ["loss"]).series["loss"])
    assert curve is not None
    assert (few.last_step, curve.best) == (13, 1.1)
    assert math.isnan(curve.newest)
    newest = Newest.of(summary, "loss", is_maximized=False)
    assert math.isnan(newest.value or 0.0)
    assert (newest.step, newest.best, notices.verdict(summary)) == (13, 1.1, "loss was nan from step 13 on")


def test_09_a_directory_changed_by_configuration_or_prepare_moves_nothing(place: Workplace) -> None:
    (place.folder / "scratch").mkdir()
    (place.folder / "moving.py").write_text(
        "import os\nfrom dataclasses import dataclass\nos.chdir('scratch')\n"
        "@dataclass\nclass Config:\n    lr: float = 0.1\n"
    )
    (place.folder / "moves.py").write_text(
        "from moving import Config\nimport os\n"
        "def prepare(config: Config):\n    os.mkdir(f'here {config.lr}')\n    os.chdir('/')\n"
        "    if not os.fork(): raise ValueError('of a child')\n    os.wait()\n"  # F14: which answers for nobody
        "def run(config: Config, run):\n    run.log(1, loss=config.lr)\n    (run.outcome / 'made.txt').touch()\n"
    )
    job = place.toy({"a": {}, "b": {"lr": 0.2}}, target="moves:run")
    result = place.launch(str(job), "--devices", "cpu")
    assert result.code == 0, result.err
    assert place.history("a").steps == {1: {"loss": 0.1}}
    assert (place.paths.outcome / "made.txt").exists()
    assert (place.paths.outcome / "results_table.csv").exists()
    assert sorted(path.name for path in (place.folder / "scratch").iterdir()) == ["here 0.1", "here 0.2"]
