"""Telemetry: what running experiments use of CPU, memory and their GPU, sampled every few seconds by the launcher.

    usage.ProcessTable   ─┐
                          ├─▶ Telemetry ─▶ outcome/telemetry/<experiment>.jsonl ─▶ read_samples ─▶ table, report
    sensors.Sensors (thread) ┘       └─▶ latest, for the screen

The file has one JSON object a line: the fields of `Sample`, without those that are not known. It is an observation:
what cannot be read or written is left out, and training neither waits for it nor knows of it.
"""

from __future__ import annotations

import contextlib
import math
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Self

import orjson

from launcher.devices.sensors import SensorReading, Sensors
from launcher.executors.process_tree import ProcessTable, Usage
from launcher.store import values as read_as
from launcher.store.files import read_lines
from launcher.store.paths import Paths
from launcher.store.state import LineLog


@dataclass(frozen=True, slots=True)
class Sample:
    """What the process tree of an attempt used, and what its device said; None where that is not known."""

    attempt: int
    at_s: float  # since the attempt began
    cpu_percent: float  # of one core, since the sample before; in the first since the attempt began
    memory_bytes: int  # resident, of the whole tree
    peak_memory_bytes: int  # the most of any sample of this attempt
    num_processes: int
    gpu_percent: float | None = None
    gpu_memory_bytes: int | None = None  # in use on the whole card
    gpu_temperature_c: float | None = None
    gpu_power_w: float | None = None


_REQUIRED = ("attempt", "at_s", "cpu_percent", "memory_bytes", "peak_memory_bytes", "num_processes")
_MOST = 1e18  # of any of them: a million terabytes
_FIELDS = tuple(field.name for field in fields(Sample))


@dataclass
class _Watched:
    attempt: int
    pid: int
    uuid: str
    began_s: float

    def __post_init__(self) -> None:
        self.sampled_s = self.began_s
        self.cpu_s = 0.0
        self.peak_bytes = 0
        self.file: LineLog | None = None

    def sample(self, usage: Usage, reading: SensorReading | None, now_s: float) -> Sample:
        """Return the sample of now, and remember what the next one is counted from."""
        cpu_percent = 100 * (usage.cpu_s - self.cpu_s) / (now_s - self.sampled_s)
        self.cpu_s, self.sampled_s = usage.cpu_s, now_s
        self.peak_bytes = max(self.peak_bytes, usage.memory_bytes)
        return Sample(
            self.attempt,
            round(now_s - self.began_s, 3),
            round(cpu_percent, 1),
            usage.memory_bytes,
            self.peak_bytes,
            usage.num_processes,
            *((reading.percent, reading.memory_bytes, reading.temperature_c, reading.power_w) if reading else ()),
        )


class Telemetry:
    """Samples the attempts it is told to watch. The loop owns it, and enters and leaves it as a context."""

    def __init__(self, paths: Paths, every_s: float, complain: Callable[[str], None]) -> None:
        self.latest: dict[str, Sample] = {}  # by experiment, of those that run
        self._paths = paths
        self._every_s = every_s  # 0: never
        self._complain = complain
        self._has_complained = False
        self._due_s = -math.inf
        self._watched: dict[str, _Watched] = {}
        self._processes = ProcessTable()
        self._sensors = Sensors(every_s)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for experiment in list(self._watched):
            self.forget(experiment)
        self._sensors.close()

    def watch(self, experiment: str, attempt: int, pid: int, uuid: str, began_s: float) -> None:
        """Sample an attempt from now on.

        `pid` is its worker's, which leads a session of its own or soon will; `uuid` its GPU's, empty where it has none;
        `began_s` by time.monotonic.
        """
        if self._every_s:
            self._watched[experiment] = _Watched(attempt, pid, uuid, began_s)
            self._watch_devices()

    def forget(self, experiment: str) -> None:
        """Sample an experiment no more; its file stays."""
        self.latest.pop(experiment, None)
        watched = self._watched.pop(experiment, None)
        if watched is not None:
            if watched.file is not None:
                watched.file.close()
            self._watch_devices()

    def tick(self, now_s: float) -> None:
        """Take a sample of everything watched, if it is time."""
        if not self._watched or now_s < self._due_s:
            return
        self._due_s = now_s + self._every_s
        try:
            used = self._processes.look({one.pid for one in self._watched.values()})
        except OSError:  # out of descriptors, say: no sample this time
            return
        readings = self._sensors.readings
        for experiment, one in self._watched.items():
            # One that has just begun waits for its turn: a share of a moment says nothing.
            if one.pid in used and now_s - one.sampled_s >= self._every_s / 2:
                reading = readings.get(one.uuid)
                if reading and reading.at_s < max(one.began_s, now_s - 2 * self._every_s):
                    reading = None  # of another attempt, or the driver has not answered since
                sample = self.latest[experiment] = one.sample(used[one.pid], reading, now_s)
                self._record(experiment, one, sample)

    def _watch_devices(self) -> None:
        self._sensors.watch(frozenset(one.uuid for one in self._watched.values() if one.uuid))

    def _record(self, experiment: str, one: _Watched, sample: Sample) -> None:
        path = self._paths.telemetry(experiment)
        try:
            if one.file is None:
                path.parent.mkdir(parents=True, exist_ok=True)
                one.file = LineLog(path)
            one.file.write({name: value for name in _FIELDS if (value := getattr(sample, name)) is not None})
        except OSError as error:  # tried again with the next sample: there may be room by then
            if not self._has_complained:
                self._has_complained = True
                self._complain(f"{path} cannot be written: {error.strerror}. Training goes on.")


def read_samples(path: Path) -> list[Sample]:
    """Return the samples in a file, of all attempts, in order; lines that are torn or foreign are passed over."""
    samples = []
    with contextlib.suppress(OSError):  # none yet, or not readable: it is an observation, no table or report fails
        for line in read_lines(path):
            with contextlib.suppress(ValueError):
                samples.append(_sample(orjson.loads(line)))
    return samples


def _sample(content: Any) -> Sample:
    """Return the sample that a line holds.

    Raises:
        ValueError: it holds something else.
    """
    if not isinstance(content, dict):
        raise ValueError("not an object")
    values = {name: content[name] for name in _FIELDS if name in content}
    if not all(name in values for name in _REQUIRED):
        raise ValueError("not a sample")
    for value in values.values():
        if isinstance(value, bool) or (known := read_as.finite(value)) is None or not 0 <= known <= _MOST:
            raise ValueError("not a number, or one that nothing measures")
    if read_as.whole(values["attempt"], least=1) is None:
        raise ValueError("not an attempt")
    return Sample(**values)


def summarise(samples: Sequence[Sample]) -> dict[str, float]:
    """Return the cells of the results table that an experiment's samples fill, by column; means are over time."""
    weights = []  # each sample speaks for the time since the one before it, in its attempt
    attempt, until_s = 0, 0.0
    for sample in samples:
        weights.append(max(sample.at_s - (until_s if sample.attempt == attempt else 0.0), 1e-3))
        attempt, until_s = sample.attempt, sample.at_s

    def _mean(name: str) -> float | None:
        known = {place: value for place, one in enumerate(samples) if (value := getattr(one, name)) is not None}
        return round(statistics.fmean(known.values(), [weights[place] for place in known]), 1) if known else None

    def _most(name: str) -> float | None:
        return max((value for one in samples if (value := getattr(one, name)) is not None), default=None)

    cells = {
        "mean_cpu_percent": _mean("cpu_percent"),
        "peak_tree_memory_bytes": _most("peak_memory_bytes"),
        "mean_gpu_percent": _mean("gpu_percent"),
        "peak_gpu_memory_used_bytes": _most("gpu_memory_bytes"),
        "max_gpu_temperature_c": _most("gpu_temperature_c"),
        "mean_gpu_power_w": _mean("gpu_power_w"),
    }
    return {column: value for column, value in cells.items() if value is not None}
