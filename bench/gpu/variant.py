"""Trains a MiniGPT and prints its figures as JSON: `python bench/gpu/variant.py '{"steps": 20, …}'`.

The argument has the keys device, data (a folder), config (keys of TrainConfig), steps, is_profiled and is_logged.
The answer has tokens_per_s and step_s (medians, without the first third), peak_bytes, losses, waits (calls by name) and
head. If `is_logged`, every second block of steps is recorded; recorded_s is the median of the steps in these blocks,
step_s that of the others.
"""

from __future__ import annotations

import contextlib
import io
import json
import statistics
import sys
import tempfile
from collections import Counter
from itertools import pairwise
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from precision import Quiet

from launcher.store.records import RecordWriter
from minigpt import train
from minigpt.config import TrainConfig

WAITS = ("cudaStreamSynchronize", "cudaDeviceSynchronize", "cudaEventSynchronize", "cudaMemcpy")


BLOCK = 10  # steps in turn with and without a record: so the pace of the machine is the same for both


class Logged(Quiet):
    """A run that also records steps, in every second block of them, as the run of the launcher does."""

    def __init__(self, device: str, outcome: Path, records: Path) -> None:
        super().__init__(device, outcome)
        self._writer = RecordWriter(records, 1)

    def log(self, step: int, **metrics: Any) -> None:
        """Write the record if the block is one of those, and keep the loss and the time."""
        if is_recorded(len(self.losses)):
            self._writer.write(metrics, step)
        super().log(step, **metrics)


def is_recorded(place: int) -> bool:
    """Return whether the step at a place, from 0, is in a block that is recorded."""
    return place // BLOCK % 2 == 0


def train_once(wishes: dict[str, Any]) -> dict[str, Any]:
    """Train as the argument says, and return the answer."""
    device = wishes["device"]
    config = TrainConfig(
        data_dir=wishes["data"], max_steps=wishes["steps"], max_epochs=100, chunking="pack",
        **{"num_workers": 0} | {key: value for key, value in wishes["config"].items() if key not in ("chunking",)},
    )  # fmt: skip
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        run = Logged(device, folder, folder / "records.jsonl") if wishes.get("is_logged") else Quiet(device, folder)
        with contextlib.redirect_stdout(io.StringIO()):
            waits = _profiled(config, run) if wishes.get("is_profiled") else train.run(config, run)  # type: ignore[func-returns-value]
    # By the place of the step that ends with it: the first step has no beginning.
    times = dict(enumerate((later - earlier for earlier, later in pairwise(run.moments)), start=1))
    settled = {place: took_s for place, took_s in times.items() if place > len(times) // 3}
    recorded = {place: took_s for place, took_s in settled.items() if wishes.get("is_logged") and is_recorded(place)}
    step_s = statistics.median([settled[place] for place in settled.keys() - recorded.keys()] or [0.0])
    has_fused = hasattr(F, "linear_cross_entropy")
    return {
        "tokens_per_s": config.step_size * (config.seq_len - 1) / step_s if step_s else 0.0,
        "step_s": step_s,
        "recorded_s": statistics.median(recorded.values()) if recorded else 0.0,
        "peak_bytes": torch.cuda.max_memory_allocated() if device == "cuda" else 0,
        "losses": run.losses,
        "waits": waits or {},
        "head": "fused (linear_cross_entropy)" if has_fused else f"torch {torch.__version__} has no fused head: plain",
    }


def _profiled(config: TrainConfig, run: Quiet) -> dict[str, int]:
    """Train under the profiler, and return the number of calls that wait, by name."""
    from torch.profiler import ProfilerActivity, profile

    activities = [ProfilerActivity.CPU] + ([ProfilerActivity.CUDA] if run.device == "cuda" else [])
    with profile(activities=activities) as trace:
        train.run(config, run)
    return dict(Counter(event.name for event in trace.events() or () if event.name in WAITS))


if __name__ == "__main__":
    print(json.dumps(train_once(json.loads(sys.argv[1]))))
