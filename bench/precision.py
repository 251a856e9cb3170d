"""The step in other precisions and compiled, and how far its losses drift from fp32 on the report's baseline.

    python bench/precision.py [PAIRS] [--compile]

bfloat16 is faster only on a GPU or a CPU that multiplies it in hardware (AMX, AVX512-BF16). tf32 needs a GPU.
"""

from __future__ import annotations

import contextlib
import io
import statistics
import sys
import tempfile
import time
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import torch
from rows import Row, alternate, markdown

from minigpt import train
from minigpt.config import TrainConfig
from minigpt.device import has_fast_bf16

ROOT = Path(__file__).parents[1]


class Quiet:
    """A run that keeps the loss and the time of each step, and prints nothing."""

    name, seed, attempt = "baseline", 0, 1
    should_save = should_stop = False

    def __init__(self, device: str, outcome: Path) -> None:
        self.device, self.outcome = device, outcome
        self.moments: list[float] = []
        self.losses: list[float] = []

    def log(self, step: int, **metrics: Any) -> None:
        """Keep the loss and the time."""
        self.moments.append(time.perf_counter())
        self.losses.append(metrics["loss"])

    def total(self, steps: int) -> None:
        """Do nothing."""

    def info(self, **facts: Any) -> None:
        """Do nothing."""

    def save(self, state: Any, step: int) -> None:
        """Keep nothing."""

    def load(self) -> None:
        """Return None: there is no earlier state."""


def train_with(device: str, steps: int | None, options: dict[str, Any]) -> tuple[list[float], list[float]]:
    """Return the seconds of each step but the first, and all losses. `steps` None: a whole epoch."""
    config = TrainConfig(data_dir=str(ROOT / "data"), num_workers=0, max_steps=steps, **options)
    with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(io.StringIO()):
        run = Quiet(device, Path(folder))
        train.run(config, run)
    return [later - earlier for earlier, later in pairwise(run.moments)], run.losses


def step_seconds(device: str, options: dict[str, Any]) -> float:
    """Return the median seconds of a step, without the first two steps."""
    return statistics.median(train_with(device, 5, options)[0][1:])


def measure(pairs: int = 5, *, has_compile: bool = False) -> list[Row]:
    """Return two rows for each precision of this machine: speed in short runs, and drift over whole baselines."""
    device = "cuda" if torch.cuda.is_available() else "cpu"
    torch.set_num_threads(1)
    sides: dict[str, dict[str, Any]] = {"fp32": {}}
    if device == "cuda" or has_fast_bf16():
        sides["bf16"] = {"precision": "bf16"}
    else:
        print("bf16 left out: this CPU has neither AMX nor AVX512-BF16; a step takes a minute", file=sys.stderr)
    if has_compile:
        sides["compile"] = {"compile": True}
    if device == "cuda":
        sides |= {"tf32": {"precision": "tf32"}, "cuda_graph": {"compile": True, "cuda_graph": True}}
    if len(sides) == 1:
        return []
    step_s = alternate({name: partial(step_seconds, device, options) for name, options in sides.items()}, pairs)
    losses = {name: train_with(device, None, options)[1] for name, options in sides.items()}
    base = losses["fp32"]
    rows = []
    for name in list(sides)[1:]:
        drifts = [abs(value / exact - 1) for value, exact in zip(losses[name], base, strict=True)]
        faster = step_s["fp32"] / step_s[name]
        rows += [
            Row("", f"a step with {name} on {device}", f"{step_s[name]:.2f} s", f"fp32 {step_s['fp32']:.2f} s",
                f"{faster:.2f}", *(("≥ 1.5", faster >= 1.5) if name == "bf16" else ("", None))),
            Row("", f"final loss of the baseline with {name}, {len(base)} steps", f"{losses[name][-1]:.4f}",
                f"fp32 {base[-1]:.4f}", f"{drifts[-1]:.2%} apart, {max(drifts):.2%} at most on the way", "within 1 %",
                drifts[-1] <= 0.01),
        ]  # fmt: skip
    return rows


if __name__ == "__main__":
    numbers = [int(argument) for argument in sys.argv[1:] if argument != "--compile"]
    print(markdown(measure(*numbers, has_compile="--compile" in sys.argv)))
