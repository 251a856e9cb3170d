"""Real pynvml against a driver library the tests compile: cards, their holders, and workers bound to them."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.launcher.conftest import Workplace, wait_for


def test_no_driver_means_no_gpus() -> None:
    """In a process of its own, because the loader of this one may have loaded the driver of the machine."""
    code = "from launcher.devices.nvml import find_gpus\nprint(find_gpus())"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_plan_shows_the_idle_card(driver: Workplace) -> None:
    driver.toy({"a": {}})
    assert "use  GPU 1  Stub 1" in driver.launch("plan", "job.toml").out


def test_a_worker_is_bound_to_its_card_by_uuid(driver: Workplace) -> None:
    driver.toy({"a": {"act": "environment"}, "b": {"act": "environment"}}, gpu_memory_gb=4.0)
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
    first.communicate(timeout=60)
    assert first.returncode == 0
    assert driver.launch(*other, "--devices", "1").code == 0


def used_at(place: Workplace, name: str) -> tuple[float, float]:
    began, ended = map(float, (place.folder / "used" / name).read_text().split())
    return began, ended


@pytest.mark.parametrize("waits", [True, False])
def test_25_two_sweeps_with_two_folders_never_share_a_card(driver: Workplace, waits: bool) -> None:
    """Whoever comes second waits until the other's worker is gone, or is refused: the times of use never overlap."""
    go = driver.folder / "go"
    (driver.folder / "used").mkdir()
    (driver.folder / "using.py").write_text(
        "import pathlib, time\nfrom toy import ToyConfig, train\n"
        "def run(config: ToyConfig, run) -> None:\n    began = time.monotonic()\n    train(config, run)\n"
        "    pathlib.Path('used', f'{run.name}').write_text(f'{began} {time.monotonic()}')\n"
    )
    options = ("--devices", "1", *(["--wait"] if waits else []))
    launches = []
    for name in ("one", "two"):
        takes_time = {"steps": 10, "step_s": 0.03} | ({} if waits else {"barrier": str(go)})
        text = driver.toy({f"in_{name}": takes_time}, target="using:run").read_text()
        driver.job(text, f"{name}.toml")
        launches.append(driver.start(f"{name}.toml", *options))
    if not waits:
        wait_for(lambda: any(launch.poll() is not None for launch in launches))
    go.touch()
    errors = [launch.communicate(timeout=60)[1] for launch in launches]
    codes = [launch.returncode for launch in launches]
    if waits:
        assert codes == [0, 0], errors
        first, second = sorted(used_at(driver, f"in_{name}") for name in ("one", "two"))
        assert first[1] <= second[0], "both used the card at once"
    else:
        assert sorted(codes) == [0, 3], errors
        assert sum("is in use by pid" in error for error in errors) == 1


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
