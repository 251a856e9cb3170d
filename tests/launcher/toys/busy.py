"""Training functions that do what real scripts do to a process: loader processes, pools, large checkpoints."""

import math
import multiprocessing
from dataclasses import dataclass

import torch
from torch.utils.data import DataLoader, Dataset

CHECKPOINT_FLOATS = 13_000_000  # 52 MB, a small model with its optimizer


@dataclass(frozen=True)
class BusyConfig:
    what: str  # "loader", "pool" or "checkpoint"
    steps: int = 12
    acks: str = ""  # a folder for one file an experiment: a line for each record whose run.log has returned


class Squares(Dataset):
    def __init__(self, first: int, last: int) -> None:
        self.numbers = range(first, last + 1)

    def __len__(self) -> int:
        return len(self.numbers)

    def __getitem__(self, index: int) -> float:
        return math.sqrt(self.numbers[index])


def train(config: BusyConfig, run) -> None:
    state = run.load() or {"step": 0}
    large = torch.zeros(CHECKPOINT_FLOATS) if config.what == "checkpoint" else None
    run.total(config.steps)
    for step, loss in losses(config, state["step"] + 1):
        run.log(step, loss=float(loss))
        if config.acks:
            with open(f"{config.acks}/{run.name}", "ab", buffering=0) as file:
                file.write(b"%d %d\n" % (run.attempt, step))
        if run.should_save:
            run.save({"step": step, "large": large}, step)
        if run.should_stop:
            return


def losses(config: BusyConfig, first: int):
    """Yield each step with a loss that is computed in the way the configuration asks for."""
    if config.what == "loader":
        loader = DataLoader(Squares(first, config.steps), num_workers=2)
        yield from enumerate((batch.item() for batch in loader), start=first)
        return
    for step in range(first, config.steps + 1):
        if config.what == "pool":  # made and ended at every step, as an evaluation does
            with multiprocessing.Pool(2) as pool:
                yield step, sum(pool.map(math.sqrt, range(step)))
        else:
            yield step, math.sqrt(step)
