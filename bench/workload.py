"""The workload that every launcher runs: steps of known length, each written to a file when it is done.

    python bench/workload.py FOLDER NAME     # the experiment NAME of FOLDER/experiments.json, in this process

A configuration is `{"steps": 100, "step_s": 0.05}`. With `"torch": true` each step is also a real, tiny step of AdamW.
`FOLDER/NAME.steps` gets a line `<step> <pid> <time.time()>` for each step.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any


def train(name: str, config: dict[str, Any], folder: Path) -> None:
    """Run all steps of an experiment."""
    for _ in _steps(name, config, folder):
        pass


def run(config: dict[str, Any], run: Any) -> None:
    """Run all steps as a target of our launcher, and log each. `config["folder"]` is FOLDER."""
    for step in _steps(run.name, config, Path(config["folder"])):
        run.log(step, loss=1 / step)


def _steps(name: str, config: dict[str, Any], folder: Path) -> Iterator[int]:
    optimise = _torch_step() if config.get("torch") else None
    with open(folder / f"{name}.steps", "ab", buffering=0) as file:
        for step in range(1, config["steps"] + 1):
            time.sleep(config["step_s"])
            if optimise:
                optimise()
            file.write(f"{step} {os.getpid()} {time.time()}\n".encode())
            yield step


def _torch_step() -> Callable[[], None]:
    """Return a function that takes a training step of a tiny model."""
    import torch

    torch.set_num_threads(1)
    model = torch.nn.Linear(8, 1)
    optimizer = torch.optim.AdamW(model.parameters())
    inputs = torch.ones(4, 8)

    def step() -> None:
        optimizer.zero_grad()
        model(inputs).square().mean().backward()
        optimizer.step()

    return step


def main() -> None:
    """Train the experiment that the command line names."""
    if len(sys.argv) != 3:
        raise SystemExit(__doc__)
    folder, name = Path(sys.argv[1]), sys.argv[2]
    train(name, json.loads((folder / "experiments.json").read_text())[name], folder)


if __name__ == "__main__":
    main()
