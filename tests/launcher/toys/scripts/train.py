"""A script as people have it: argparse at the top, training at import, metrics on stdout. It knows no launcher."""

import argparse
import os
import signal
import sys
import time

parser = argparse.ArgumentParser()
parser.add_argument("--lr", type=float, default=0.1)
parser.add_argument("--steps", type=int, default=5)
parser.add_argument("--out", default=".")
parser.add_argument("--resume", action="store_true")
parser.add_argument("--pause", type=float, default=0.0, help="seconds a step")
parser.add_argument("--at", type=int, default=3, help="the step at which something happens")
parser.add_argument(
    "--then", default="", choices=["", "raise", "exit", "abort", "kill", "memory", "nan", "wait", "leave"]
)
parser.add_argument("--on-stop", default="", choices=["", "ignore", "leave", "save"])
args = parser.parse_args()

checkpoint = os.path.join(args.out, "checkpoint.txt")
stopped = []
if args.on_stop == "ignore":
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
elif args.on_stop:
    signal.signal(signal.SIGTERM, lambda *_: stopped.append(1))

first = 1
if args.resume:
    with open(checkpoint) as file:
        first = int(file.read()) + 1
    print("resumed", flush=True)
for step in range(first, args.steps + 1):
    if step == args.at:
        if args.then == "raise":
            raise ValueError("the data is wrong")
        if args.then == "exit":
            sys.exit(3)
        if args.then == "abort":
            os.abort()
        if args.then == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        if args.then == "memory":
            raise RuntimeError("CUDA out of memory. Tried to allocate 20.00 MiB")
        if args.then == "leave":
            os._exit(0)
        while args.then == "wait":
            time.sleep(0.01)
    loss = float("nan") if args.then == "nan" and step >= args.at else args.lr / step
    print(f"step {step}: loss {loss!r}, {1000 * args.pause:.0f} ms", flush=True)
    if stopped and args.on_stop == "leave":
        sys.exit(0)
    if args.resume or args.on_stop == "save":
        with open(checkpoint + ".new", "w") as file:
            file.write(str(step))
        os.replace(checkpoint + ".new", checkpoint)
    if stopped:
        sys.exit(0)
    time.sleep(args.pause)
print("done", flush=True)
