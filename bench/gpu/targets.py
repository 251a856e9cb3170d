"""The training functions of the checks. They do to a card what real scripts do, good or bad.

Without CUDA they compute on the CPU and pretend that there is a card with DRY_CARD_BYTES of memory.
"""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path
from typing import Any

from minigpt.config import TrainConfig

BALLAST = "GPU_BALLAST_BYTES"  # bytes that `ballasted` holds for each example of a batch
DRY_TOTAL = "DRY_CARD_BYTES"


def allocate(num_bytes: int) -> Any:
    """Allocate memory on the card and write to it. Without a card only compare the amount with the pretended memory."""
    import torch

    if torch.cuda.is_available():
        return torch.zeros(num_bytes, dtype=torch.uint8, device="cuda")
    if num_bytes > int(os.environ[DRY_TOTAL]):
        raise torch.OutOfMemoryError(f"CUDA out of memory. Tried to allocate {num_bytes / 2**30:.2f} GiB (dry run).")
    return None


def _device() -> str:
    import torch

    return "cuda" if torch.cuda.is_available() else "cpu"


def see(config: dict, run: Any) -> None:  # type: ignore[type-arg]
    """Record which devices the worker sees, allocate some memory, take a step, and wait for a file."""
    import torch

    properties = torch.cuda.get_device_properties(0) if torch.cuda.is_available() else None
    run.info(
        num_devices=torch.cuda.device_count(),
        uuid=str(getattr(properties, "uuid", "")),
        device_name=getattr(properties, "name", "cpu"),
        visible=os.environ["CUDA_VISIBLE_DEVICES"],
        pid=os.getpid(),
    )
    held = allocate(int(config.get("gib", 0.25) * 2**30))
    run.log(1, loss=float(torch.ones(8, 8, device=_device()).square().mean()))
    while config.get("until") and not Path(config["until"]).exists() and not run.should_stop:
        time.sleep(0.02)
    run.log(2, loss=0.0)
    del held


def end(config: dict, run: Any) -> None:  # type: ignore[type-arg]
    """Allocate memory, then end in the way that the configuration names."""
    import torch

    held = allocate(2**30)
    run.log(1, loss=float(torch.ones(8, 8, device=_device()).square().mean()))
    match config["how"]:
        case "failed":
            raise RuntimeError("told to fail")
        case "out_of_memory":
            allocate(2 * int(os.environ[DRY_TOTAL]))
        case "killed":
            os.kill(os.getpid(), signal.SIGKILL)
        case "hung":
            time.sleep(300)
        case "assert":
            _device_side_assert()
    del held


def _device_side_assert() -> None:
    """Index out of bounds on the card, which breaks the CUDA context of this process for good."""
    import torch

    if not torch.cuda.is_available():
        raise RuntimeError("CUDA error: device-side assert triggered (dry run)")
    table = torch.zeros(4, 4, device="cuda")
    index = torch.tensor([99], device="cuda")
    torch.nn.functional.embedding(index, table)
    torch.cuda.synchronize()


class _OnCpu:
    """A run of a launcher with the stub driver: it says "cuda", but torch has only the CPU."""

    device = "cpu"

    def __init__(self, run: Any) -> None:
        self._run = run

    def __getattr__(self, name: str) -> Any:
        return getattr(self._run, name)


def minigpt(config: TrainConfig, run: Any) -> None:
    """Train a MiniGPT on the card, or on the CPU where torch has no card."""
    from minigpt.train import run as train

    train(config, run if _device() == "cuda" else _OnCpu(run))


def ballasted(config: TrainConfig, run: Any) -> None:
    """Train a MiniGPT, and hold memory that grows with the batch, so that only half the batch fits."""
    held = allocate(int(os.environ.get(BALLAST, "0")) * config.batch_size)
    minigpt(config, run)
    del held
