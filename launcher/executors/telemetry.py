"""Telemetry: the CPU, memory and GPU that running experiments use, sampled by the launcher every few seconds.

    process_tree.ProcessTable ─┐
                               ├─▶ Telemetry ─▶ outcome/telemetry/<experiment>.jsonl ─▶ store.samples ─▶ table, report
    sensors.Sensors (thread) ──┘       └─▶ latest, for the screen

A sample is an observation. Values that cannot be read or written are left out, and training does not wait for a sample.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from launcher.devices.sensors import SensorReading, Sensors, together
from launcher.executors.process_tree import ProcessTable, Usage
from launcher.store.line_log import LineLog
from launcher.store.samples import FIELDS, Sample


@dataclass
class _Watched:
    attempt: int
    pid: int
    uuids: Sequence[str]
    began_s: float

    def __post_init__(self) -> None:
        self.sampled_s = self.began_s
        self.cpu_s = 0.0
        self.peak_bytes = 0
        self.peak_gpu_bytes: int | None = None  # on one of its GPUs, as the driver counts it for its processes
        self.file: LineLog | None = None

    def note_gpu(self, usage: Usage, readings: Sequence[SensorReading]) -> None:
        """Take in what the driver counts for the processes of the attempt on each of its GPUs."""
        for reading in readings:
            if held := sum(reading.processes.get(pid, 0) for pid in usage.pids):
                self.peak_gpu_bytes = max(self.peak_gpu_bytes or 0, held)

    def sample(self, usage: Usage, reading: SensorReading | None, now_s: float) -> Sample:
        """Return the sample of this moment. The next sample counts CPU time from here."""
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
    """Samples attempts from `watch` to `forget`."""

    def __init__(self, path_of: Callable[[str], Path], every_s: float, warn: Callable[[str], None]) -> None:
        """Begin with no attempt. `path_of` returns the file of an experiment's samples."""
        self.latest: dict[str, Sample] = {}  # by experiment, of those that run
        self._path_of = path_of
        self._every_s = every_s  # 0: never
        self._warn = warn
        self._has_warned = False
        self._due_s = -math.inf
        self._watched: dict[str, _Watched] = {}
        self._processes = ProcessTable()
        self._sensors = Sensors(every_s)

    def close(self) -> None:
        """Release everything; the files stay."""
        for experiment in list(self._watched):
            self.forget(experiment)
        self._sensors.close()

    def watch(self, experiment: str, attempt: int, pid: int, uuids: Sequence[str], began_s: float) -> None:
        """Sample an attempt from now on.

        `pid` is the pid of its worker, which leads a session of its own or soon will. `uuids` are those of its GPUs,
        none on CPU slots. `began_s` is when the worker began, by `time.monotonic`.
        """
        if self._every_s:
            self._watched[experiment] = _Watched(attempt, pid, uuids, began_s)
            self._processes.begin(pid)
            self._watch_devices()

    def forget(self, experiment: str) -> int | None:
        """Stop sampling an experiment; its file stays.

        Returns the most memory that its processes held on one of its GPUs, in bytes; None if no sample has told.
        """
        self.latest.pop(experiment, None)
        watched = self._watched.pop(experiment, None)
        if watched is not None:
            if watched.file is not None:
                watched.file.close()
            self._watch_devices()
        return watched.peak_gpu_bytes if watched is not None else None

    def tick(self, now_s: float) -> None:
        """Take a sample of every watched attempt, if it is time to."""
        if not self._watched or now_s < self._due_s:
            return
        self._due_s = now_s + self._every_s
        try:
            used = self._processes.look({watched.pid for watched in self._watched.values()})
        except OSError:  # such as no descriptor left: there is no sample this time
            return
        readings = self._sensors.readings
        for experiment, watched in self._watched.items():
            # An attempt that has just begun waits for the next round: CPU time of a moment says nothing.
            if watched.pid in used and now_s - watched.sampled_s >= self._every_s / 2:
                # An older reading is of another attempt, or the driver has not answered since.
                since_s = max(watched.began_s, now_s - 2 * self._every_s)
                found = [readings[uuid] for uuid in watched.uuids if uuid in readings]
                fresh = [each for each in found if each.at_s >= since_s]
                watched.note_gpu(used[watched.pid], fresh)
                reading = together(fresh, len(watched.uuids))
                sample = self.latest[experiment] = watched.sample(used[watched.pid], reading, now_s)
                self._write(experiment, watched, sample)

    def _watch_devices(self) -> None:
        self._sensors.watch(frozenset(uuid for watched in self._watched.values() for uuid in watched.uuids))

    def _write(self, experiment: str, watched: _Watched, sample: Sample) -> None:
        path = self._path_of(experiment)
        try:
            if watched.file is None:
                path.parent.mkdir(parents=True, exist_ok=True)
                watched.file = LineLog(path)
            watched.file.write({name: value for name in FIELDS if (value := getattr(sample, name)) is not None})
        except OSError as error:  # the next sample tries again, as there may be room by then
            if not self._has_warned:
                self._has_warned = True
                self._warn(f"{path} cannot be written: {error.strerror}. Training goes on.")
