"""Real pynvml against a driver library the tests compile: cards, their holders, and workers bound to them."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from launcher import nvml
from tests.launcher.conftest import Workplace, wait_for


@pytest.fixture
def driver(place: Workplace) -> Workplace:
    """A workplace on a machine with two cards, of which the first is in use."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        pytest.skip("no C compiler to build the stub of libnvidia-ml.so.1")
    library = place.folder / "libnvidia-ml.so.1"
    source = Path(__file__).with_name("nvml_stub.c")
    subprocess.run([compiler, "-shared", "-fPIC", "-o", str(library), str(source)], check=True)
    place.environment = {"LD_LIBRARY_PATH": str(place.folder)}
    return place


def test_no_driver_means_no_gpus() -> None:
    if Path("/proc/driver/nvidia").exists():
        pytest.skip("this machine has an NVIDIA driver")
    assert nvml.gpus() == []


def test_plan_shows_the_idle_card(driver: Workplace) -> None:
    driver.toy({"a": {}})
    assert "devices: GPU 1 Stub 1" in driver.launch("plan", "job.toml").out


def test_a_worker_is_bound_to_its_card_by_uuid(driver: Workplace) -> None:
    driver.toy({"a": {"act": "environment"}, "b": {"act": "environment"}})
    result = driver.launch("job.toml", "--parallel", "--devices", "0,1")
    assert result.code == 0, result.err
    seen = {name: driver.history(name).info for name in ("a", "b")}
    assert {info["cuda_visible_devices"] for info in seen.values()} == {"GPU-0000-0", "GPU-0000-1"}
    assert {info["device"] for info in seen.values()} == {"cuda"}
    assert "device   GPU 0 Stub 0 GPU-0000-0" in driver.log("a")


def test_a_card_held_by_another_launcher_is_refused_when_named_and_passed_over_when_not(driver: Workplace) -> None:
    go = driver.folder / "go"
    driver.toy({"a": {"steps": 2, "barrier": str(go)}})
    first = driver.start("job.toml", "--devices", "1")
    wait_for(lambda: driver.history("a").steps)
    other = ("job.toml", "--outcome", "other", "--logs", "other")
    named = driver.launch(*other, "--devices", "1")
    assert named.code == 3
    assert f"the device GPU-0000-1 is in use by pid {first.pid}" in named.err
    unnamed = driver.launch(*other)
    assert unnamed.code == 3, "the only idle card is held"
    go.touch()
    first.communicate(timeout=30)
    assert first.returncode == 0
    assert driver.launch(*other, "--devices", "1").code == 0


def test_a_torch_that_cannot_see_the_card_fails_with_the_likely_cause(driver: Workplace) -> None:
    driver.toy({"a": {}}, target="torchy:train", preload=["torch"])
    result = driver.launch("job.toml", "--devices", "1")
    assert result.code == 1
    assert "this worker should see one GPU, CUDA_VISIBLE_DEVICES=GPU-0000-1, but torch" in result.err


@pytest.mark.parametrize(
    ("devices", "code", "told"),
    [("0,0", 2, "named more than once"), ("5", 2, "there is no GPU 5"), ("0;touch pwn", 2, "is not a device id")],
)
def test_bad_devices_end_before_anything(driver: Workplace, devices: str, code: int, told: str) -> None:
    driver.toy({"a": {}})
    result = driver.launch("job.toml", "--devices", devices)
    assert (result.code, told in result.err) == (code, True), result.err
    assert not driver.paths.outcome.exists()
    assert not (driver.folder / "pwn").exists()
