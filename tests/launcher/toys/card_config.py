"""The configuration of `card`. In a module of its own, so that a launch needs no process to check it."""

from dataclasses import dataclass


@dataclass(frozen=True)
class CardConfig:
    steps: int = 3
    first: str = ""  # a file to wait for before the first step
    barrier: str = ""  # a file to wait for before the last step
    fails: str = ""  # the error of the attempt, before its first step, while a file of the name `broken` exists
    saves: bool = False  # a checkpoint when told to stop
    crowded: bool = False  # out of memory unless it has the card for itself
    fits: int = 1000  # out of memory with a larger batch
    batch_size: int = 8
    accumulation: int = 1
