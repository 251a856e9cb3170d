"""Reads the telemetry files, `outcome/telemetry/<experiment>.jsonl`: CPU, memory and GPU use of experiments over time.

A line of a file is a sample: a JSON object with the fields of `Sample`. Fields that are not known are absent.
"""

from __future__ import annotations

import contextlib
import statistics
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import orjson

from launcher.store import values as read_as
from launcher.store.files import read_lines


@dataclass(frozen=True, slots=True)
class Sample:
    """A measurement of an attempt's process tree and of its device. A value that is not known is None."""

    attempt: int
    at_s: float  # since the attempt began
    cpu_percent: float  # of a core, since the previous sample or, in the first sample, since the attempt began
    memory_bytes: int  # resident memory of the whole tree
    peak_memory_bytes: int  # the largest memory_bytes of the attempt so far
    num_processes: int
    gpu_percent: float | None = None
    gpu_memory_bytes: int | None = None  # in use on the whole card
    gpu_temperature_c: float | None = None
    gpu_power_w: float | None = None


_REQUIRED = ("attempt", "at_s", "cpu_percent", "memory_bytes", "peak_memory_bytes", "num_processes")
_MOST = 1e18  # the limit of every field: a million terabytes
FIELDS = tuple(field.name for field in fields(Sample))


def read_samples(path: Path) -> list[Sample]:
    """Return the samples of all attempts in a file, in order. Lines that are not samples are skipped.

    If the file is missing or cannot be read, the list is empty or ends early.
    """
    samples = []
    with contextlib.suppress(OSError):  # a table or a report can do without telemetry
        for line in read_lines(path):
            with contextlib.suppress(ValueError):
                samples.append(_sample(orjson.loads(line)))
    return samples


def _sample(content: Any) -> Sample:
    """Return the sample that a line's JSON value describes.

    Raises:
        ValueError: the value is not a sample.
    """
    if not isinstance(content, dict):
        raise ValueError("not an object")
    values = {name: content[name] for name in FIELDS if name in content}
    if not all(name in values for name in _REQUIRED):
        raise ValueError("not a sample")
    for value in values.values():
        if isinstance(value, bool) or (known := read_as.finite(value)) is None or not 0 <= known <= _MOST:
            raise ValueError("not a number, or one that nothing measures")
    if read_as.whole(values["attempt"], least=1) is None:
        raise ValueError("not an attempt")
    return Sample(**values)


def summarise(samples: Sequence[Sample]) -> dict[str, float]:
    """Return the cells of the results table that come from an experiment's samples, by column.

    A mean is over time: the weight of a sample is the time since the previous sample of its attempt.
    """
    weights = []
    attempt, until_s = 0, 0.0
    for sample in samples:
        weights.append(max(sample.at_s - (until_s if sample.attempt == attempt else 0.0), 1e-3))
        attempt, until_s = sample.attempt, sample.at_s

    def _mean(name: str) -> float | None:
        known = {place: value for place, sample in enumerate(samples) if (value := getattr(sample, name)) is not None}
        return round(statistics.fmean(known.values(), [weights[place] for place in known]), 1) if known else None

    def _most(name: str) -> float | None:
        return max((value for sample in samples if (value := getattr(sample, name)) is not None), default=None)

    cells = {
        "mean_cpu_percent": _mean("cpu_percent"),
        "peak_tree_memory_bytes": _most("peak_memory_bytes"),
        "mean_gpu_percent": _mean("gpu_percent"),
        "peak_gpu_memory_used_bytes": _most("gpu_memory_bytes"),
        "max_gpu_temperature_c": _most("gpu_temperature_c"),
        "mean_gpu_power_w": _mean("gpu_power_w"),
    }
    return {column: value for column, value in cells.items() if value is not None}
