"""Whole launches of toy experiments: real processes, real signals, real files."""

from __future__ import annotations

import json
import os
import signal

import pytest

from launcher.store.history import comparable, read_history
from tests.launcher.conftest import Workplace, marked, wait_for


def test_a_launch_writes_every_file_and_the_same_command_again_only_what_is_missing(place: Workplace) -> None:
    place.toy({"a": {}, "b": {"steps": 7}}, metrics=["loss"])
    result = place.launch("job.toml", "--parallel")
    assert result.code == 0, result.err
    paths = place.paths
    expected = [paths.table_txt, paths.table_csv, paths.sweep, paths.events, paths.curves("loss")]
    for name in ("a", "b"):
        expected += [paths.log(name), paths.records(name), paths.curve("loss", name)]
    assert [path for path in expected if not path.exists()] == []
    assert list(place.history("b").steps) == [1, 2, 3, 4, 5, 6, 7]
    assert result.out.splitlines()[0].startswith("job: 2 experiments")

    before = {path: path.stat().st_mtime_ns for path in place.folder.rglob("*") if path.is_file()}
    result = place.launch("job.toml", "--parallel")
    assert result.code == 0
    assert "nothing to do" in result.err
    after = {path: path.stat().st_mtime_ns for path in place.folder.rglob("*") if path.is_file()}
    before.pop(place.paths.lock), after.pop(place.paths.lock)
    assert after == before
    place.paths.curves("loss").unlink()
    assert place.launch("job.toml").code == 0
    assert place.paths.curves("loss").exists()


def test_a_changed_experiment_runs_anew_and_the_others_are_kept(place: Workplace) -> None:
    place.toy({"a": {"steps": 9}, "b": {}})
    place.launch("job.toml")
    place.toy({"a": {"steps": 3}, "b": {}})
    result = place.launch("job.toml")
    assert "redo   a  changed: steps 9 → 3" in result.err
    assert "keep   b  done, 5 steps" in result.err
    assert list(place.history("a").steps) == [1, 2, 3]


def test_fresh_trains_everything_again(place: Workplace) -> None:
    place.toy({"a": {}})
    place.launch("job.toml")
    result = place.launch("job.toml", "--fresh")
    assert result.code == 0
    assert "redo   a  --fresh starts over" in result.err
    assert place.history("a").attempt == 2
    assert len(place.history("a").steps) == 5
    assert place.log("a").count("=== a, attempt ") == 2, "the log of the first is kept"


def test_parallel_and_sequential_give_the_same_numbers(place: Workplace) -> None:
    place.toy({"a": {"lr": 0.3}, "b": {"lr": 0.2}, "c": {}}, threads=1)
    place.launch("job.toml", "--parallel", "--outcome", "one", "--devices", "0,1")
    place.launch("job.toml", "--outcome", "two", "--devices", "0,1")
    for name in ("a", "b", "c"):
        one = read_history(place.folder / "one" / "records" / f"{name}.jsonl")
        two = read_history(place.folder / "two" / "records" / f"{name}.jsonl")
        assert one.steps
        assert {step: comparable(metrics) for step, metrics in one.steps.items()} == {
            step: comparable(metrics) for step, metrics in two.steps.items()
        }


def test_sequential_runs_one_at_a_time_each_on_its_own_device(place: Workplace) -> None:
    place.toy({"a": {"steps": 2}, "b": {"steps": 2}, "c": {"steps": 2}})
    assert place.launch("job.toml", "--devices", "0,1").code == 0
    events = [json.loads(line) for line in place.paths.events.read_text().splitlines()]
    assert [(event["event"], event["experiment"]) for event in events] == [
        (event, name) for name in "abc" for event in ("started", "ended")
    ]
    started = [event["device"] for event in events if event["event"] == "started"]
    assert started == (["cpu:0", "cpu:1", "cpu:0"] if len(os.sched_getaffinity(0)) > 1 else ["cpu"] * 3)


def test_in_parallel_the_longest_starts_first_and_tables_keep_the_order_of_the_file(place: Workplace) -> None:
    (place.folder / "lasting.py").write_text(
        "from dataclasses import dataclass\n@dataclass(frozen=True)\nclass Config:\n    length: float\n"
        "    def work(self) -> float:\n        return self.length\n"
        "def run(config: Config, run) -> None:\n    run.log(1, loss=1.0)\n"
    )
    lengths = {"short": {"length": 1.0}, "long": {"length": 10.0}, "middle": {"length": 5.0}}
    place.toy(lengths, target="lasting:run")
    result = place.launch("job.toml", "--parallel", "--devices", "0,1")
    assert result.code == 0, result.err
    events = [json.loads(line) for line in place.paths.events.read_text().splitlines()]
    assert [one["experiment"] for one in events if one["event"] == "started"] == ["long", "middle", "short"]
    assert [line.split()[0] for line in result.out.splitlines()[3:6]] == list(lengths)


FAILURES = {
    "raises": ({"act": "raise", "at": 3}, "RuntimeError: told to fail", "failed"),
    "early": ({"act": "raise"}, "in set-up", "failed"),
    "exits": ({"act": "exit", "at": 3}, "exit code 3", "failed"),
    "leaves": ({"act": "sys.exit", "at": 3}, "SystemExit: told to exit", "failed"),
    "crashes": ({"act": "segv", "at": 3}, "SIGSEGV", "killed"),
    "dies": ({"act": "kill", "at": 3}, "SIGKILL", "killed"),
}


def test_each_failure_is_told_and_the_others_go_on(place: Workplace) -> None:
    place.toy({name: overrides for name, (overrides, _, _) in FAILURES.items()} | {"good": {"steps": 8}})
    result = place.launch("job.toml", "--parallel")
    assert result.code == 1
    assert len(place.history("good").steps) == 8
    table = place.paths.table_txt.read_text().splitlines()
    for name, (overrides, told, ending) in FAILURES.items():
        lines = [line for line in result.err.splitlines() if name in line and told in line]
        assert len(lines) >= 2, f"{name} is told at once and again at the end: {result.err}"
        assert len(place.history(name).steps) == max(0, overrides.get("at", 0) - 1)
        assert told in place.log(name).splitlines()[-1]
        assert [line for line in table if line.startswith(name) and ending in line], table
    assert "Segmentation fault" in place.log("crashes"), "faulthandler's trace is in the log"


@pytest.fixture(scope="module")
def acted(tmp_path_factory: pytest.TempPathFactory) -> Workplace:
    """A launch of experiments that have nothing to do with each other, one after another."""
    place = Workplace(tmp_path_factory.mktemp("acted"))
    experiments = {"prints": {"act": "print", "at": 3}, "knows": {"act": "environment"}, "nan": {"act": "nan"}}
    place.toy(experiments, seed=7)
    place.environment = {"CUDA_VISIBLE_DEVICES": "5", "OMP_NUM_THREADS": "63"}
    assert place.launch("job.toml", "--threads", "1", "--devices", "cpu").code == 0
    assert not marked(place.mark), "processes left"
    return place


def test_the_log_holds_header_steps_output_and_ending(acted: Workplace) -> None:
    log = acted.log("prints")
    for line in ("=== prints, attempt 1 ===", "config   steps = 5", "seed     7", "threads  1", "device   cpu"):
        assert line in log
    assert [line.split(" loss")[0] for line in log.splitlines() if line.startswith("step")] == [
        f"step {step}/5" for step in range(1, 6)
    ]
    for line in ("a line on stdout", "a line on stderr", "a line of a child"):
        assert line in log
    assert log.splitlines()[-1].startswith("=== prints done, 5 steps")


def test_steps_appear_in_the_log_while_the_experiment_runs(place: Workplace) -> None:
    place.toy({"a": {"steps": 3, "barrier": str(place.folder / "go")}})
    process = place.start("job.toml")
    wait_for(lambda: "step 2/3" in place.log("a"))
    assert process.poll() is None
    (place.folder / "go").touch()
    process.communicate(timeout=60)
    assert process.returncode == 0


def test_a_worker_has_its_own_session_environment_and_threads(acted: Workplace) -> None:
    info = acted.history("knows").info
    assert info["session"] == info["group"] == info["pid"]
    assert info["cuda_visible_devices"] == ""
    assert info["cuda_device_order"] == "PCI_BUS_ID"
    assert info["omp_num_threads"] == "1"
    assert info["device"] == "cpu"
    assert info["frozen"] > 0, "the collector of a worker leaves alone what the fork server had imported"


def test_both_start_methods_give_the_same(place: Workplace, acted: Workplace) -> None:
    place.toy({"prints": {}}, seed=7)
    assert place.launch("job.toml", "--start-method", "spawn").code == 0
    spawned, forked = (each.history("prints").steps for each in (place, acted))
    assert [metrics["tokens"] for metrics in spawned.values()] == [100, 200, 300, 400, 500]
    assert list(map(comparable, spawned.values())) == list(map(comparable, forked.values()))


def test_children_of_a_worker_end_with_it(place: Workplace) -> None:
    place.toy({"a": {"act": "children"}})
    assert place.launch("job.toml").code == 0  # the fixture looks for the children


@pytest.mark.parametrize("act", ["children", "sleep", "stuck"])
def test_nothing_lives_on_when_the_launcher_is_killed(place: Workplace, act: str) -> None:
    place.toy({"a": {"act": act, "at": 2}, "b": {"act": act, "at": 2, "barrier": "never"}})
    process = place.start("job.toml", "--parallel")
    wait_for(lambda: len(place.history("a").steps) >= 1)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    wait_for(lambda: not marked(place.mark), limit_s=2.0)


def test_a_sweep_whose_launcher_was_killed_continues(place: Workplace) -> None:
    go = place.folder / "go"
    place.toy({"a": {"steps": 6, "barrier": str(go), "act": "checkpoint"}, "b": {}}, checkpoint_s=0)
    process = place.start("job.toml")
    wait_for(lambda: len(place.history("a").steps) == 5)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    go.touch()
    wait_for(lambda: not marked(place.mark))
    result = place.launch("job.toml")
    assert result.code == 0, result.err
    assert "resume a  interrupted after" in result.err
    history = place.history("a")
    assert list(history.steps) == [1, 2, 3, 4, 5, 6]
    assert history.attempt == 2
    assert history.resumed_from >= 4
    assert not place.paths.checkpoints("a").exists(), "a done experiment keeps no checkpoints"


STOPS = {"SIGINT": 130, "SIGTERM": 143, "SIGHUP": 129}


@pytest.mark.parametrize("name", STOPS)
def test_13_15_a_signal_lets_workers_save_and_the_same_command_continues(place: Workplace, name: str) -> None:
    place.toy({"a": {"steps": 6, "barrier": "never", "act": "checkpoint"}, "b": {}}, grace_s=60)
    process = place.start("job.toml")
    wait_for(lambda: len(place.history("a").steps) == 5)
    process.send_signal(signal.Signals[name])
    _, err = process.communicate(timeout=15)
    assert process.returncode == STOPS[name], err
    assert "The same command again goes on" in err
    assert "1 interrupted, 1 not started" in err
    assert list(place.paths.checkpoints("a").iterdir()), "the worker has saved"
    if name == "SIGINT":  # what another signal has left is no other folder
        result = place.launch("job.toml")
        assert result.code == 0, result.err
        assert "resume a" in result.err, "what was saved is found"
        assert list(place.history("a").steps) == [1, 2, 3, 4, 5, 6]


def test_07_a_worker_that_ignores_the_signal_is_killed_after_the_grace_time(place: Workplace) -> None:
    place.toy({"a": {"act": "ignore", "at": 1, "steps": 2, "barrier": "never"}}, grace_s=0.5)
    process = place.start("job.toml")
    wait_for(lambda: place.history("a").steps)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=15)
    assert process.returncode == 130
    assert "killed after the grace time" in err


def test_a_worker_that_does_not_exit_after_its_last_word_does_not_hold_the_sweep(place: Workplace) -> None:
    place.toy({"a": {"act": "linger", "at": -1}, "b": {}}, grace_s=0.5)
    result = place.launch("job.toml", limit_s=30)
    assert result.code == 0, result.err
    assert "2 done" in result.err


def test_nan_and_infinity_are_recorded_in_strict_json(acted: Workplace) -> None:
    def refuse(constant: str) -> None:
        raise AssertionError(f"{constant} is not JSON")

    for line in acted.paths.records("nan").read_text().splitlines():
        json.loads(line, parse_constant=refuse)


def test_two_launchers_do_not_share_a_folder(place: Workplace) -> None:
    place.toy({"a": {"steps": 2, "barrier": str(place.folder / "go")}})
    first = place.start("job.toml")
    wait_for(lambda: place.history("a").steps)
    second = place.launch("job.toml")
    assert second.code == 3
    assert f"pid {first.pid}" in second.err
    (place.folder / "go").touch()
    first.communicate(timeout=60)
    assert first.returncode == 0


def test_prepare_runs_once_for_each_configuration_before_any_worker(place: Workplace) -> None:
    place.toy({"a": {}, "b": {}}, target="picky:run")
    result = place.launch("job.toml", "--parallel")
    assert result.code == 2
    assert "a, b: data.txt is missing; write it first" in result.err
    assert not place.paths.records("a").exists()
    (place.folder / "data.txt").touch()
    assert place.launch("job.toml", "--parallel").code == 0


def test_a_target_that_cannot_be_imported_ends_before_any_worker(place: Workplace) -> None:
    place.toy({"a": {}}, target="broken:run")
    result = place.launch("job.toml")
    assert result.code == 2
    assert "a_package_that_nobody_has" in result.err
    assert not place.paths.records("a").exists()


def test_a_dict_configuration_is_not_checked(place: Workplace) -> None:
    place.toy({"a": {"whatever": 3}}, target="toy:anything")
    assert place.launch("job.toml").code == 0
    assert place.history("a").info["whatever"] == "3"
