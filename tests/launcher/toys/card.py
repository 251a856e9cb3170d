"""A training function on a GPU that is not there: it says where it is, waits for files, and runs out of memory."""

import os
import sys
import time
from pathlib import Path

from card_config import CardConfig


def train(config: CardConfig, run) -> None:
    card = os.environ["CUDA_VISIBLE_DEVICES"] or "cpu"
    if "torch" in sys.modules:
        sys.modules["torch"].cuda.is_used = True
    run.total(config.steps)
    run.info(
        card=card, batch=config.batch_size, accumulation=config.accumulation, hip=os.environ["HIP_VISIBLE_DEVICES"]
    )
    here = Path("here", card)
    here.mkdir(parents=True, exist_ok=True)
    wait(config.first, run)
    (here / run.name).touch()
    Path("here", f"{run.name}.began").touch()
    try:
        if config.fails and Path("broken").exists():
            raise RuntimeError(config.fails)
        if config.batch_size > config.fits or (config.crowded and len(list(here.iterdir())) > 1):
            raise RuntimeError("CUDA out of memory. Tried to allocate 2.00 GiB.")
        state = run.load() if config.saves else None
        for step in range(state["step"] + 1 if state else 1, config.steps + 1):
            wait(config.barrier if step == config.steps else "", run)
            run.log(step, loss=1.0 / step, neighbours=len(list(here.iterdir())) - 1)
            if run.should_stop:
                if config.saves:
                    run.save({"step": step}, step)
                return
    finally:
        (here / run.name).unlink()


def wait(file: str, run) -> None:
    while file and not Path(file).exists() and not run.should_stop:
        time.sleep(0.01)
