"""What runs out of memory: once more later, alone on its card; smaller only if the job asks for it."""

from __future__ import annotations

import json
import signal

import pytest

from tests.launcher.conftest import Cards, Workplace, wait_for
from tests.launcher.reading import card_job as job
from tests.launcher.reading import events, started


def test_out_of_memory_is_tried_once_more_alone(driver: Workplace, cards: Cards) -> None:
    """b runs out of memory beside a; its second attempt waits until a is gone, and c waits until b is."""
    job(
        driver,
        {"a": {"barrier": "a"}, "b": {"first": "here/a.began", "crowded": True, "barrier": "b"}, "c": {"barrier": "a"}},
        slots_per_device=2,
        gpu_memory_gb=1.0,
    )
    process = driver.start("job.toml", "--parallel", "--devices", "0")
    wait_for(lambda: driver.history("a").steps and driver.history("c").steps)
    wait_for(lambda: started(driver) == ["a", "b", "c"])
    (driver.folder / "a").touch()
    wait_for(lambda: driver.history("b").steps)
    (driver.folder / "b").touch()
    _, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    assert "b: out of memory, so once more later, alone on its card (on_oom)." in err
    assert all(step["neighbours"] == 0 for step in driver.history("b").steps.values())
    assert [event["experiment"] for event in events(driver, "started")] == ["a", "b", "c", "b"]


@pytest.mark.parametrize(("on_oom", "retries", "attempts"), [("retry", 0, 2), ("retry", 1, 3), ("fail", 1, 1)])
def test_out_of_memory_for_good_is_a_failure(
    driver: Workplace, cards: Cards, on_oom: str, retries: int, attempts: int
) -> None:
    job(driver, {"a": {"fits": 1}}, on_oom=on_oom, retries=retries)
    result = driver.launch("job.toml", "--devices", "0")
    assert result.code == 1
    assert started(driver) == ["a"] * attempts


def test_a_batch_is_halved_until_it_fits_and_the_row_says_so(driver: Workplace, cards: Cards) -> None:
    job(driver, {"a": {"fits": 2}, "b": {}}, on_oom="halve_batch")
    result = driver.launch("job.toml", "--devices", "0")
    assert result.code == 0, result.err
    assert started(driver) == ["a", "b", "a", "a"]
    changes = [event["changed"] for event in events(driver, "started") if event["experiment"] == "a"]
    assert changes == [{}, {"batch_size": 4, "accumulation": 2}, {"batch_size": 2, "accumulation": 4}]
    history = driver.history("a")
    assert (history.info["batch"], history.info["accumulation"]) == (2, 4)
    assert history.start is not None
    planned = {one["name"]: one["digest"] for one in json.loads(driver.paths.sweep.read_text())["experiments"]}
    assert history.start["digest"] == planned["a"], "its identity is that of what was asked"
    assert "with batch_size=4, accumulation=2 (on_oom)" in result.err
    assert (
        "a done: trained with batch_size=2, accumulation=4 for want of memory; attempt 1: out_of_memory" in result.err
    )
    assert "config   batch_size = 2" in driver.log("a")
    assert "nothing to do" in driver.launch("job.toml", "--devices", "0").err


def test_in_company_the_batch_is_halved_only_after_it_was_too_large_alone(driver: Workplace, cards: Cards) -> None:
    job(
        driver,
        {"a": {"barrier": "go"}, "b": {"first": "here/a.began", "crowded": True, "steps": 1}},
        slots_per_device=2,
        gpu_memory_gb=1.0,
        on_oom="halve_batch",
    )
    process = driver.start("job.toml", "--parallel", "--devices", "0")
    wait_for(lambda: events(driver, "ended"))
    (driver.folder / "go").touch()
    _, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    assert [event["changed"] for event in events(driver, "started")] == [{}, {}, {}]


def test_a_batch_that_cannot_be_halved_is_a_failure(driver: Workplace, cards: Cards) -> None:
    job(driver, {"a": {"batch_size": 6, "fits": 1}}, on_oom="halve_batch")
    result = driver.launch("job.toml", "--devices", "0")
    assert result.code == 1
    assert started(driver) == ["a", "a"]
    assert "a: out of memory, and its batch cannot be halved again." in result.err


@pytest.mark.slow
def test_a_halved_experiment_that_was_stopped_goes_on_halved(place: Workplace) -> None:
    job(place, {"a": {"fits": 4, "saves": True, "barrier": "go"}}, on_oom="halve_batch", preload=["torch"], grace_s=60)
    process = place.start("job.toml", "--devices", "cpu")
    wait_for(lambda: place.history("a").steps)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)
    assert process.returncode == 130
    (place.folder / "go").touch()
    result = place.launch("job.toml", "--devices", "cpu")
    assert result.code == 0, result.err
    assert "goes on from the checkpoint of step" in place.log("a")
    assert events(place, "started")[-1]["changed"] == {"batch_size": 4, "accumulation": 2}
    assert len(events(place, "started")) == 3


def test_a_configuration_without_a_batch_to_halve_is_refused_before_anything(driver: Workplace, cards: Cards) -> None:
    driver.toy({"a": {}}, on_oom="halve_batch")
    result = driver.launch("job.toml", "--devices", "0")
    assert result.code == 2
    assert 'sweep.on_oom = "halve_batch": the configuration of toy:train has no whole number batch_size.' in result.err
    assert not driver.paths.outcome.exists()
