"""A target with real torch: a tiny model, a DataLoader with worker processes."""

import sys
import time
from dataclasses import dataclass


@dataclass(frozen=True)
class TorchConfig:
    steps: int = 3
    loader_workers: int = 0
    hang: bool = False


def train(config: TorchConfig, run) -> None:
    import torch

    torch.manual_seed(run.seed)
    run.info(threads_of_torch=torch.get_num_threads(), context=torch.multiprocessing.get_start_method())
    data = torch.utils.data.TensorDataset(torch.randn(config.steps * 4, 8))
    loader = torch.utils.data.DataLoader(data, batch_size=4, num_workers=config.loader_workers)
    model = torch.nn.Linear(8, 1)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)
    for step, (batch,) in enumerate(loader, start=1):
        loss = model(batch).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        run.log(step, loss=loss.item())
        while config.hang and not run.should_stop:
            pass


def grow(config: TorchConfig, run) -> None:
    """Takes steps until this process may use more threads than it began with; with `hang`, one step."""
    import torch

    step, first = 1, torch.get_num_threads()
    run.log(step, threads_used=first)
    while not config.hang and torch.get_num_threads() == first and not run.should_stop:
        step += 1
        run.log(step, threads_used=torch.get_num_threads())
        time.sleep(0.01)
    run.log(step + 1, threads_used=torch.get_num_threads())


def save(config: TorchConfig, run) -> None:
    """Takes a step and saves; tells which modules of torch only that has imported."""
    import torch

    before = set(sys.modules)
    model = torch.nn.Linear(8, 1)
    optimizer = torch.optim.AdamW(model.parameters())
    model(torch.ones(4, 8)).square().mean().backward()
    optimizer.step()
    run.save({"model": model.state_dict()}, step=1)
    run.info(imported=", ".join(sorted(name for name in set(sys.modules) - before if name.startswith("torch"))))
    run.log(1, loss=1.0)
