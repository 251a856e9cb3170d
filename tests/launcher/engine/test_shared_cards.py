"""Cards that are shared, full, lost, or not the one that was meant: real launches on a driver library of the tests."""

from __future__ import annotations

import csv
import io
import json
import os
import signal

import pytest

from launcher.store.samples import read_samples
from tests.launcher.conftest import Cards, Workplace, marked, wait_for
from tests.launcher.reading import card_job as job
from tests.launcher.reading import events, started


def test_two_workers_share_a_card_and_the_third_waits_for_a_slot(driver: Workplace, cards: Cards) -> None:
    job(driver, {name: {"steps": 2, "barrier": "go"} for name in "abc"}, gpu_memory_gb=2.0)
    process = driver.start("job.toml", "--parallel", "--devices", "1", "--slots-per-device", "2")
    wait_for(lambda: driver.history("a").steps and driver.history("b").steps)
    assert started(driver) == ["a", "b"]
    refused = driver.launch("job.toml", "--devices", "1", "--outcome", "o", "--logs", "l")
    assert refused.code == 3, "the card's lock is held once, for both"
    (driver.folder / "go").touch()
    _, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    for name, slot in (("a", "1/2"), ("b", "2/2")):
        assert f"{name}: started on GPU 1 ({slot})" in err
    assert {event["device"] for event in events(driver, "started")} == {"GPU 1"}
    assert {driver.history(name).info["card"] for name in "abc"} == {"GPU-0000-1"}
    assert {driver.history(name).info["hip"] for name in "abc"} == {"GPU-0000-1"}


def test_threads_are_shared_among_all_slots(driver: Workplace, cards: Cards) -> None:
    job(driver, {"a": {}}, slots_per_device=2)
    assert driver.launch("job.toml", "--parallel", "--devices", "0,1").code == 0
    slots = json.loads(driver.paths.sweep.read_text())["launch"]["slots"]
    assert [(slot["device"], slot["share"]) for slot in slots] == [
        ("GPU 0", "1/2"), ("GPU 1", "1/2"), ("GPU 0", "2/2"), ("GPU 1", "2/2"),
    ]  # fmt: skip
    assert {slot["threads"] for slot in slots} == {max(1, len(os.sched_getaffinity(0)) // 4)}


def test_one_after_another_stays_so_with_several_slots(driver: Workplace, cards: Cards) -> None:
    job(driver, {name: {} for name in "abc"}, slots_per_device=3)
    result = driver.launch("job.toml", "--devices", "0,1")
    assert result.code == 0, result.err
    assert [event["event"] for event in events(driver, "started", "ended")] == ["started", "ended"] * 3
    assert [event["device"] for event in events(driver, "started")] == ["GPU 0", "GPU 1", "GPU 0"]


def test_a_worker_waits_for_memory_with_the_reason_and_goes_on_when_it_is_free(driver: Workplace, cards: Cards) -> None:
    """The uid is that of the real process behind the pid; the reason comes once, and again when another holds it."""
    mine = os.getpid()
    cards.are("card 0 8192 0", "card 1 8192 5120", f"process 1 {mine} 5120")
    job(driver, {"a": {"barrier": "go"}, "b": {}}, gpu_memory_gb=4.0)
    process = driver.start("job.toml", "--parallel", "--devices", "0,1")
    wait_for(lambda: events(driver, "waits"))
    assert started(driver) == ["a"], "the other card goes on"
    cards.are("card 0 8192 0", "card 1 8192 6144", "process 1 812 6144")
    wait_for(lambda: len(events(driver, "waits")) == 2)
    cards.are("card 0 8192 0", "card 1 8192 6150", "process 1 812 6150")
    cards.are("card 0 8192 0", "card 1 8192 1024", "process 1 812 1024")
    wait_for(lambda: "b" in started(driver))
    (driver.folder / "go").touch()
    _, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    assert f"GPU 1: 5.0 of 8.0 GB held by pid {mine}, uid {os.getuid()}, 4.0 GB needed; b waits." in err
    assert err.count("b waits.") == 2, err
    assert "b: started on GPU 1" in err


def test_when_nothing_can_start_it_says_so_and_ctrl_c_ends_it(driver: Workplace, cards: Cards) -> None:
    cards.are("card 0 8192 5120", "process 0 4194305 5120")
    job(driver, {"a": {}})
    process = driver.start("job.toml", "--devices", "0")
    wait_for(lambda: events(driver, "waits"))
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "held by pid 4194305; what it needs is not known (gpu_memory_gb in the job file says it); a waits." in err
    assert "Nothing runs meanwhile; Ctrl-C gives up." in err
    assert not started(driver)


def test_what_was_promised_counts_before_it_is_allocated(driver: Workplace, cards: Cards) -> None:
    job(driver, {"a": {"first": "go"}, "b": {}}, gpu_memory_gb=5.0, slots_per_device=2)
    process = driver.start("job.toml", "--parallel", "--devices", "0")
    wait_for(lambda: events(driver, "waits"))
    assert started(driver) == ["a"], "8 GiB are free, but 5 of them are promised to a"
    (driver.folder / "go").touch()
    _, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    assert "GPU 0: 0.0 of 8.0 GB held by a, 5.0 GB promised, 5.0 GB needed; b waits." in err


def test_of_unknown_need_one_at_a_time_starts_on_a_shared_card(driver: Workplace, cards: Cards) -> None:
    job(driver, {"a": {"first": "go", "barrier": "end"}, "b": {}}, slots_per_device=2)
    process = driver.start("job.toml", "--parallel", "--devices", "0")
    wait_for(lambda: events(driver, "waits"))
    assert started(driver) == ["a"]
    (driver.folder / "go").touch()
    wait_for(lambda: driver.history("b").end)
    assert driver.history("a").end is None, "b need not wait for its end"
    (driver.folder / "end").touch()
    _, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    assert "a starts there, and what it needs shows at its first step; b waits" in err


@pytest.mark.slow
def test_what_was_measured_is_what_is_needed_next_time(driver: Workplace, cards: Cards) -> None:
    driver.environment["FAKE_PEAK_GB"] = "5"
    settings = {"slots_per_device": 2, "preload": ["fake_cuda"]}
    job(driver, {"a": {}}, **settings)
    assert driver.launch("job.toml", "--parallel", "--devices", "0").code == 0
    job(driver, {"a": {}, "b": {"first": "go"}, "c": {}}, **settings)
    process = driver.start("job.toml", "--parallel", "--devices", "0")
    wait_for(lambda: events(driver, "waits"))
    (driver.folder / "go").touch()
    _, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    assert "held by b, 5.8 GB promised, 5.8 GB needed; c waits." in err, "what torch counts and CUDA's context"


def test_a_card_lost_between_two_experiments_is_set_aside(driver: Workplace, cards: Cards) -> None:
    job(driver, {"a": {"barrier": "a"}, "b": {"barrier": "b"}, "c": {}, "d": {}})
    process = driver.start("job.toml", "--parallel", "--devices", "0,1")
    wait_for(lambda: driver.history("a").steps and driver.history("b").steps)
    cards.are("card 0 8192 0", "card 1 8192 0", "lost 1 15")
    (driver.folder / "b").touch()
    wait_for(lambda: events(driver, "device_lost"))
    (driver.folder / "a").touch()
    _, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    assert "GPU 1 is lost and set aside: the driver says: GPU is lost. What is left goes elsewhere." in err
    assert [event["device"] for event in events(driver, "started")] == ["GPU 0", "GPU 1", "GPU 0", "GPU 0"]


def test_what_fails_with_its_card_is_tried_once_more_elsewhere_for_free(driver: Workplace, cards: Cards) -> None:
    job(driver, {"a": {"barrier": "go"}, "b": {"first": "lost", "barrier": "lost", "steps": 1}, "c": {}})
    process = driver.start("job.toml", "--parallel", "--devices", "0,1")
    wait_for(lambda: len(started(driver)) == 2)
    cards.are("card 0 8192 0", "card 1 8192 0", "lost 1 15")
    os.kill(wait_for(lambda: driver.history("b").start)["pid"], signal.SIGKILL)
    wait_for(lambda: events(driver, "device_lost"))
    for name in ("lost", "go"):
        (driver.folder / name).touch()
    _, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    assert "b: tried again, attempt 2." in err
    assert [event["device"] for event in events(driver, "started") if event["experiment"] == "b"] == ["GPU 1", "GPU 0"]


@pytest.mark.parametrize("error", ["CUDA error: uncorrectable ECC error encountered", "no CUDA-capable device"])
def test_a_card_that_a_worker_calls_broken_is_set_aside_though_the_driver_answers(
    driver: Workplace, cards: Cards, error: str
) -> None:
    (driver.folder / "broken").touch()
    job(driver, {"a": {"barrier": "go"}, "b": {"fails": error}})
    process = driver.start("job.toml", "--parallel", "--devices", "0,1")
    wait_for(lambda: events(driver, "device_lost"))
    (driver.folder / "broken").unlink()
    (driver.folder / "go").touch()
    _, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    assert "GPU 1 is lost and set aside: b failed with: RuntimeError:" in err


def test_a_failed_kernel_on_a_sound_card_is_the_experiments_own_failure(driver: Workplace, cards: Cards) -> None:
    (driver.folder / "broken").touch()
    job(driver, {"a": {"fails": "CUDA error: device-side assert triggered"}, "b": {}})
    result = driver.launch("job.toml", "--devices", "0,1")
    assert result.code == 1
    assert not events(driver, "device_lost")
    assert started(driver) == ["a", "b"]


def test_a_card_that_is_lost_already_is_none_to_choose(driver: Workplace, cards: Cards) -> None:
    cards.are("card 0 8192 0", "card 1 8192 0", "lost 0 15")
    job(driver, {"a": {}})
    result = driver.launch("job.toml", "--devices", "0")
    assert (result.code, "there is no GPU 0" in result.err) == (2, True)
    assert driver.launch("job.toml").code == 0
    assert [event["device"] for event in events(driver, "started")] == ["GPU 1"]


def test_the_last_card_gone_is_a_clear_end(driver: Workplace, cards: Cards) -> None:
    job(driver, {"a": {"barrier": "go"}, "b": {}})
    process = driver.start("job.toml", "--devices", "1")
    wait_for(lambda: driver.history("a").steps)
    cards.are("card 0 8192 0", "card 1 8192 0", "lost 1 999")
    (driver.folder / "go").touch()
    _, err = process.communicate(timeout=60)
    assert process.returncode == 1, err
    assert "GPU 1 is lost and set aside: the driver says: Unknown Error. It was the last: nothing can start." in err
    assert "1 not started" in err


def test_a_card_gone_before_anything_ran_is_no_device(driver: Workplace, cards: Cards) -> None:
    cards.are("card 0 8192 5120", "process 0 812 5120")
    job(driver, {"a": {}})
    process = driver.start("job.toml", "--devices", "0")
    wait_for(lambda: events(driver, "waits"))
    cards.are("lost 0 15")
    _, err = process.communicate(timeout=60)
    assert process.returncode == 4, err


def test_a_worker_that_sees_another_card_fails_and_says_which(driver: Workplace, cards: Cards) -> None:
    job(driver, {"a": {}}, preload=["fake_cuda"])
    assert driver.launch("job.toml", "--devices", "1").code == 0
    assert "device   GPU 1 Stub 1 GPU-0000-1" in driver.log("a")
    (driver.folder / "other_uuid").write_text("0000-0")
    result = driver.launch("job.toml", "--devices", "1", "--fresh")
    assert result.code == 1
    assert "this worker was given Stub 1 GPU-0000-1, but CUDA shows it Stub 1 0000-0." in result.err


SCRIPT = """\
import pathlib, sys, time
print("step 1: loss 0.5", flush=True)
while not pathlib.Path("go").exists():
    time.sleep(0.01)
if sys.argv[1:]:
    raise RuntimeError("CUDA out of memory. Tried to allocate 9.00 GiB")
"""


def script_holds_5_gib(driver: Workplace, cards: Cards, *words: str) -> tuple[int, str]:
    """Launch the first of two scripts, for which the driver counts 5 GiB. Return its exit code and what was said."""
    (driver.folder / "script.py").write_text(SCRIPT)
    settings = {"command": ["{python}", "script.py", *words], "log": ["step {step}: loss {loss}"], "args": "env"}
    settings |= {"slots_per_device": 2, "telemetry_s": 0.1, "on_oom": "fail", "metrics": ["loss"]}
    lines = [f"{key} = {json.dumps(value)}" for key, value in settings.items()]
    driver.job("\n".join(["[sweep]", *lines, "[experiments]", "a = { x = 1 }", "b = { x = 2 }", ""]))
    process = driver.start("job.toml", "--devices", "0", "--only", "a")
    wait_for(lambda: driver.history("a").steps)
    (script,) = [each.pid for each in marked(driver.mark) if "script.py" in each.cmdline()]
    cards.are("card 0 8192 5120", f"process 0 {script} 5120")
    wait_for(lambda: any(one.gpu_memory_bytes == 5 << 30 for one in read_samples(driver.paths.telemetry("a"))))
    (driver.folder / "go").touch()
    _, err = process.communicate(timeout=60)
    (end,) = events(driver, "ended")
    assert end["peak_gpu_memory_bytes"] == 5 << 30
    assert process.returncode is not None
    return process.returncode, err


def test_what_a_script_takes_is_counted_by_the_driver_and_expected_of_the_next(driver: Workplace, cards: Cards) -> None:
    code, err = script_holds_5_gib(driver, cards)
    assert code == 0, err
    row = next(csv.DictReader(io.StringIO(driver.paths.table_csv.read_text())))
    assert float(row["peak_gpu_memory_bytes"]) == 5 << 30
    cards.are("card 0 8192 4096", f"process 0 {os.getpid()} 4096")
    process = driver.start("job.toml", "--devices", "0")
    wait_for(lambda: events(driver, "waits"))
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert "5.0 GB needed; b waits." in err


def test_a_script_that_runs_out_of_gpu_memory_is_told_with_what_it_held_there(driver: Workplace, cards: Cards) -> None:
    code, err = script_holds_5_gib(driver, cards, "fail")
    assert code == 1, err
    assert "a ran out of memory on GPU 0" in err
    assert " of memory and 5.0 GiB of GPU memory. Try a smaller batch" in err
