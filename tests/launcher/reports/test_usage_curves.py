"""Curves of what the workers used."""

from __future__ import annotations

import json
from pathlib import Path

from launcher.reports.usage_curves import over_time
from launcher.store.samples import read_samples


def test_telemetry_is_read_with_attempts_one_after_another(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    rest = {"peak_memory_bytes": 0, "num_processes": 1}
    samples = [
        {"attempt": 1, "at_s": 1.0, "cpu_percent": 50.0, "memory_bytes": 1000000},
        {"attempt": 1, "at_s": 2.0, "cpu_percent": 60.0, "memory_bytes": 2000000, "gpu_percent": 7},
        {"attempt": 2, "at_s": 1.5, "cpu_percent": 99.0, "memory_bytes": 3000000},
    ]
    path.write_text("".join(json.dumps(sample | rest) + "\n" for sample in samples) + '[]\n{"attempt": 2, "at_s')
    found = over_time(read_samples(path))
    assert found["cpu_percent"].at_s == [1.0, 2.0, 3.5]
    assert found["memory_bytes"].values == [1.0, 2.0, 3.0]
    assert found["gpu_percent"].values == [7.0]
    assert found.keys() == {"cpu_percent", "memory_bytes", "gpu_percent"}
    assert over_time(read_samples(tmp_path / "absent")) == {}
