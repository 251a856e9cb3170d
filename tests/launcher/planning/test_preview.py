"""A preview: the files that a launch will write, and the devices in its JSON. No driver, no processes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from launcher.devices.device import Device
from launcher.devices.nvml import Gpu
from launcher.devices.occupancy import Occupancy
from launcher.devices.slots import Slot
from launcher.planning.decision import Decision, PlannedAction
from launcher.planning.experiment import Experiment
from launcher.planning.job import Sweep, load
from launcher.planning.plan import Plan
from launcher.planning.preview import GpuStatus, Preview, written_files
from launcher.store.paths import Paths

GIB = 2**30


@pytest.fixture
def sweep(tmp_path: Path) -> Sweep:
    job = tmp_path / "job.toml"
    job.write_text('[sweep]\ntarget = "train:run"\nmetrics = ["loss"]\n[experiments]\na = {}\nb = {}\nc = {}\n')
    return load(job)


def plan_of(sweep: Sweep, *actions: PlannedAction) -> Plan:
    decisions = [
        Decision(Experiment(name, index, {}, {"lr": 0.1}, f"digest of {name}"), action, "why", 1)
        for index, (name, action) in enumerate(zip(sweep.experiments, actions, strict=True))
    ]
    return Plan(sweep, Paths(Path("out"), Path("log")), decisions)


def test_files_are_counted_for_what_will_be_trained(sweep: Sweep) -> None:
    files = {
        file.path: file.count for file in written_files(plan_of(sweep, *[PlannedAction.RUN] * 2, PlannedAction.KEEP))
    }
    assert files["log/<experiment>.log"] == 2
    assert files["out/records/<experiment>.jsonl"] == 2
    assert files["out/loss_curve_<experiment>.png"] == 2
    assert (files["out/loss_curves.png"], files["out/sweep.json"], files["out"]) == (1, 1, 0)
    assert "out/telemetry/<experiment>.jsonl" in files


def test_without_telemetry_no_file_of_it_is_promised_and_with_nothing_to_run_no_file_at_all(sweep: Sweep) -> None:
    quiet = replace(sweep, settings=replace(sweep.settings, telemetry_s=0.0))
    assert not [file for file in written_files(plan_of(quiet, *[PlannedAction.RUN] * 3)) if "telemetry" in file.path]
    assert written_files(plan_of(sweep, PlannedAction.KEEP, PlannedAction.LEAVE, PlannedAction.KEEP)) == []


def test_json_has_every_gpu_used_or_not_and_the_cpu_slots(sweep: Sweep) -> None:
    gpus = [Gpu(number, f"GPU-{number}", "Card", 8 * GIB, GIB) for number in (0, 1)]
    slots = [Slot(0, Device("cuda", "1", "GPU-1", "Card", 8 * GIB), 4), Slot(1, Device("cpu", "cpu"), 4)]
    plan = plan_of(sweep, PlannedAction.RUN, PlannedAction.KEEP, PlannedAction.RESUME)
    statuses = [GpuStatus(gpu, Occupancy([], None)) for gpu in gpus]
    shown = Preview(plan, slots, statuses, is_parallel=True, free_memory_bytes=3 * GIB).to_json()
    assert [(device["id"], device["is_used"], device["free_bytes"]) for device in shown["devices"]] == [
        (0, False, 7 * GIB),
        (1, True, 7 * GIB),
        ("cpu", True, 3 * GIB),
    ]
    assert [(row["name"], row["action"], row["wave"]) for row in shown["experiments"]] == [
        ("a", "run", 1),
        ("b", "keep", None),
        ("c", "resume", 1),
    ]
    assert shown["order"] == ["a", "c"]


def test_a_grid_has_plots_by_its_axes_and_all_at_once_from_twenty_experiments_on(sweep: Sweep) -> None:
    def planned(num: int, cell: dict[str, int]) -> set[str]:
        plan = plan_of(sweep, *[PlannedAction.RUN] * 3)
        made = [
            replace(plan.decisions[0], experiment=replace(plan.decisions[0].experiment, name=f"e{place}", cell=cell))
            for place in range(num)
        ]
        return {Path(file.path).name for file in written_files(replace(plan, decisions=made))}

    assert "loss_by_axis.png" in planned(3, {"lr": 1})
    assert not {"loss_by_axis.png", "loss_parallel.png"} & planned(30, {})
    assert "loss_parallel.png" not in planned(19, {"lr": 1, "width": 2})
    assert "loss_parallel.png" in planned(20, {"lr": 1, "width": 2})
