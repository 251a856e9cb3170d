"""`ScriptRun`: what a script writes for the worker to follow, what it refuses, and how it hears of a stop."""

from __future__ import annotations

import copy
import json
import math
import os
import pickle
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from launcher.current_run.script_run import ScriptRun
from launcher.store.checkpoints import Checkpoints
from tests.launcher.conftest import wait_for

ROOT = Path(__file__).parents[3]


def environment(folder: Path, **more: str) -> dict[str, str]:
    known = {"NAME": "a", "SEED": "7", "ATTEMPT": "2", "DEVICE": "cuda", "DIR": str(folder / "runs" / "a")}
    known |= {"OUTCOME_DIR": str(folder), "CHECKPOINTS": str(folder / "checkpoints"), "STATE_DIGEST": "d"}
    return {f"LAUNCHER_{key}": value for key, value in (known | more).items()}


@pytest.fixture
def run(tmp_path: Path) -> Iterator[ScriptRun]:
    made = ScriptRun(environment(tmp_path))
    yield made
    made.close()


def lines(folder: Path) -> list[Any]:
    path = folder / "runs" / "a" / ".launcher" / "run.jsonl"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


class OneNumber:
    """Like an array or a tensor of a single number."""

    def item(self) -> float:
        return 0.25


class ManyNumbers:
    """Like an array or a tensor of several numbers."""

    def item(self) -> float:
        raise ValueError("only one element tensors can be converted to Python scalars")


def test_each_call_is_a_line(run: ScriptRun, tmp_path: Path) -> None:
    assert (run.name, run.seed, run.attempt, run.device) == ("a", 7, 2, "cuda")
    assert (run.outcome, run.dir) == (tmp_path, tmp_path / "runs" / "a")
    run.total(90)
    run.info(parameters=3, api_key="abc")
    run.log(3, loss=0.5, note="ü", accuracy=OneNumber())
    run.log(3, nan=math.nan, high=math.inf, low=-math.inf)
    assert lines(tmp_path) == [
        {"kind": "total", "steps": 90},
        {"kind": "info", "parameters": 3, "api_key": "***"},
        {"step": 3, "loss": 0.5, "note": "ü", "accuracy": 0.25},
        {"step": 3, "nan": "nan", "high": "inf", "low": "-inf"},
    ]


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda run: run.log(1, n=3), ValueError, "run.log: n is a reserved name"),
        (lambda run: run.info(step=3), ValueError, "run.info: step is a reserved name"),
        (lambda run: run.log(1.5, loss=1), TypeError, "give a whole number"),
        (lambda run: run.log(-1, loss=1), ValueError, "must be from 0"),
        (lambda run: run.log(1, loss=None), TypeError, "loss is a NoneType"),
        (lambda run: run.log(1, loss=[1]), TypeError, "loss is a list"),
        (lambda run: run.log(1, loss=ManyNumbers()), ValueError, "only one element"),
        (lambda run: run.log(1, loss=1 << 5000), ValueError, "a number of 5001 bits"),
        (lambda run: run.log(1, note="x" * 70_000), ValueError, "a record of 70,"),
        (lambda run: run.total("9"), TypeError, "run.total: steps"),
    ],
)  # fmt: skip
def test_what_a_record_cannot_hold_is_refused(
    run: ScriptRun, tmp_path: Path, call: Any, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        call(run)
    assert lines(tmp_path) == []


def test_steps_never_go_back_in_a_thread(run: ScriptRun, tmp_path: Path) -> None:
    run.log(3, loss=1.0)
    with pytest.raises(ValueError, match="step 2 comes after step 3"):
        run.log(2, loss=1.0)
    other = threading.Thread(target=lambda: run.log(2, loss=1.0))
    other.start()
    other.join()
    assert [line["step"] for line in lines(tmp_path)] == [3, 2]


def test_threads_and_forked_processes_write_whole_lines(run: ScriptRun, tmp_path: Path) -> None:
    def many(name: str) -> None:
        for step in range(200):
            run.log(step, **{name: step})

    run.log(0, first=0)
    threads = [threading.Thread(target=many, args=[f"thread{number}"]) for number in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    code = "import os, launcher; run = launcher.current(); run.log(0, before=0); pids = [os.fork(), os.fork()]\n"
    code += "for step in range(200): run.log(step, **{f'process{os.getpid()}': step})\n"
    code += "[os.waitpid(pid, 0) for pid in pids if pid]"
    subprocess.run([sys.executable, "-c", code], env=os.environ | environment(tmp_path), cwd=ROOT, check=True)
    found = lines(tmp_path)
    assert len(found) == 1 + 3 * 200 + 1 + 4 * 200
    for name in {key for line in found for key in line} - {"step", "first", "before"}:
        assert [line[name] for line in found if name in line] == list(range(200))


def test_only_the_first_rank_records_and_every_rank_hears_of_a_stop(
    run: ScriptRun, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RANK", "1")
    run.total(3)
    run.info(a=1)
    run.log(1, loss=1.0)
    run.save({"a": 1}, 1)
    assert not (tmp_path / "runs").exists()
    assert not (tmp_path / "checkpoints").exists()
    stop_file(tmp_path)
    assert ScriptRun(environment(tmp_path)).should_stop
    monkeypatch.setenv("RANK", "0")
    run.log(1, loss=1.0)
    assert lines(tmp_path) == [{"step": 1, "loss": 1.0}]


def test_a_script_that_starts_its_ranks_itself_tells_torch_alone(
    run: ScriptRun, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Distributed:
        rank = 1

        def is_initialized(self) -> bool:
            return True

        def get_rank(self) -> int:
            return self.rank

    monkeypatch.setitem(sys.modules, "torch.distributed", Distributed())  # type: ignore[arg-type]
    run.log(1, loss=1.0)
    assert lines(tmp_path) == []
    Distributed.rank = 0
    run.log(1, loss=2.0)
    assert lines(tmp_path) == [{"step": 1, "loss": 2.0}]


def stop_file(folder: Path) -> None:
    path = folder / "runs" / "a" / ".launcher" / "stop"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()


def test_the_file_asks_for_a_stop(run: ScriptRun, tmp_path: Path) -> None:
    before = signal.getsignal(signal.SIGTERM)
    try:
        assert not run.should_stop
        assert not run.should_save
        assert not run.was_stopped
        stop_file(tmp_path)
        wait_for(lambda: run.should_save)
        assert not run.was_stopped, "the script has not been told yet"
        assert run.should_stop
        assert run.was_stopped
    finally:
        signal.signal(signal.SIGTERM, before)


ASKS = """
import launcher, time
run = launcher.current()
print("begun", run.should_stop, flush=True)
step = 0
while not run.should_stop:
    step += 1
    run.log(step, loss=1.0)
    time.sleep(0.01)
print("stopped", run.was_stopped)
"""


def test_a_script_that_asks_is_not_ended_by_the_signal(tmp_path: Path) -> None:
    known = os.environ | environment(tmp_path)
    with subprocess.Popen(
        [sys.executable, "-c", ASKS], env=known, cwd=ROOT, stdout=subprocess.PIPE, text=True
    ) as script:
        assert script.stdout is not None
        assert script.stdout.readline() == "begun False\n"
        wait_for(lambda: lines(tmp_path))
        script.send_signal(signal.SIGTERM)
        assert script.stdout.read() == "stopped True\n"
    assert script.returncode == 0


def test_a_handler_that_somebody_has_set_stays(tmp_path: Path) -> None:
    code = "import signal; mine = lambda *_: print('mine', flush=True); signal.signal(signal.SIGTERM, mine)\n"
    code += "import launcher, os; launcher.current().should_stop; os.kill(os.getpid(), signal.SIGTERM)\n"
    code += "print(launcher.current().should_stop)"
    done = subprocess.run(
        [sys.executable, "-c", code], env=os.environ | environment(tmp_path), cwd=ROOT, capture_output=True, text=True
    )
    assert done.stdout == "mine\nFalse\n", (
        "the library that has the signal decides, and the launcher's file tells of it"
    )


def test_a_state_is_saved_for_the_next_attempt(run: ScriptRun, tmp_path: Path) -> None:
    assert run.load() is None
    run.save({"weights": [1, 2]}, 5)
    later = ScriptRun(environment(tmp_path, ATTEMPT="3"))
    assert later.load() == {"weights": [1, 2]}
    later.close()
    assert lines(tmp_path) == [
        {"kind": "phase", "phase": "in the checkpoint of step 5"},
        {"kind": "phase", "phase": "after step 5"},
        {"kind": "resume", "step": 5},
    ]
    assert Checkpoints(tmp_path / "checkpoints", "a", "d").has_any()
    assert ScriptRun(environment(tmp_path, STATE_DIGEST="other")).load() is None, "it is of another configuration"


def test_the_time_to_save_is_that_of_the_job(tmp_path: Path) -> None:
    assert ScriptRun(environment(tmp_path, CHECKPOINT_S="0")).should_save
    assert not ScriptRun(environment(tmp_path, CHECKPOINT_S="3600")).should_save


def test_a_checkpoint_that_cannot_be_written_is_told_and_training_goes_on(
    run: ScriptRun, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "checkpoints").write_text("not a folder")
    run.save({"a": 1}, 2)
    assert "the checkpoint of step 2 could not be written" in capsys.readouterr().out


def test_a_line_that_was_torn_does_not_spoil_the_next(
    run: ScriptRun, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = os.write
    answers = [lambda fd, data: write(fd, data[:5]), lambda fd, data: (_ for _ in ()).throw(OSError(28, "full"))]
    with monkeypatch.context() as patched:
        patched.setattr(os, "write", lambda fd, data: answers.pop(0)(fd, data))
        with pytest.raises(OSError, match="full"):
            run.log(1, loss=1.0)
    run.log(2, loss=1.0)
    text = (tmp_path / "runs" / "a" / ".launcher" / "run.jsonl").read_text()
    assert text == '{"ste\n{"step": 2, "loss": 1.0}\n'


def test_a_copy_that_is_sent_to_another_process_records_as_well(
    run: ScriptRun, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for key, value in environment(tmp_path).items():
        monkeypatch.setenv(key, value)
    assert copy.deepcopy(run) is run
    sent = pickle.loads(pickle.dumps(run))  # noqa: S301  our own bytes
    sent.log(1, loss=1.0)
    sent.close()
    assert lines(tmp_path) == [{"step": 1, "loss": 1.0}]


RANK = """
import launcher, sys, time
run = launcher.current()
num_asked = 0
while True:
    num_asked += 1
    if run.should_stop:
        break
    if num_asked == 1:
        print("asked", flush=True)
    time.sleep(0.001)
print(num_asked, [run.should_stop for _ in range(3)], run.was_stopped)
"""


def test_all_ranks_stop_at_the_same_question(tmp_path: Path) -> None:
    old = tmp_path / "runs" / "a" / ".launcher" / "ranks" / "1-99-.should_stop"
    old.parent.mkdir(parents=True)
    old.touch()
    known = os.environ | environment(tmp_path) | {"WORLD_SIZE": "2", "MASTER_PORT": "1234"}
    ranks = [
        subprocess.Popen(
            [sys.executable, "-c", RANK], env=known | {"RANK": str(rank)}, cwd=ROOT, stdout=subprocess.PIPE, text=True
        )
        for rank in range(2)
    ]
    try:
        for rank in ranks:
            assert rank.stdout is not None
            assert rank.stdout.readline() == "asked\n"
        ranks[0].send_signal(signal.SIGTERM)  # only this rank hears of it
        told = [rank.communicate(timeout=30)[0] for rank in ranks]
    finally:
        for rank in ranks:
            rank.kill()
            rank.communicate()
    assert told[0] == told[1]
    assert told[0].endswith("[True, True, True] True\n")
    assert [path.name for path in old.parent.iterdir()] == ["2-1234-.should_stop"], (
        "of earlier attempts nothing is left"
    )
