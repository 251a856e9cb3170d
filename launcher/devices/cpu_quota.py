"""Counts the CPU cores this process may use: by its affinity, and by the quota of its control groups.

`docker run --cpus=2` sets such a quota. A quota limits a group and all groups inside it, so the smallest quota counts,
from this process's group up to the root. Both versions of the kernel's interface are read, wherever they are mounted
(cgroups(7): `cpu.max` of version 2; `cpu.cfs_quota_us` and `cpu.cfs_period_us` of version 1). In a container, the path
of its group may be the path on the host. The folder mounted in the container is then the group itself.
"""

from __future__ import annotations

import contextlib
import math
import os
from collections.abc import Iterator
from pathlib import Path


def num_cores() -> int:
    """Return how many cores this process may use, which may be fewer than the machine has.

    It is the number of cores in its affinity, or its quota, rounded up, if that is less.
    """
    return max(1, math.ceil(min(len(os.sched_getaffinity(0)), allowed_cores())))


def allowed_cores(root: Path = Path("/")) -> float:
    """Return the CPU quota in cores, such as 1.5; infinity without a quota.

    `root`: the folder that `proc` and `sys` are in.
    """
    return min((quota for folder in _groups(root) for quota in _quotas(folder)), default=math.inf)


def _groups(root: Path) -> Iterator[Path]:
    """Yield the folder of each control group this process is in, and of the groups around it."""
    try:
        ways = [line.split(":", 2)[1:] for line in (root / "proc/self/cgroup").read_text().splitlines()]
        mounts = [line.split() for line in (root / "proc/self/mountinfo").read_text().splitlines()]
    except (OSError, ValueError):
        return
    for mount in mounts:
        if "-" not in mount[6:]:
            continue
        kind, _, options = mount[mount.index("-", 6) + 1 :][:3]
        if kind not in ("cgroup", "cgroup2"):
            continue
        top, place = mount[3], root / _unescaped(mount[4]).lstrip("/")
        for controllers, way in ways:
            is_of_mount = (
                not controllers if kind == "cgroup2" else "cpu" in {*controllers.split(",")} & {*options.split(",")}
            )
            if is_of_mount:
                yield place
                inner = Path(way).relative_to(top) if Path(way).is_relative_to(top) else Path(way.lstrip("/"))
                if ".." not in inner.parts:
                    yield from (place / part for part in [inner, *inner.parents])


def _quotas(folder: Path) -> Iterator[float]:
    with contextlib.suppress(OSError, ValueError, ZeroDivisionError):
        quota, period = (folder / "cpu.max").read_text().split()
        yield math.inf if quota == "max" else int(quota) / int(period)
    with contextlib.suppress(OSError, ValueError, ZeroDivisionError):
        quota_us = int((folder / "cpu.cfs_quota_us").read_text())
        yield math.inf if quota_us < 0 else quota_us / int((folder / "cpu.cfs_period_us").read_text())


def _unescaped(text: str) -> str:
    """Return a path from mountinfo, which writes a blank as \\040."""
    return text.encode("latin-1", "replace").decode("unicode_escape") if "\\" in text else text
