"""A plan as `plan` prints it: order and waves, what is expected, who is on the devices, files; in words and as JSON."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from launcher import api
from launcher.cli import app
from launcher.devices.locks import lock_device
from launcher.devices.nvml import Gpu
from launcher.planning.launch_options import LaunchOptions
from launcher.planning.preview import preview
from launcher.store.ending import EndingKind
from launcher.store.events import Ended, EventLog, Started
from launcher.store.launch_info import LaunchInfo
from launcher.store.manifest import write_manifest
from launcher.store.paths import Paths
from launcher.store.records import RecordWriter
from launcher.terminal import plan_text
from tests.launcher.conftest import copy_toy

GIB = 2**30
JOB = '[sweep]\ntarget = "toy:train"\n[config]\nlr = 0.2\n[experiments]\na = {}\nb = { steps = 3 }\nc = { lr = 0.3 }\n'


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    copy_toy(tmp_path)
    (tmp_path / "job.toml").write_text(JOB)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LAUNCHER_LOCKS", str(tmp_path / "locks"))
    for variable in ("DEVICES", "CUDA_VISIBLE_DEVICES", "LAUNCHER_JOB", "LAUNCHER_PARALLEL"):
        monkeypatch.delenv(variable, raising=False)
    return tmp_path


def printed(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    with pytest.raises(SystemExit) as ended:
        app.main(["plan", "job.toml", *arguments])
    assert not ended.value.code
    return capsys.readouterr().out


def measured(folder: Path, name: str, *, seconds: float, memory: int, ending: str = "done") -> None:
    """Write down an attempt of three steps, as a worker and a launcher would."""
    paths = Paths(folder / "outcome" / "job", folder / "logs" / "job")
    writer = RecordWriter(paths.records(name), 1)
    experiments = [one.experiment for one in api.plan(api.load("job.toml")).decisions]
    digest = next(one.digest for one in experiments if one.name == name)
    writer.write({"kind": "start", "digest": digest, "device": "cpu", "threads": 1})
    writer.write({"kind": "total", "steps": 3})
    for step in (1, 2, 3):
        writer.write({"step": step, "loss": 1.0})
    writer.write({"kind": "end", "ending": ending, "peak_memory_bytes": memory})
    writer.close()
    events = EventLog(paths.events)
    events.append(Started(name, 1, "cpu", 1))
    events.append(Ended(name, 1, EndingKind(ending), "", seconds, 3))
    events.close()


def test_what_was_measured_is_expected_of_the_others(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    measured(folder, "a", seconds=90.0, memory=3 * GIB)
    told = printed(capsys, "--parallel", "--devices", "cpu", "--only", "a,b")
    assert "  keep   a  done, 3 steps" in told
    assert "  leave  c  not selected; has not run" in told
    assert "1 of 3 to run, in parallel" in told
    assert "steps=3 · ≈ 3.0 GiB" in told, "no time: how much longer it is than a, nothing says"
    plan = json.loads(printed(capsys, "--devices", "cpu", "--fresh", "--json"))
    actions = {one["name"]: (one["action"], one["expected"]["is_measured"]) for one in plan["experiments"]}
    assert actions == {"a": ("redo", True), "b": ("run", False), "c": ("run", False)}
    assert plan["expected"]["seconds"] == pytest.approx(270.0)
    assert plan["waves"] == [["a"], ["b"], ["c"]]


def test_finished_experiments_tell_how_long_new_ones_and_changed_ones_take(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "lasting.py").write_text(
        "from dataclasses import dataclass\n@dataclass(frozen=True)\nclass Config:\n    length: float\n"
        "    def work(self) -> float:\n        return self.length\n"
        "def run(config: Config, run) -> None:\n    pass\n"
    )
    job = '[sweep]\ntarget = "lasting:run"\n[experiments]\n' + "".join(
        f"{name} = {{ length = {length} }}\n" for name, length in (("done", 1), ("broken", 1), ("new", 4))
    )
    (folder / "job.toml").write_text(job)
    measured(folder, "done", seconds=20.0, memory=GIB)
    measured(folder, "broken", seconds=500.0, memory=GIB, ending="diverged")

    def expected() -> dict[str, tuple[str, float | None]]:
        plan = json.loads(printed(capsys, "--parallel", "--devices", "cpu", "--json"))
        return {one["name"]: (one["action"], (one["expected"] or {}).get("seconds")) for one in plan["experiments"]}

    assert expected() == {"done": ("keep", None), "broken": ("keep", None), "new": ("run", 80.0)}
    write_manifest(
        Paths(folder / "outcome" / "job", folder / "logs" / "job"),
        api.plan(api.load("job.toml")).manifest(LaunchInfo()),
    )
    (folder / "job.toml").write_text(job.replace("length = 1", "length = 3", 1))
    assert expected()["done"] == ("redo", 60.0), "three times the work of what was measured"
    assert expected()["new"] == ("run", 80.0)
    (folder / "job.toml").write_text(job.split("broken")[0])
    assert json.loads(printed(capsys, "--devices", "cpu", "--json"))["expected"]["seconds"] is None, "nothing is to run"


def test_devices_are_told_with_who_is_on_them(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    cards = [
        Gpu("0", "GPU-0000-0", "NVIDIA Stub 90GB", 90 * GIB, 40 * GIB, (os.getpid(), 4194305)),
        Gpu("1", "GPU-0000-1", "NVIDIA Stub 90GB", 90 * GIB, 0),
    ]
    monkeypatch.setattr("launcher.devices.nvml.find_gpus", lambda: cards)
    free = printed(capsys, "--parallel")
    assert "  no   GPU 0  NVIDIA Stub 90GB, 50.0 GiB of 90.0 GiB free\n       GPU-0000-0\n" in free
    assert "  use  GPU 1  NVIDIA Stub 90GB, 90.0 GiB of 90.0 GiB free\n       GPU-0000-1\n" in free
    words = free.split()
    assert f"{os.getpid()}" in words
    assert "pid 4194305\n" in free, "of a process that /proc does not know, the pid alone"
    lock = lock_device("GPU-0000-1")
    held = printed(capsys, "--parallel")
    devices = json.loads(printed(capsys, "--parallel", "--json"))["devices"]
    lock.release()
    assert f"held by launcher pid {os.getpid()} of " in held
    assert str(folder) in held.replace("\n", "").replace(" ", "")
    assert devices[1]["launcher"]["pid"] == os.getpid()
    assert [one["pid"] for one in devices[0]["processes"]] == [os.getpid(), 4194305]
    assert "python" in devices[0]["processes"][0]["command"]
    assert printed(capsys, "--parallel") == free, "the note of a launcher that is gone says nothing"


def test_the_document_has_this_shape(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    plan = json.loads(printed(capsys, "--devices", "cpu", "--parallel", "--threads", "3", "--json"))

    def shape(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: shape(one) for key, one in value.items() if key not in ("config", "overrides", "set")}
        return [shape(value[0])] if isinstance(value, list) and value else type(value).__name__

    assert isinstance(plan["devices"][0].pop("free_bytes"), int | None)
    assert shape(plan) == {
        "sweep": "str",
        "job_file": "str",
        "target": "str",
        "seed": "int",
        "axes": {},
        "parallel": "bool",
        "outcome": "str",
        "logs": "str",
        "notices": "list",
        "devices": [
            {
                "id": "str",
                "kind": "str",
                "uuid": "str",
                "name": "str",
                "is_used": "bool",
                "threads": "int",
                "memory_bytes": "NoneType",
                "processes": "list",
                "launcher": "NoneType",
            }
        ],
        "experiments": [
            {
                "name": "str",
                "configuration": "str",
                "seed": "int",
                "cell": {},
                "action": "str",
                "why": "str",
                "attempt": "int",
                "ending": "NoneType",
                "digest": "str",
                "expected": {
                    "seconds": "NoneType",
                    "memory_bytes": "NoneType",
                    "gpu_memory_bytes": "NoneType",
                    "is_measured": "bool",
                },
                "wave": "int",
                "device": "str",
                "after": "NoneType",
            }
        ],
        "order": ["str"],
        "waves": [["str"]],
        "expected": {
            "seconds": "NoneType",
            "work_seconds": "NoneType",
            "memory_bytes": "NoneType",
            "gpu_memory_bytes": "NoneType",
        },
        "files": [{"path": "str", "count": "int", "what": "str"}],
    }
    assert plan["devices"][0]["threads"] == 3
    assert {"path": "logs/job/<experiment>.log", "count": 3, "what": "appended to"} in plan["files"]


def test_no_line_is_wider_than_asked_for_and_many_experiments_are_no_flood(folder: Path) -> None:
    overrides = 'lr = 0.1234567, acks = "some/folder", barrier = "some/file"'
    rows = [f'"experiment_number_{number:03}" = {{ steps = {number}, {overrides} }}' for number in range(100)]
    (folder / "job.toml").write_text('[sweep]\ntarget = "toy:train"\n[experiments]\n' + "\n".join(rows) + "\n")
    planned = preview(api.load("job.toml", overrides={"step_s": 0.5}), LaunchOptions(devices="cpu", parallel=True))
    text = plan_text.text(planned, 80, is_verbose=True)
    assert max(map(len, text.splitlines())) <= 80
    order = text.partition("order:")[2].partition("\n\n")[0]
    assert len(order.splitlines()) < 60
    assert "more waves; --json names them all" in " ".join(order.split())
    assert "step_s = 0.5" in text
