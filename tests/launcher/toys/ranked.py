"""A training function without torch that runs in several ranks, which misbehave as they are told."""

import os
import signal
import socket
import sys
import time
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class RankedConfig:
    steps: int = 3
    step_s: float = 0.0
    bad_rank: int = -1  # does `act` before step 2
    act: str = ""
    barrier: str = ""  # a file to wait for before the last step


def train(config: RankedConfig, run) -> None:
    rank, num = int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"])
    run.total(config.steps)
    run.info(world=num, of_rank=rank, port=int(os.environ["MASTER_PORT"]), cards=os.environ["CUDA_VISIBLE_DEVICES"])
    print(f"here is rank {rank}, threads {os.environ['OMP_NUM_THREADS']}", flush=True)
    state = run.load()
    if config.act == "port" and rank == config.bad_rank and run.attempt == 1:
        act("port")
    for step in range(state["step"] + 1 if state else 1, config.steps + 1):
        if rank == config.bad_rank and step == 2 and run.attempt == 1 and config.act != "port":
            act(config.act)
        if step == config.steps and config.barrier:
            while not Path(config.barrier).exists():
                time.sleep(0.01)
        time.sleep(config.step_s)
        run.log(step, loss=1.0 / step)
        if run.should_save:
            run.save({"step": step}, step)
        if run.should_stop:
            print(f"rank {rank} stops at step {step}", flush=True)
            return


def act(what: str) -> None:
    match what:
        case "raise":
            raise ValueError("this rank is broken")
        case "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        case "exit":
            sys.exit(3)
        case "hang":
            time.sleep(600)
        case "port":  # what torch says where the port is taken
            held = socket.create_server(("127.0.0.1", int(os.environ["MASTER_PORT"])))
            socket.create_server(("127.0.0.1", held.getsockname()[1]))
