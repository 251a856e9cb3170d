"""A training function without torch that can be told to misbehave."""

import ctypes
import gc
import math
import multiprocessing
import os
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

from toy_config import ToyConfig


def train(config: ToyConfig, run) -> None:
    run.total(config.steps)
    run.info(parameters=1234)
    state = run.load() if config.act == "checkpoint" else None
    first = state["step"] + 1 if state else 1
    if config.at == 0:
        act(config.act, run)
    for step in range(first, config.steps + 1):
        if step == config.at:
            act(config.act, run)
        if step == config.steps and config.barrier:
            while not Path(config.barrier).exists() and not run.should_stop:
                time.sleep(0.01)
        time.sleep(config.step_s)
        loss = 10 * math.exp(-step * config.lr) + run.seed
        run.log(step, loss=loss, tokens=100 * step)
        if config.acks:
            with open(f"{config.acks}/{run.name}", "ab", buffering=0) as file:
                file.write(b"%d %d\n" % (run.attempt, step))
        if config.act == "checkpoint" and run.should_save:
            run.save({"step": step}, step)
        if run.should_stop:
            return
    if config.at < 0:
        act(config.act, run)


def act(what: str, run) -> None:
    match what:
        case "raise":
            raise RuntimeError("told to fail")
        case "exit":
            os._exit(3)
        case "sys.exit":
            sys.exit("told to exit")
        case "segv":
            ctypes.string_at(0)
        case "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        case "print":
            print("a line on stdout")
            print("a line on stderr", file=sys.stderr)
            os.write(1, b"bytes \x80\xff from C\n")
            os.system("echo a line of a child")
        case "children":
            for _ in range(2):
                subprocess.Popen(["sleep", "300"])
        case "ignore":
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
        case "sleep":
            time.sleep(300)
        case "stuck":  # holds the interpreter lock for ever
            ctypes.PyDLL(None).sleep(300)
        case "linger":  # says its last word and does not exit
            import threading

            threading.Thread(target=time.sleep, args=(300,)).start()
        case "environment":
            names = ("CUDA_VISIBLE_DEVICES", "CUDA_DEVICE_ORDER", "OMP_NUM_THREADS")
            run.info(
                session=os.getsid(0),
                group=os.getpgrp(),
                pid=os.getpid(),
                device=run.device,
                frozen=gc.get_freeze_count(),
                **{name.lower(): os.environ.get(name, "unset") for name in names},
            )
        case "nan":
            run.log(1, loss=math.nan, tokens=math.inf)
        case "stop":
            os.kill(os.getpid(), signal.SIGSTOP)
        case "torn":  # the kernel ends the write of a large record in its middle, and the process with it
            signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
            resource.setrlimit(resource.RLIMIT_FSIZE, (2**20, 2**20))
            run.log(3, note="x" * 2**23)
        case "memory":
            resource.setrlimit(resource.RLIMIT_AS, (2**30, 2**30))
            bytearray(2**31)
        case "cuda memory":
            import torch

            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")
        case "cuda assert":
            raise RuntimeError("CUDA error: device-side assert triggered")
        case "mp children":
            for method in ("fork", "spawn", "forkserver"):
                multiprocessing.get_context(method).Process(target=time.sleep, args=(300,), daemon=True).start()
        case "flood":
            for step in range(1, 100_001):
                run.log(step, loss=1.0)
        case "noise":
            for _ in range(2_000):
                sys.stdout.buffer.write(b"\x1b[2J\x80\xff" * 1000 + b"\n")


def unannotated(config, run) -> None:
    """Takes a configuration of no known class."""


def anything(config: dict, run) -> None:
    """Takes any configuration."""
    for key, value in config.items():
        run.info(**{key: str(value)})
    run.log(1, loss=1.0)


def one_argument(config: ToyConfig) -> None:
    """Breaks the contract."""
