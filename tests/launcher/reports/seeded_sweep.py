"""A sweep of configurations on several seeds that nobody trained, as files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from launcher.store.ending import EndingKind
from launcher.store.events import Ended, EventLog, Started
from launcher.store.manifest import Manifest, ManifestExperiment, write_manifest
from launcher.store.paths import Paths
from launcher.store.records import RecordWriter

LEVELS: dict[str, Sequence[float | str]] = {
    "base": [5.40, 5.35, 5.46, 5.31, 5.47],
    "lr=0.001": [5.31, 5.28, 5.36, 5.25, 5.33],
    "lr=0.1": [5.91, 5.88, 5.98, "diverged", "failed"],
}


def make_seeded_sweep(
    folder: Path,
    levels: Mapping[str, Sequence[float | str]] = LEVELS,
    metrics: Sequence[str] = ("loss",),
    cells: Mapping[str, Mapping[str, Any]] | None = None,
) -> Paths:
    """Write a sweep in which each seed of a configuration has a level, or a text as its ending; "" is not started."""
    paths = Paths(folder / "outcome", folder / "logs")
    paths.create()
    planned, log = [], EventLog(paths.events)
    for name in levels:
        for seed, level in enumerate(levels[name]):
            cell = dict((cells or {}).get(name, {}))
            key, _, value = name.partition("=")
            overrides = {key: float(value)} if value else {}
            own = f"{name}+s{seed}" if seed else name
            config = {"lr": 0.01, "model": {"width": 64}} | overrides
            planned.append(ManifestExperiment(own, overrides, config, own, group=name, seed=seed, cell=cell))
            if level != "":
                _write(paths, own, level, metrics, log)
    log.close()
    axes = {axis: list(dict.fromkeys(each.cell[axis] for each in planned)) for axis in planned[0].cell}
    write_manifest(paths, Manifest("s", "job.toml", "t:f", 0, list(metrics), [], planned, axes=axes))
    return paths


def _write(paths: Paths, name: str, level: float | str, metrics: Sequence[str], log: EventLog) -> None:
    ending = EndingKind(level) if isinstance(level, str) else EndingKind.DONE
    log.append(Started(name, 1, "cpu:0", 1))
    writer = RecordWriter(paths.records(name), 1)
    writer.write({"kind": "start", "digest": name})
    for step in range(1, 7):
        writer.write({"step": step, **{metric: 9.0 if isinstance(level, str) else level for metric in metrics}})
    writer.write({"kind": "end", "ending": str(ending)})
    writer.close()
    log.append(Ended(name, 1, ending, "" if ending == EndingKind.DONE else "why", 1.5))
