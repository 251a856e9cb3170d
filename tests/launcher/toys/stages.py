"""Fails in a chosen way at a chosen stage of an attempt."""

import ctypes
import os
import sys
from dataclasses import dataclass
from multiprocessing.util import Finalize


@dataclass(frozen=True)
class StageConfig:
    stage: str
    how: str


class Saboteur:
    """Fails while a checkpoint is being pickled."""

    def __init__(self, how: str) -> None:
        self.how = how

    def __reduce__(self):
        fail(self.how)


def fail(how: str) -> None:
    match how:
        case "signal":
            ctypes.string_at(0)
        case "code":
            os._exit(3)
        case "exit":
            sys.exit("told to exit")
        case "exception":
            raise RuntimeError("told to fail")


def run(config: StageConfig, run) -> None:
    if config.stage == "set-up":
        fail(config.how)
    run.log(1, loss=1.0)
    run.log(2, loss=1.0)
    if config.stage == "step":
        fail(config.how)
    if config.stage == "checkpoint":
        run.save({"bad": Saboteur(config.how)}, 2)
    if config.stage == "teardown":
        Finalize(None, fail, args=(config.how,), exitpriority=10)
