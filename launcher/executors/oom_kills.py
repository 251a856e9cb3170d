"""Whether the kernel has killed for want of memory: the only trace of it, since the victim just sees SIGKILL."""

from __future__ import annotations

import contextlib
from pathlib import Path

_COUNTERS = (Path("/proc/vmstat"), Path("/sys/fs/cgroup/memory.events"))  # the machine's; a container's own


def num_oom_kills() -> int:
    """Return how often the kernel has killed a process for memory so far, as far as this process may know."""
    total = 0
    for path in _COUNTERS:
        with contextlib.suppress(OSError, ValueError):
            for line in path.read_text().splitlines():
                name, _, count = line.partition(" ")
                if name == "oom_kill":
                    total += int(count)
    return total
