"""Counts the processes that the kernel has killed for want of memory. The worker itself only sees SIGKILL."""

from __future__ import annotations

import contextlib
from pathlib import Path

_COUNTERS = (Path("/proc/vmstat"), Path("/sys/fs/cgroup/memory.events"))  # of the machine; of the container


def num_oom_kills() -> int:
    """Return how many processes the kernel has killed for want of memory so far, as far as this process may see."""
    total = 0
    for path in _COUNTERS:
        with contextlib.suppress(OSError, ValueError):
            for line in path.read_text().splitlines():
                name, _, count = line.partition(" ")
                if name == "oom_kill":
                    total += int(count)
    return total
