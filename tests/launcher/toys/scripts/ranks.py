"""A rank that prints steps, and starts a process that would go on without it. With `--gloo` ranks add up a tensor."""

import argparse
import os
import time

parser = argparse.ArgumentParser()
parser.add_argument("--steps", type=int, default=5)
parser.add_argument("--gloo", action="store_true")
args = parser.parse_args()

if args.gloo:
    import torch

    torch.distributed.init_process_group("gloo")

if args.steps > 100 and os.fork() == 0:
    os.setsid()
    while True:
        time.sleep(1)

for step in range(1, args.steps + 1):
    if args.gloo:
        torch.distributed.all_reduce(torch.ones(1))
    if os.environ["RANK"] == "0":
        print(f"step {step}: loss {1 / step}", flush=True)
    time.sleep(0.01)
if args.gloo:
    torch.distributed.destroy_process_group()
