"""The step in other precisions and compiled, and how far its losses drift from fp32 on the report's baseline.

    python bench/precision.py [STEPS] [--compile]

bfloat16 pays only where the CPU multiplies it in hardware (AMX, AVX512-BF16) or on a GPU; tf32 needs a GPU.
"""

from __future__ import annotations

import contextlib
import io
import statistics
import sys
import tempfile
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

import torch
from rows import Row, markdown

from minigpt import train
from minigpt.config import TrainConfig
from minigpt.half import has_fast_bf16

ROOT = Path(__file__).parents[1]


class Quiet:
    """A run that keeps its losses and the moment of each, and prints nothing."""

    name, seed, attempt = "baseline", 0, 1
    should_save = should_stop = False

    def __init__(self, device: str, outcome: Path) -> None:
        self.device, self.outcome = device, outcome
        self.moments: list[float] = []
        self.losses: list[float] = []

    def log(self, step: int, **metrics: Any) -> None:
        """Keep the loss and the moment."""
        self.moments.append(time.perf_counter())
        self.losses.append(metrics["loss"])

    def total(self, steps: int) -> None:
        """Need nothing."""

    def info(self, **facts: Any) -> None:
        """Need nothing."""

    def save(self, state: Any, step: int) -> None:
        """Keep nothing."""

    def load(self) -> None:
        """Return no earlier state."""


def train_with(device: str, steps: int, **options: Any) -> tuple[float, list[float]]:
    """Return the median seconds of a step, the first two left out, and all losses."""
    config = TrainConfig(data_dir=str(ROOT / "data"), num_workers=0, max_steps=steps, **options)
    with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(io.StringIO()):
        run = Quiet(device, Path(folder))
        train.run(config, run)
    return statistics.median(later - earlier for earlier, later in pairwise(run.moments[1:])), run.losses


def measure(steps: int = 12, *, has_compile: bool = False) -> list[Row]:
    """Return a row for each precision there is here."""
    device = "cuda" if torch.cuda.is_available() else "cpu"
    torch.set_num_threads(1)
    sides: dict[str, dict[str, Any]] = {}
    if device == "cuda" or has_fast_bf16():
        sides["bf16"] = {"precision": "bf16"}
    else:
        print("bf16 left out: this CPU has neither AMX nor AVX512-BF16; a step takes a minute", file=sys.stderr)
    if has_compile:
        sides["compile"] = {"compile": True}
    if device == "cuda":
        sides |= {"tf32": {"precision": "tf32"}, "cuda_graph": {"compile": True, "cuda_graph": True}}
    if not sides:
        return []
    base_s, base = train_with(device, steps)
    rows = []
    for name, options in sides.items():
        step_s, losses = train_with(device, steps, **options)
        drift = abs(losses[-1] / base[-1] - 1)
        faster = base_s / step_s
        wanted, is_met = ("≥ 1.5, within 1 %", faster >= 1.5 and drift <= 0.01) if name == "bf16" else ("", True)
        rows.append(
            Row("", f"{name} on {device}", f"{step_s:.2f} s", f"fp32 {base_s:.2f} s",
                f"{faster:.2f}, loss {drift:.2%} off after {steps} steps", wanted, is_met)
        )  # fmt: skip
    return rows


if __name__ == "__main__":
    numbers = [int(argument) for argument in sys.argv[1:] if argument != "--compile"]
    print(markdown(measure(*numbers, has_compile="--compile" in sys.argv)))
