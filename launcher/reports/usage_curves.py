"""The curves of what an experiment used of the machine: CPU, memory and GPU over time. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from launcher.store.samples import Sample

QUANTITIES = {  # field of a sample → title, unit, and the factor from the sample's unit to this one
    "cpu_percent": ("CPU", "% of one core", 1.0),
    "memory_bytes": ("Memory", "MB", 1e-6),
    "gpu_percent": ("GPU", "% busy", 1.0),
    "gpu_memory_bytes": ("GPU memory, of the whole card", "MB", 1e-6),
    "gpu_temperature_c": ("GPU temperature", "°C", 1.0),
    "gpu_power_w": ("GPU power", "W", 1.0),
}


@dataclass(frozen=True)
class Series:
    """One quantity over time, the attempts one after another: N samples."""

    at_s: list[float]  # since the experiment began, without the time between attempts
    values: list[float]  # in the unit of QUANTITIES


def over_time(samples: Sequence[Sample]) -> dict[str, Series]:
    """Return the curve of each quantity that was measured, by the field of a sample."""
    found: dict[str, Series] = {}
    attempt, before_s, last_s = 0, 0.0, 0.0
    for sample in samples:
        if sample.attempt > attempt:
            attempt, before_s = sample.attempt, before_s + last_s
        last_s = sample.at_s
        for key, (_, _, factor) in QUANTITIES.items():
            value = getattr(sample, key)
            if value is not None and math.isfinite(value):
                series = found.setdefault(key, Series([], []))
                series.at_s.append(before_s + sample.at_s)
                series.values.append(value * factor)
    return found
