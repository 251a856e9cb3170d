"""A container's share of the CPUs: how many slots and threads there are follows it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from launcher.devices.cpu_quota import allowed_cores
from tests.launcher.conftest import Workplace, wait_for


def control_groups(root: Path, way: str, mounts: str, **files: str) -> Path:
    """Make the part of a file system that tells of control groups; `files` are its quotas, by folder."""
    (root / "proc/self").mkdir(parents=True)
    (root / "proc/self/cgroup").write_text(way + "\n")
    (root / "proc/self/mountinfo").write_text(mounts + "\n")
    for place, text in files.items():
        path = root / "sys/fs/cgroup" / place
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text + "\n")
    return root


V2 = "30 23 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw"
V1 = "32 31 0:29 {} /sys/fs/cgroup/cpu,cpuacct rw,relatime - cgroup cgroup rw,cpu,cpuacct"


@pytest.mark.parametrize(
    ("way", "mounts", "files", "expected"),
    [
        ("0::/", V2, {"cpu.max": "50000 100000"}, 0.5),
        ("0::/", V2, {"cpu.max": "max 100000"}, float("inf")),
        ("0::/a/b", V2, {"a/cpu.max": "200000 100000", "a/b/cpu.max": "max 100000"}, 2.0),
        ("0::/a/b", V2, {"a/cpu.max": "300000 100000", "a/b/cpu.max": "150000 100000"}, 1.5),
        ("0::/../../x", V2, {"cpu.max": "100000 100000"}, 1.0),
        ("0::/a", V2, {"a/cpu.max": "nonsense"}, float("inf")),
        ("4:cpu,cpuacct:/", V1.format("/"), {"cpu,cpuacct/cpu.cfs_quota_us": "50000",
         "cpu,cpuacct/cpu.cfs_period_us": "100000"}, 0.5),
        ("4:cpu,cpuacct:/", V1.format("/"), {"cpu,cpuacct/cpu.cfs_quota_us": "-1",
         "cpu,cpuacct/cpu.cfs_period_us": "100000"}, float("inf")),
        ("4:cpuacct,cpu:/docker/1f/in", V1.format("/docker/1f"), {"cpu,cpuacct/in/cpu.cfs_quota_us": "250000",
         "cpu,cpuacct/in/cpu.cfs_period_us": "100000"}, 2.5),
        ("4:cpu,cpuacct:/host/path", V1.format("/other"), {"cpu,cpuacct/cpu.cfs_quota_us": "400000",
         "cpu,cpuacct/cpu.cfs_period_us": "100000"}, 4.0),
        ("7:memory:/x", V1.format("/"), {"cpu,cpuacct/cpu.cfs_quota_us": "400000"}, float("inf")),
    ],
)  # fmt: skip
def test_23_the_tightest_cpu_quota_counts(
    tmp_path: Path, way: str, mounts: str, files: dict[str, str], expected: float
) -> None:
    assert allowed_cores(control_groups(tmp_path, way, mounts, **files)) == expected


def test_23_without_control_groups_there_is_no_quota(tmp_path: Path) -> None:
    assert allowed_cores(tmp_path) == float("inf")


def test_23_slots_and_threads_keep_to_the_quota_of_the_kernel(place: Workplace) -> None:
    group = Path("/sys/fs/cgroup/cpu/sweep-launcher-test")
    if len(os.sched_getaffinity(0)) < 2:
        pytest.skip("one core is the least there is")
    try:
        group.mkdir()
        (group / "cpu.cfs_quota_us").write_text("60000")
    except OSError:
        pytest.skip("only root, where control groups are of version 1, may make one here")
    place.toy({"a": {}, "b": {}})
    join = {"preexec_fn": lambda: (group / "cgroup.procs").write_text(str(os.getpid()))}
    try:
        process = place.start("plan", "job.toml", "--devices", "cpu", "--parallel", "--json", **join)
        out, err = process.communicate(timeout=60)
    finally:
        wait_for(lambda: not (group / "cgroup.procs").read_text())
        group.rmdir()
    assert out.count('"threads": 1') == 1, out + err
