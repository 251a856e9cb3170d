"""A target whose `prepare` looks at the data before any worker starts."""

from pathlib import Path

from toy import train
from toy_config import ToyConfig

__all__ = ["ToyConfig", "run"]


def prepare(config: ToyConfig) -> None:
    if not Path("data.txt").exists():
        raise ValueError("data.txt is missing; write it first")
    with Path("prepared.txt").open("a") as file:
        file.write("once\n")


def run(config: ToyConfig, run) -> None:
    train(config, run)
