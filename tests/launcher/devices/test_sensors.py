"""Sensors of cards in the telemetry: real pynvml against a driver library that the tests compile and script."""

from __future__ import annotations

import csv
import io
from typing import Any

import pytest

from launcher.devices.sensors import SensorReading, Sensors, together
from launcher.store.samples import read_samples
from tests.launcher.conftest import Workplace, compile_stub, wait_for


@pytest.fixture
def cards(place: Workplace) -> Workplace:
    """A workplace on a machine with two cards whose sensors say what the file `sensors` says."""
    compile_stub("nvml_sensors_stub.c", place.folder / "libnvidia-ml.so.1")
    place.environment = {"LD_LIBRARY_PATH": str(place.folder), "NVML_STUB_SENSORS": str(place.folder / "sensors")}
    return place


def sensors(place: Workplace, *lines: str) -> None:
    beside = place.folder / "sensors.new"
    beside.write_text("".join(f"{line}\n" for line in lines))
    beside.rename(place.folder / "sensors")


def newest(place: Workplace, name: str) -> tuple[float | None, ...]:
    """Return what the newest sample says of the card: percent, bytes, degrees, watts."""
    samples = read_samples(place.paths.telemetry(name))
    if not samples:
        return ()
    one = samples[-1]
    return (one.gpu_percent, one.gpu_memory_bytes, one.gpu_temperature_c, one.gpu_power_w)


def test_each_sample_has_the_sensors_of_its_card(cards: Workplace) -> None:
    go = cards.folder / "go"
    sensors(
        cards, "GPU-0000-0 percent=10 memory=5 temperature=40 power=90000",
        "GPU-0000-1 percent=73 memory=1000 temperature=61 power=250500",
    )  # fmt: skip
    cards.toy({name: {"steps": 2, "barrier": str(go)} for name in "ab"}, telemetry_s=0.1, gpu_memory_gb=1.0)
    process = cards.start("job.toml", "--parallel", "--devices", "0,1")
    wait_for(lambda: newest(cards, "a") == (10, 5, 40, 90))
    wait_for(lambda: newest(cards, "b") == (73, 1000, 61, 250.5))
    go.touch()
    _, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    assert " GPU " in cards.paths.table_txt.read_text()
    assert "73%" in cards.paths.table_txt.read_text()
    _, row = csv.DictReader(io.StringIO(cards.paths.table_csv.read_text()))
    used = [row[name] for name in ("mean_gpu_percent", "peak_gpu_memory_used_bytes", "max_gpu_temperature_c")]
    assert [float(cell) for cell in used] == [73, 1000, 61]
    assert float(row["mean_gpu_power_w"]) == 250.5


def test_a_card_may_know_little_vanish_and_come_back(cards: Workplace) -> None:
    go = cards.folder / "go"
    cards.toy({"a": {"steps": 2, "barrier": str(go)}}, telemetry_s=0.1)
    sensors(cards, "GPU-0000-1 memory=1000")
    process = cards.start("job.toml", "--devices", "1")
    for line, expected in [
        ("GPU-0000-1 memory=2000", (None, 2000, None, None)),  # as a MIG instance
        ("GPU-0000-1 memory=3 temperature=62", (None, 3, 62, None)),
        ("GPU-0000-1 lost", (None, None, None, None)),
        ("GPU-0000-1 memory=4 percent=5", (5, 4, None, None)),
    ]:
        sensors(cards, line)
        wait_for(lambda expected=expected: newest(cards, "a") == expected)
    go.touch()
    _, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    assert "cannot" not in err


def test_a_driver_that_hangs_holds_nothing_up_but_a_start_on_its_card(cards: Workplace) -> None:
    go = cards.folder / "go"
    cards.toy({"a": {"steps": 2, "barrier": str(go)}, "b": {}}, telemetry_s=0.1)
    sensors(cards, "GPU-0000-1 memory=1000")
    process = cards.start("job.toml", "--devices", "1")
    wait_for(lambda: newest(cards, "a") == (None, 1000, None, None))
    sensors(cards, "GPU-0000-1 hang")
    wait_for(lambda: newest(cards, "a") == (None, None, None, None))
    go.touch()
    wait_for(lambda: '"waits"' in cards.paths.events.read_text())
    sensors(cards, "GPU-0000-1 memory=1000")
    _, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    assert "GPU 1: the driver does not answer for it; b waits." in err
    assert len(cards.history("b").steps) == 5


def test_without_a_driver_there_are_no_readings() -> None:
    unread = Sensors(0.1)
    unread.watch(frozenset({"GPU-0000-1"}))
    unread.close()
    assert unread.readings == {}


def reading(**values: float | None) -> SensorReading:
    plain: dict[str, Any] = {"at_s": 1.0, "percent": 50.0, "memory_bytes": 100, "temperature_c": 60.0, "power_w": 200.0}
    return SensorReading(**(plain | values))


def test_of_several_devices_memory_and_power_are_summed_use_is_averaged_and_the_warmest_told() -> None:
    both = together([reading(), reading(percent=100.0, memory_bytes=300, temperature_c=70.0, power_w=100.0)], 2)
    assert both == SensorReading(1.0, 75.0, 400, 70.0, 300.0)
    assert together([reading()], 1) == reading()


def test_what_one_device_does_not_tell_is_not_known_of_all() -> None:
    both = together([reading(), reading(percent=None)], 2)
    assert both is not None
    assert (both.percent, both.memory_bytes) == (None, 200)
    assert together([reading()], 2) is None, "the reading of a device is missing"
    assert together([], 1) is None
