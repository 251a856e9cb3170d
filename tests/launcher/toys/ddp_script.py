"""A script that trains a tiny model in several processes as torchrun starts them, on gloo; only the first prints.

Its shape is a common one: RANK tells whether there are several processes, and gradients are averaged over all.
"""

import os
import sys
import time

import torch
import torch.distributed as dist

seed_offset, is_master = 0, True
is_ddp = int(os.environ.get("RANK", -1)) != -1
if is_ddp:
    dist.init_process_group(backend="gloo")
    rank, local_rank, world = (int(os.environ[name]) for name in ("RANK", "LOCAL_RANK", "WORLD_SIZE"))
    is_master, seed_offset = rank == 0, rank
given = dict(word.lstrip("-").split("=") for word in sys.argv[1:])
torch.manual_seed(1337 + seed_offset)
model = torch.nn.Linear(4, 1)
if is_ddp:
    model = torch.nn.parallel.DistributedDataParallel(model)
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
for step in range(int(given.get("steps", 5))):
    if is_ddp and rank == int(given.get("bad_rank", -1)) and step == 2:
        raise ValueError("bad data on this rank")
    loss = model(torch.randn(8, 4)).square().mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    if is_master:
        print(f"iter {step}: loss {loss.item():.4f}, time 1.00ms", flush=True)
    time.sleep(float(given.get("step_s", 0)))
print(f"rank {rank} of {world} ends", flush=True)
if is_ddp:
    del model, optimizer, loss  # a DDP model that outlives its group may hang
    dist.destroy_process_group()
