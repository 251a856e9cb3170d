"""A sweep that nobody trained, as files: a grid of any size, with equal failures, divergences and telemetry."""

from __future__ import annotations

import itertools
import json
import math
import random
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from launcher.store.launch_info import Placement
from launcher.store.manifest import Manifest, ManifestExperiment, write_manifest
from launcher.store.paths import Paths
from launcher.store.provenance import environment

START_S = 1_767_225_600.0  # 2026-01-01
ERROR = "RuntimeError: mat1 and mat2 shapes cannot be multiplied (16x{size} and 64x10)"


def make_sweep(
    folder: Path, num: int, steps: int = 300, metrics: Sequence[str] = ("loss", "perplexity"), *, faults: bool = True
) -> Paths:
    """Write a sweep of `num` experiments; with `faults`, some of many fail in the same way, and some diverge."""
    paths = Paths(folder / "outcome", folder / "logs")
    paths.create()
    paths.telemetry("a").parent.mkdir(exist_ok=True)
    planned, events = [], []
    for index in range(num):
        lr, width = (1e-4, 3e-4, 1e-3, 3e-3, 1e-2)[index % 5], (64, 128, 256, 512)[index // 5 % 4]
        seed = index // 20
        name = "baseline" if not index else f"resnet50_lr_{lr:g}_width_{width}_seed_{seed}"
        config = {"lr": lr, "width": width, "seed": seed, "dropout": 0.1, "data_dir": "data", "batch_size": 16}
        overrides = {"lr": lr, "width": width, "seed": seed} if index else {}
        planned.append(ManifestExperiment(name, overrides, config, name))
        kind = "done"
        if faults and num >= 5:
            kind = "failed" if index % 13 == 7 else "diverged" if index % 29 == 3 else "done"
        events += _write_experiment(paths, name, index, kind, steps, metrics, (lr, width))
    slots = [Placement(device="cpu:0"), Placement(device="cpu:1")]
    launch = replace(environment(), argv=["launcher", "run", "jobs/grid.toml", "--parallel"], slots=slots)
    write_manifest(paths, Manifest("grid", "jobs/grid.toml", "m.train:run", 0, list(metrics), [], planned, launch))
    events.sort(key=lambda event: str(event["at"]))
    paths.events.write_text("".join(json.dumps(event) + "\n" for event in events))
    return paths


def make_grid(folder: Path, num_lrs: int = 4, num_widths: int = 2, num_seeds: int = 3, steps: int = 60) -> Paths:
    """Write a grid with several seeds: the largest lr diverges on its last seed."""
    paths = Paths(folder / "outcome", folder / "logs")
    paths.create()
    axes = {
        "lr": [1e-4 * 2**place for place in range(num_lrs)],
        "size": [f"size{place}" for place in range(num_widths)],
    }
    planned, events = [], []
    for lr, size, seed in itertools.product(axes["lr"], axes["size"], range(num_seeds)):
        group = f"lr={lr:g}+size={size}"
        name = f"{group}+s{seed}" if seed else group
        width = 64 << axes["size"].index(size)
        cell, config = {"lr": lr, "size": size}, {"lr": lr, "width": width, "dropout": 0.1}
        overrides = {"lr": lr, "width": width} if planned else {}
        planned.append(ManifestExperiment(name, overrides, config, name, seed=seed, group=group, cell=cell))
        kind = "diverged" if lr == axes["lr"][-1] and seed == num_seeds - 1 else "done"
        index = len(planned) - 1
        events += _write_experiment(paths, name, index, kind, steps, ("loss", "perplexity"), (lr, width))
    manifest = Manifest(
        "grid", "jobs/grid.toml", "m.train:run", 0, ["loss", "perplexity"], [], planned, environment(), axes=axes
    )
    write_manifest(paths, manifest)
    events.sort(key=lambda event: str(event["at"]))
    paths.events.write_text("".join(json.dumps(event) + "\n" for event in events))
    return paths


def _write_experiment(
    paths: Paths, name: str, index: int, kind: str, steps: int, metrics: Sequence[str], made_of: tuple[float, int]
) -> list[dict[str, Any]]:
    chance, (lr, width) = random.Random(index), made_of
    last = {"failed": 3, "diverged": steps // 2}.get(kind, steps)
    floor = 2.0 + 0.15 * abs(math.log10(lr) + 3) - 0.05 * math.log2(width / 64) + chance.gauss(0, 0.02)
    rows: list[dict[str, Any]] = [{"kind": "start"}, {"kind": "info", "parameters": width * 1000}]
    rows += [{"kind": "info", "vocabulary": 512}, {"kind": "total", "steps": steps}]
    for step in range(1, last + 1):
        loss = floor + 4 * math.exp(-step * 12 / steps * (lr / 1e-3) ** 0.3) + chance.gauss(0, 0.05)
        if kind == "diverged" and step > last // 2:
            loss *= math.exp(min(60.0, (step - last // 2) / 4))
        values = {"loss": loss, "perplexity": math.exp(min(loss, 80.0))}
        rows.append({"step": step, **{name: values.get(name, loss) for name in metrics}, "tokens": step * 2048})
    why = {"failed": ERROR.format(size=64 + index), "diverged": f"loss is nan at step {last + 1}"}.get(kind, "")
    rows.append({"kind": "end", "ending": kind} | ({"error": why} if why else {}))
    lines = [json.dumps({"n": n, "attempt": 1, "at_s": round(n / 25, 3), **row}) for n, row in enumerate(rows, 1)]
    paths.records(name).write_text("\n".join(lines) + "\n")
    samples = [
        {"cpu_percent": 90 + chance.gauss(0, 5), "memory_bytes": 3 * 10**8 + at * 10**6, "peak_memory_bytes": 4 * 10**8,
         "attempt": 1, "at_s": at, "num_processes": 1}
        for at in range(2, max(3, last // 25), 2)
    ]  # fmt: skip
    paths.telemetry(name).write_text("".join(json.dumps(sample) + "\n" for sample in samples))
    paths.log(name).write_text(f"step {last} loss {floor:.4f}\n" + (f"Traceback\n{why}\n" if why else "done\n"))
    seconds = last / 25
    begun_s = START_S + index // 2 * 12
    about = {"experiment": name, "attempt": 1}
    started = {"at": _at(begun_s), "event": "started", "device": f"cpu:{index % 2}", "threads": 1, **about}
    ended = {"at": _at(begun_s + seconds), "event": "ended", "ending": kind, "why": why, "seconds": seconds, **about}
    return [started, ended]


def _at(time_s: float) -> str:
    import datetime

    return datetime.datetime.fromtimestamp(time_s, datetime.UTC).isoformat(timespec="seconds")
