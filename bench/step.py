"""S1, S2: the training step of the report's baseline: fused against plain loss, memory, and the gain from padding.

    python bench/step.py [PAIRS] [STEPS_OF_COMPARED_LOSSES]

Each side runs in a process of its own, with one thread, so its peak memory can be measured.
"""

from __future__ import annotations

import json
import os
import resource
import statistics
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

from rows import Row, markdown

STEPS = 3  # timed in each process, after the warm-up, in which the heap reaches its size
WARM_UP = 2


def child(objective: str, padding: float, steps: int) -> None:
    """Train, and print the median seconds of a step, the losses and the peak memory as JSON."""
    import torch

    from minigpt.config import TrainConfig
    from minigpt.loss import fused_loss, plain_loss
    from minigpt.model import MiniGPT

    torch.set_num_threads(1)
    torch.manual_seed(0)
    config = TrainConfig()
    model = MiniGPT(config)
    optimizer = torch.optim.AdamW(model.parameters(), lr=config.lr, fused=objective == "fused")
    ids = torch.randint(0, config.pad_token_id, (config.batch_size, config.seq_len))
    ids[:, round(config.seq_len * (1 - padding)) :] = config.pad_token_id
    times, losses = [], []
    for _ in range(WARM_UP + steps):
        began_s = time.perf_counter()
        value = (fused_loss if objective == "fused" else plain_loss)(model, ids)
        optimizer.zero_grad()
        value.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        losses.append(value.detach().item())
        times.append(time.perf_counter() - began_s)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    print(json.dumps({"step_s": statistics.median(times[WARM_UP:]), "losses": losses, "peak": peak}))


def measure_side(objective: str, padding: float = 0.0, steps: int = STEPS, *, huge_pages: int = 0) -> dict[str, Any]:
    """Return the answer of `child` in a new process."""
    command = [sys.executable, __file__, "--child", objective, str(padding), str(steps)]
    environment = os.environ | {"THP_MEM_ALLOC_ENABLE": str(huge_pages)}
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def measure(pairs: int = 5, compared: int = 100) -> list[Row]:
    """Return the rows of S1 and S2."""
    sides = {
        "fused": partial(measure_side, "fused"),
        "plain": partial(measure_side, "plain"),
        "half padded": partial(measure_side, "fused", 0.5),
        "huge pages": partial(measure_side, "fused", huge_pages=1),
    }
    runs: dict[str, list[dict[str, Any]]] = {name: [] for name in sides}
    for _ in range(pairs):
        for name, side in sides.items():
            runs[name].append(side())
    step_s = {name: statistics.median(run["step_s"] for run in measured) for name, measured in runs.items()}
    peak = {name: statistics.median(run["peak"] for run in measured) for name, measured in runs.items()}
    with ThreadPoolExecutor() as pool:  # both at once: these are not timed
        answers = list(pool.map(partial(measure_side, steps=max(1, compared - WARM_UP)), ("fused", "plain")))
    losses = [answer["losses"] for answer in answers]
    apart = max(abs(fused - plain) for fused, plain in zip(*losses, strict=True))
    faster, smaller = step_s["plain"] / step_s["fused"], peak["fused"] / peak["plain"]
    huge = step_s["fused"] / step_s["huge pages"]
    half = step_s["half padded"] / step_s["fused"]
    return [
        Row("S1", "training step, one thread", f"{step_s['fused']:.2f} s", f"plain {step_s['plain']:.2f} s",
            f"{faster:.2f}", "≥ 2.5", faster >= 2.5),
        Row("S1", "peak memory", f"{peak['fused'] / 1e6:.0f} MB", f"plain {peak['plain'] / 1e6:.0f} MB",
            f"{smaller:.2f}", "≤ 0.45", smaller <= 0.45),
        Row("S1", f"losses over {compared} steps", "", "plain", f"{apart:.1e} apart", "≤ 1e-4", apart <= 1e-4),
        Row("S2", "step at half padding", f"{step_s['half padded']:.2f} s", f"full {step_s['fused']:.2f} s",
            f"{half:.2f}", "≤ 0.6", half <= 0.6),
        Row("S1", "the same step with THP_MEM_ALLOC_ENABLE=1", f"{step_s['fused']:.2f} s",
            f"{step_s['huge pages']:.2f} s", f"{huge:.2f}", "", None),
    ]  # fmt: skip


if __name__ == "__main__":
    if sys.argv[1:2] == ["--child"]:
        child(sys.argv[2], float(sys.argv[3]), int(sys.argv[4]))
    else:
        print(markdown(measure(*map(int, sys.argv[1:]))))
