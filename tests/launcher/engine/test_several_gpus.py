"""Launches whose experiments have several devices, and a process for each: real processes, without torch."""

from __future__ import annotations

import json
import os
import signal

import psutil
import pytest

from tests.launcher.conftest import Cards, Workplace, marked, wait_for
from tests.launcher.reading import events

FOUR = ("card 0 8192 0", "card 1 8192 0", "card 2 8192 0", "card 3 8192 0")


def job(place: Workplace, experiments: dict[str, dict[str, object]], **settings: object) -> None:
    place.toy(experiments, target="ranked:train", **{"gpus": 2, **settings})


def rank_log(place: Workplace, name: str, rank: int = 1) -> str:
    path = place.paths.rank_log(name, rank)
    return path.read_text() if path.exists() else ""


def test_an_experiment_has_two_slots_and_a_process_on_each_of_which_the_first_records(place: Workplace) -> None:
    job(place, {"a": {}, "b": {}}, threads=1)
    result = place.launch("job.toml", "--parallel", "--devices", "cpu")
    assert result.code == 0, result.err
    for name in "ab":
        history = place.history(name)
        assert list(history.steps) == [1, 2, 3]
        assert (history.info["world"], history.info["of_rank"]) == (2, 0)
        assert history.end is not None
        assert history.end["ending"] == "done"
        assert history.end["peak_memory_bytes"] > 0
        assert "here is rank 0, threads 1" in place.log(name)
        assert "here is rank 1" not in place.log(name)
        assert "attempt 1, rank 1 of 2\nhere is rank 1, threads 1" in rank_log(place, name)
    devices = {event["device"] for event in events(place, "started")}
    assert all(device.startswith("cpu:") and ", " in device for device in devices)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("rank", "act", "why"),
    [
        (1, "raise", "rank 1 of 2: ValueError: this rank is broken (ranked.py:"),
        (0, "raise", "rank 0 of 2: ValueError: this rank is broken (ranked.py:"),
        (1, "kill", "rank 1 of 2: SIGKILL"),
        (0, "kill", "rank 0 of 2: SIGKILL"),
        (1, "exit", "rank 1 of 2: SystemExit: 3"),
    ],
)
def test_a_rank_that_fails_ends_all_and_is_named(place: Workplace, rank: int, act: str, why: str) -> None:
    job(place, {"a": {"bad_rank": rank, "act": act, "barrier": "never"}})
    result = place.launch("job.toml", "--devices", "cpu")
    assert result.code == 1
    assert why in result.err
    [ended] = events(place, "ended")
    assert ended["ending"] == ("killed" if act == "kill" else "failed")
    assert not marked(place.mark)
    if act == "raise":
        assert "ValueError: this rank is broken" in place.log("a")


@pytest.mark.slow
def test_a_rank_that_does_not_end_by_itself_is_killed(place: Workplace, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rank 0 waits for something that never comes, as in a collective operation of NCCL, and hears no signal."""
    place.toy({"a": {}}, target="deaf:train", gpus=2)
    (place.folder / "deaf.py").write_text(
        "import os, signal, time\n"
        "def train(config: dict, run):\n"
        "    if os.environ['RANK'] == '1':\n"
        "        raise ValueError('broken')\n"
        "    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])\n"
        "    time.sleep(600)\n"
    )
    result = place.launch("job.toml", "--devices", "cpu")
    assert result.code == 1
    assert "rank 1 of 2: ValueError: broken" in result.err


@pytest.mark.slow
def test_a_stop_reaches_all_ranks_which_stop_at_the_same_step_and_go_on_together(place: Workplace) -> None:
    job(place, {"a": {"steps": 100_000, "step_s": 0.001}}, grace_s=30)
    process = place.start("job.toml", "--devices", "cpu")
    wait_for(lambda: place.history("a").last_step > 5)
    process.send_signal(signal.SIGINT)
    assert process.wait(60) == 130
    process.communicate()
    step = place.history("a").last_step
    assert f"rank 0 stops at step {step}" in place.log("a")
    assert f"rank 1 stops at step {step}" in rank_log(place, "a")


@pytest.mark.slow
def test_a_checkpoint_is_written_by_the_first_rank_and_loaded_by_all(place: Workplace) -> None:
    job(place, {"a": {"steps": 4, "bad_rank": 1, "act": "exit", "step_s": 0.05}}, checkpoint_s=0)
    assert place.launch("job.toml", "--devices", "cpu").code == 1
    job(place, {"a": {"steps": 4, "step_s": 0.05, "bad_rank": 1, "act": "exit"}}, checkpoint_s=0)
    result = place.launch("job.toml", "--devices", "cpu")
    assert result.code == 0, "all ranks go on after step 2, where rank 1 would end again"
    assert place.history("a").resumed_from >= 1


@pytest.mark.parametrize("who", ["launcher", "worker"])
def test_nothing_outlives_the_launcher_or_the_worker(place: Workplace, who: str) -> None:
    job(place, {"a": {"barrier": "never"}})
    process = place.start("job.toml", "--devices", "cpu")
    wait_for(lambda: place.history("a").last_step == 2 and "here is rank 1" in rank_log(place, "a"))
    start = place.history("a").start
    assert start is not None
    worker = psutil.Process(start["pid"])
    ranks = worker.children()
    assert len(ranks) == 2
    (process if who == "launcher" else worker).kill()
    process.communicate(timeout=60)
    wait_for(lambda: not any(rank.is_running() and rank.status() != psutil.STATUS_ZOMBIE for rank in ranks))
    if who == "worker":
        assert process.returncode == 1


@pytest.mark.slow
def test_a_worker_whose_ranks_hang_leaves_the_stacks_of_each(place: Workplace) -> None:
    job(place, {"a": {"bad_rank": 1, "act": "hang", "barrier": "never"}}, kill_after_s=1.0)
    result = place.launch("job.toml", "--devices", "cpu")
    assert result.code == 1
    assert "hung" in result.err
    assert "in train" in place.log("a")
    assert "in act" in rank_log(place, "a")


@pytest.mark.slow
def test_a_port_that_is_taken_costs_one_more_attempt(place: Workplace) -> None:
    job(place, {"a": {"bad_rank": 0, "act": "port"}, "b": {}})
    result = place.launch("job.toml", "--parallel", "--devices", "cpu")
    assert result.code == 0, result.err
    assert "a: the port between its processes was taken, so once more with another." in result.err
    assert [event["attempt"] for event in events(place, "started") if event["experiment"] == "a"] == [1, 2]


def test_more_devices_than_there_are_is_told_before_anything_starts(place: Workplace) -> None:
    job(place, {"a": {}}, gpus=60)
    for command in ("plan", "run"):
        result = place.launch(command, "job.toml", "--devices", "cpu")
        assert result.code == 2, result.err
        assert "sweep.gpus is 60: an experiment needs 60 CPU slots, and " in result.err
        assert "or write gpus = " in result.err
    assert not place.paths.outcome.exists()


@pytest.mark.slow
def test_two_experiments_share_four_cards_and_each_sees_its_own(driver: Workplace, cards: Cards) -> None:
    cards.are(*FOUR)
    job(driver, {"a": {"barrier": "go"}, "b": {"barrier": "go"}, "c": {}}, telemetry_s=0.1)
    process = driver.start("job.toml", "--parallel", "--devices", "0,1,2,3")
    wait_for(lambda: all(driver.history(name).last_step == 2 for name in "ab"))
    refused = driver.launch("job.toml", "--devices", "1,3", "--outcome", "o", "--logs", "l")
    assert refused.code == 3, "the locks of all cards are held"
    (driver.folder / "go").touch()
    _, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    seen = {name: driver.history(name).info["cards"] for name in "abc"}
    assert (seen["a"], seen["b"]) == ("GPU-0000-0,GPU-0000-1", "GPU-0000-2,GPU-0000-3")
    assert {event["device"] for event in events(driver, "started")} == {"GPU 0, 1", "GPU 2, 3"}
    assert "device   GPU 0, 1 Stub 0, Stub 1 GPU-0000-0, GPU-0000-1" in driver.log("a")
    manifest = json.loads(driver.paths.sweep.read_text())
    assert len(manifest["launch"]["slots"]) == 4


def test_the_lock_of_each_card_is_held_as_long_as_a_rank_lives(driver: Workplace, cards: Cards) -> None:
    cards.are(*FOUR)
    job(driver, {"a": {"barrier": "never"}})
    process = driver.start("job.toml", "--devices", "1,2")
    wait_for(lambda: driver.history("a").last_step == 2)
    start = driver.history("a").start
    assert start is not None
    held = [
        {os.readlink(fd.path) for fd in os.scandir(f"/proc/{rank.pid}/fd") if os.path.exists(fd.path)}
        for rank in psutil.Process(start["pid"]).children()
    ]
    for card in ("GPU-0000-1", "GPU-0000-2"):
        assert all(any(file.endswith(f"{card}.lock") for file in files) for files in held)
    process.kill()
    process.communicate(timeout=60)


def test_a_card_that_is_full_is_left_out_and_another_taken(driver: Workplace, cards: Cards) -> None:
    cards.are("card 0 8192 0", "card 1 8192 7000", "process 1 812 7000", "card 2 8192 0")
    job(driver, {"a": {}}, gpu_memory_gb=4.0)
    result = driver.launch("job.toml", "--parallel", "--devices", "0,1,2")
    assert result.code == 0, result.err
    assert driver.history("a").info["cards"] == "GPU-0000-0,GPU-0000-2"


def test_a_card_that_is_lost_takes_part_in_nothing_more(driver: Workplace, cards: Cards) -> None:
    """Rank 1 dies of it, and the experiment is tried again on the cards that are left."""
    cards.are(*FOUR[:3])
    job(driver, {"a": {"barrier": "go"}})
    process = driver.start("job.toml", "--parallel", "--devices", "0,1,2")
    wait_for(lambda: driver.history("a").last_step == 2)
    cards.are("card 0 8192 0", "card 1 8192 0", "lost 1 15", "card 2 8192 0")
    start = driver.history("a").start
    assert start is not None
    psutil.Process(start["pid"]).children()[1].kill()
    (driver.folder / "go").touch()
    _, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    assert "rank 1 of 2: SIGKILL" in err
    assert "GPU 1 is lost and set aside" in err
    assert [event["device"] for event in events(driver, "started")] == ["GPU 0, 1", "GPU 2, 0"]
