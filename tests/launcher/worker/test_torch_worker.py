"""Workers with real torch: threads, DataLoader workers inside a worker, the fork server's preload."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from launcher.devices.cpu_quota import num_cores
from tests.launcher.conftest import Workplace, marked, wait_for

pytestmark = pytest.mark.slow


def test_09_torch_gets_its_threads_and_a_loader_forks(place: Workplace) -> None:
    place.toy({"a": {"loader_workers": 2}}, target="torchy:train", preload=["torch"])
    result = place.launch("job.toml", "--threads", "1")
    assert result.code == 0, result.err
    assert place.history("a").info == {"threads_of_torch": 1, "context": "fork"}
    assert len(place.history("a").steps) == 3


def test_what_torch_imports_late_the_fork_server_has(place: Workplace) -> None:
    place.toy({"a": {}}, target="torchy:save", preload=["torch", "torch._dynamo"])
    result = place.launch("job.toml")
    assert result.code == 0, result.err
    assert place.history("a").info == {"imported": ""}, "add it to launcher/worker/preloaded.py"


def test_09_loader_processes_end_with_a_killed_worker(place: Workplace) -> None:
    place.toy({"a": {"loader_workers": 2, "hang": True}}, target="torchy:train", preload=["torch"])
    process = place.start("job.toml")
    wait_for(lambda: place.history("a").steps)
    start = place.history("a").start
    assert start is not None
    worker = next(one for one in marked(place.mark) if one.pid == start["pid"])
    assert worker.children(), "the loader has processes"
    worker.send_signal(signal.SIGKILL)
    process.communicate(timeout=60)
    assert process.returncode == 1  # the fixture looks for what is left
    assert "SIGKILL" in place.log("a")


def test_the_launcher_never_imports_torch(place: Workplace) -> None:
    place.toy({"a": {"hang": True}}, target="torchy:train", preload=["torch"])
    process = place.start("job.toml")
    wait_for(lambda: place.history("a").steps)
    maps = Path(f"/proc/{process.pid}/maps").read_text()
    assert "libtorch" not in maps
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)
    assert process.returncode == 130


def test_elastic_threads_give_the_cores_of_the_ended_to_the_last(place: Workplace) -> None:
    if num_cores() < 2:
        pytest.skip("one core is all there is: nothing can be given")
    experiments = {"long": {"hang": False}, "short": {"hang": True}}
    place.toy(experiments, target="torchy:grow", preload=["torch"], elastic_threads=True, threads=1)
    result = place.launch("job.toml", "--parallel", "--devices", "0,1")
    assert result.code == 0, result.err
    assert list(place.history("long").steps.values())[-1] == {"threads_used": 2}
    assert list(place.history("short").steps.values())[-1] == {"threads_used": 1}
    assert "info threads 2" in place.log("long")
