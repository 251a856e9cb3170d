"""The fault table, workers: what is done to one, and what must be true afterwards. docs/faults.md tells it to users."""

from __future__ import annotations

import os
import re
import resource
import signal
import time

import psutil
import pytest

from launcher.store.attempts import read_last_attempts
from tests.launcher.conftest import Cards, Workplace, wait_for
from tests.launcher.faults import TRACES, check, endings, steps, undisturbed

pytestmark = pytest.mark.slow


def test_01_a_killed_worker_costs_its_neighbour_nothing(place: Workplace) -> None:
    expected = undisturbed(place, {"b": {"steps": 30}, "c": {}})
    place.toy({"a": {"steps": 20, "at": 11, "act": "kill"}, "b": {"steps": 30, "step_s": 0.01}, "c": {}})
    result = place.launch("job.toml", "--parallel", "--devices", "0,1")
    assert result.code == 1
    assert endings(place) == {"a": "killed", "b": "done", "c": "done"}
    assert "a was killed on cpu:0 at step 10 of 20: SIGKILL, after step 10." in result.err
    assert {name: steps(place, name) for name in expected} == expected
    check(place, "a", "b", "c")


def test_02_a_kill_inside_a_large_record_tears_only_that(place: Workplace) -> None:
    place.toy({"a": {"at": 3, "act": "torn"}, "b": {"steps": 20}})
    assert place.launch("job.toml", "--parallel").code == 1
    assert endings(place) == {"a": "killed", "b": "done"}
    assert list(place.history("a").steps) == [1, 2]
    raw = place.paths.records("a").read_bytes()
    assert len(raw) == 2**20, "the record is torn where the kernel stopped it"
    place.toy({"a": {}, "b": {"steps": 20}})
    assert place.launch("job.toml").code == 0
    check(place, "a", "b")


# How an experiment fails, and what its last line then says.
CAUSES = {"signal": "SIGSEGV", "code": "exit code 3", "exit": "told to exit|exit code 1", "exception": "told to fail"}


@pytest.mark.parametrize("stage", ["set-up", "step", "checkpoint", "teardown"])
def test_03_every_failure_at_every_stage_is_told(place: Workplace, stage: str) -> None:
    """One launch a stage: an experiment for each way to fail, of which none costs the others anything."""
    preload = ["torch"] if stage == "checkpoint" else []  # which saves with it
    target = f'target = "stages:run"\npreload = {preload}\nmetrics = []'
    experiments = "\n".join(f'{how} = {{ stage = "{stage}", how = "{how}" }}' for how in CAUSES)
    place.job(f"[sweep]\n{target}\n[experiments]\n{experiments}\n")
    assert place.launch("job.toml", "--devices", "0").code == 1
    place_of = {"set-up": "in set-up", "step": "after step 2", "checkpoint": "in the checkpoint of step 2"}
    for how, cause in CAUSES.items():
        last = place.log(how).splitlines()[-1]
        assert last.startswith(f"=== {how} ")
        if (stage, how) == ("teardown", "exception"):  # multiprocessing prints it and exits with 0: it was trained
            assert endings(place)[how] == "done"
        else:
            assert endings(place)[how] != "done"
            assert place_of.get(stage, "in teardown") in last
            assert re.search(cause, last), last
        if how != "code":  # os._exit leaves no trace anywhere
            assert any(trace in place.log(how) for trace in TRACES)
    check(place, *CAUSES)


@pytest.mark.parametrize("act", ["stop", "sleep", "stuck"])
def test_04_05_06_a_worker_that_hangs_is_found_and_its_stack_is_in_the_log(place: Workplace, act: str) -> None:
    place.toy({"a": {"at": 3, "act": act}, "b": {"steps": 150, "step_s": 0.01}, "c": {}}, kill_after_s=1.5)
    result = place.launch("job.toml", "--parallel", "--devices", "0,1")
    assert result.code == 1
    assert endings(place) == {"a": "hung", "b": "done", "c": "done"}
    assert "no record for 1 s: its stacks go to its log" in result.err.replace("for 2 s", "for 1 s")
    assert "toy.py" in place.log("a"), "the stack names the line"
    assert read_last_attempts(place.paths.events)["a"].seconds < 1.5 + 1 + 1
    check(place, "a", "b", "c")


def test_04_a_long_silence_is_marked(place: Workplace) -> None:
    place.toy({"a": {"at": 2, "act": "sleep"}}, stall_after_s=0.5, kill_after_s=1.5)
    result = place.launch("job.toml")
    assert "it uses no CPU, so it probably hangs" in result.err


def test_08_children_of_all_kinds_end_with_a_killed_worker(place: Workplace) -> None:
    place.toy({"a": {"at": 2, "act": "mp children", "barrier": "never"}})
    process = place.start("job.toml")
    wait_for(lambda: len(place.history("a").steps) == 4)
    start = place.history("a").start
    assert start is not None
    os.kill(start["pid"], signal.SIGKILL)
    process.communicate(timeout=60)
    assert process.returncode == 1
    check(place, "a")


@pytest.mark.parametrize("act", ["memory", "cuda memory"])
def test_16_17_a_want_of_memory_is_recognised(place: Workplace, act: str) -> None:
    preload = ["torch"] if act == "cuda memory" else []
    place.toy({"a": {"at": 3, "act": act}, "b": {}}, preload=preload)
    result = place.launch("job.toml")
    assert result.code == 1
    assert endings(place) == {"a": "out_of_memory", "b": "done"}
    assert "Try a smaller batch" in result.err
    check(place, "a", "b")


def test_17_a_cuda_error_dies_with_its_process(place: Workplace) -> None:
    place.toy({"a": {"at": 3, "act": "cuda assert"}, "b": {}})
    assert place.launch("job.toml").code == 1
    pids = {name: history.start["pid"] for name in "ab" if (history := place.history(name)).start}
    assert pids["a"] != pids["b"]
    check(place, "a", "b")


def test_18_a_device_on_which_two_experiments_die_at_once_is_set_aside(driver: Workplace, cards: Cards) -> None:
    place = driver
    names = [f"e{number}" for number in range(6)]
    (place.folder / "sick.py").write_text(
        "import json, pathlib\nfrom toy import ToyConfig, train\n"
        "def run(config: ToyConfig, run) -> None:\n"
        "    lines = pathlib.Path('outcome/job/events.jsonl').read_text().splitlines()\n"
        "    events = [json.loads(line) for line in lines]\n"
        "    mine = [one for one in events if one['event'] == 'started' and one['experiment'] == run.name][-1]\n"
        "    if mine['device'] == 'GPU 1':\n"
        "        raise RuntimeError('CUDA error: unknown error')\n"
        "    train(config, run)\n"
    )
    place.toy({name: {"steps": 5, "step_s": 0.1} for name in names}, target="sick:run")
    result = place.launch("job.toml", "--parallel", "--devices", "0,1")
    assert "GPU 1 is set aside" in result.err
    assert set(endings(place).values()) == {"done"}
    assert result.code == 0, result.err
    check(place, *names)


def test_19_divergence_stops_if_asked(place: Workplace) -> None:
    place.toy({"a": {"act": "nan"}, "b": {}}, metrics=["loss"], on_nan="stop")
    result = place.launch("job.toml")
    assert result.code == 1
    assert endings(place) == {"a": "diverged", "b": "done"}
    assert "loss is nan at step 1" in place.log("a")
    again = place.launch("job.toml")
    assert "keep   a  diverged" in again.err
    assert again.code == 1, "not everything is done"
    check(place, "a", "b")


def test_retries_are_counted_and_their_reasons_kept(place: Workplace) -> None:
    place.toy({"a": {"at": 3, "act": "raise"}}, retries=2)
    result = place.launch("job.toml")
    assert result.code == 1
    assert result.err.count("a: tried again, attempt") == 2
    assert place.history("a").attempt == 3
    table = place.paths.table_txt.read_text()
    assert "attempt 1: failed, RuntimeError: told to fail" in table
    check(place, "a")


@pytest.mark.slow
def test_27_floods_cost_neither_records_nor_memory(place: Workplace) -> None:
    place.toy({"a": {"steps": 0, "act": "flood"}, "b": {"steps": 0, "act": "flood"}, "c": {"act": "noise"}})
    process = place.start("job.toml", "--parallel", "--devices", "0,1")
    launcher = psutil.Process(process.pid)
    peak = 0
    while process.poll() is None:
        try:
            peak = max(peak, launcher.memory_info().rss)
        except psutil.Error:
            break
        time.sleep(0.02)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    assert len(place.history("a").steps) == len(place.history("b").steps) == 100_000
    assert "\x1b" not in err
    assert peak < 120 * 2**20, f"the launcher grew to {peak / 2**20:.0f} MiB"
    check(place, "a", "b", "c")


def test_29_a_dead_fork_server_is_replaced(place: Workplace) -> None:
    place.toy({"a": {"steps": 3, "barrier": str(place.folder / "go")}, "b": {}})
    process = place.start("job.toml")
    wait_for(lambda: len(place.history("a").steps) == 2)
    start = place.history("a").start
    assert start is not None
    server = psutil.Process(start["pid"]).parent()
    assert server is not None
    server.kill()
    (place.folder / "go").touch()
    _, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    assert endings(place) == {"a": "done", "b": "done"}
    check(place, "a", "b")


def test_30_many_experiments_with_few_descriptors(place: Workplace) -> None:
    acts = ["", "", "", "raise", "exit", "kill"]
    experiments = {f"e{number}": {"at": 2, "act": acts[number % 6]} for number in range(60)}
    place.toy(experiments)
    few = (100, 100)
    process = place.start(
        "job.toml", "--parallel", "--devices", "0,1", preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, few)
    )
    _, err = process.communicate(timeout=100)
    assert process.returncode == 1, err
    counts = [list(endings(place).values()).count(kind) for kind in ("done", "failed", "killed")]
    assert counts == [30, 20, 10]
    check(place, *experiments)


def test_a_worker_with_text_that_is_no_unicode_ends_no_sweep(place: Workplace) -> None:
    (place.folder / "odd.py").write_text(
        "from toy import ToyConfig\ndef run(config: ToyConfig, run) -> None:\n"
        "    run.info(path='x\\udcff')\n    run.log(1, note='\\udcff', loss=10**400, tokens_per_s='fast')\n"
        "    run.info(parameters='many', experiment='zzz')\n    raise ValueError('bad \\udcff \\x1b[2J')\n"
    )
    place.toy({"a": {}}, target="odd:run", metrics=["loss"])
    result = place.launch("job.toml")
    assert result.code == 1, result.err
    assert "\x1b" not in result.err + result.out
    assert any(line.startswith("a ") for line in result.out.splitlines()), (
        "a fact cannot take the place of a column of ours"
    )
    assert "x\\udcff" in place.paths.table_csv.read_text()
