"""What the workers of an experiment used of the machine over time, read from its telemetry file for the report.

A line is a JSON object with `attempt`, `at_s` (since that attempt began) and what was known then; keys: QUANTITIES.
"""

from __future__ import annotations

import contextlib
import json
import math
from dataclasses import dataclass
from pathlib import Path

QUANTITIES = {  # key → title, unit, factor
    "cpu_percent": ("CPU", "% of one core", 1.0),
    "memory_bytes": ("Memory", "MB", 1e-6),
    "gpu_percent": ("GPU", "% busy", 1.0),
    "gpu_memory_bytes": ("GPU memory, of the whole card", "MB", 1e-6),
    "gpu_temperature_c": ("GPU temperature", "°C", 1.0),
    "gpu_power_w": ("GPU power", "W", 1.0),
}


@dataclass(frozen=True)
class Usage:
    """One quantity over time, attempts one after another."""

    at_s: list[float]
    values: list[float]  # in the unit of QUANTITIES


def read_usage(path: Path) -> dict[str, Usage]:
    """Return what was measured, by quantity; torn or foreign lines are passed over, a missing file is empty."""
    found: dict[str, Usage] = {}
    try:
        lines = path.read_bytes().split(b"\n")
    except (FileNotFoundError, NotADirectoryError):
        return {}
    attempt, before_s, last_s = 0, 0.0, 0.0
    for line in lines:
        with contextlib.suppress(ValueError, KeyError, TypeError, RecursionError):
            sample = json.loads(line)
            at_s = float(sample["at_s"])
            if sample["attempt"] > attempt:
                attempt, before_s = sample["attempt"], before_s + last_s
            last_s = at_s
            for key, (_, _, factor) in QUANTITIES.items():
                value = sample.get(key)
                if isinstance(value, int | float) and math.isfinite(value):
                    usage = found.setdefault(key, Usage([], []))
                    usage.at_s.append(before_s + at_s)
                    usage.values.append(value * factor)
    return found
