"""A script that knows of no launcher: it says which cards it sees, prints its loss, and waits for a file.

python bench/gpu/stranger.py --steps 5 [--until FILE] [--gib 0.5] [--distributed]
"""

import argparse
import os
import time

import torch

parser = argparse.ArgumentParser()
parser.add_argument("--steps", type=int, default=5)
parser.add_argument("--until", default="", help="the file to wait for, after the steps")
parser.add_argument("--gib", type=float, default=0.25)
parser.add_argument("--distributed", action="store_true")
args = parser.parse_args()

has_card = torch.cuda.is_available()
device = torch.device("cuda" if has_card else "cpu")
properties = torch.cuda.get_device_properties(0) if has_card else None
print(f"sees {torch.cuda.device_count()} {getattr(properties, 'uuid', '')}, pid {os.getpid()}")
if args.distributed:
    torch.distributed.init_process_group("nccl" if has_card else "gloo")
held = torch.zeros(int(args.gib * 2**30) if has_card else 1, dtype=torch.uint8, device=device)
weight = torch.ones(64, 64, device=device, requires_grad=True)
optimizer = torch.optim.SGD([weight], lr=0.1)
for step in range(1, args.steps + 1):
    loss = (weight @ weight).square().mean()
    optimizer.zero_grad()
    loss.backward()
    if args.distributed:
        torch.distributed.all_reduce(weight.grad)
    optimizer.step()
    print(f"step {step}: loss {loss.item():.6f}", flush=True)
while args.until and not os.path.exists(args.until):
    time.sleep(0.02)
if args.distributed:
    torch.distributed.destroy_process_group()
