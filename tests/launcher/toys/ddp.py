"""A training function that trains a tiny model in several processes on gloo. Every rank calls it."""

import os
import time

import torch
import torch.distributed as dist


def train(config: dict, run) -> None:
    dist.init_process_group("gloo" if run.device == "cpu" else "nccl")
    train_rank(config, run)
    dist.destroy_process_group()  # the model is gone by now: a DDP model that outlives its group may hang


def train_rank(config: dict, run) -> None:
    rank, world = dist.get_rank(), dist.get_world_size()
    torch.manual_seed(run.seed)
    model = torch.nn.parallel.DistributedDataParallel(torch.nn.Linear(4, 1))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    data = torch.Generator().manual_seed(run.seed + rank)
    state = run.load()
    if state:
        model.module.load_state_dict(state["model"])
    for step in range(state["step"] + 1 if state else 1, config["steps"] + 1):
        if rank == config.get("bad_rank") and step == 3:
            raise ValueError("bad data on this rank")
        loss = model(torch.randn(8, 4, generator=data)).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        mean = loss.detach().clone()
        dist.all_reduce(mean)
        run.log(step, loss=mean.item() / world)
        if run.should_save:
            run.save({"model": model.module.state_dict(), "step": step}, step)
        if run.should_stop:
            break
        time.sleep(config.get("step_s", 0.0))
    print(f"weights {os.environ['RANK']}", [round(value, 6) for value in model.module.weight[0].tolist()], flush=True)
