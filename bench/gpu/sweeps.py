"""Launches for the checks, as a user types them, each job in a folder of its own."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from card import Card
from patience import patient
from targets import DRY_TOTAL

from launcher.store.history import History, read_history
from launcher.store.paths import Paths

SMALL = {"embed_dim": 64, "n_heads": 2, "n_layers": 1, "num_workers": 0, "chunking": "pack", "dropout": 0.0}
# A dry run tries the lines of the checks and needs little arithmetic. Nearly all of it depends on the vocabulary.
DRY = SMALL | {"vocab_size": 512, "pad_token_id": 511}
LIMIT_S = 90.0


@dataclass
class Sweep:
    """A job in a folder, and launches of it."""

    folder: Path
    card: Card
    environment: dict[str, str] = field(default_factory=dict)

    @property
    def paths(self) -> Paths:
        """The files of the sweep."""
        return Paths(self.folder / "outcome" / "job", self.folder / "logs" / "job")

    def job(self, target: str | None, experiments: dict[str, dict[str, Any]], **settings: Any) -> None:
        """Write the job file. `settings` are keys of its [sweep] table; a job without a target has a command there."""
        # Where torch is preloaded, a worker checks that CUDA sees its card. Behind the stub driver there is no CUDA.
        is_stub = self.card.has_driver and not self.card.is_real
        what = {"target": target} if target is not None else {}
        settings = {**what, "grace_s": 20} | ({"preload": []} if is_stub else {}) | settings
        lines = ["[sweep]", *(f"{key} = {_toml(value)}" for key, value in settings.items()), "[experiments]"]
        lines += [
            f'"{name}" = {{ {", ".join(f"{key} = {_toml(value)}" for key, value in table.items())} }}'
            for name, table in experiments.items()
        ]
        (self.folder / "job.toml").write_text("\n".join(lines) + "\n")

    @property
    def minigpt(self) -> str:
        """The target that trains a MiniGPT: the product's own, but where the driver is a stub."""
        return "targets:minigpt" if self.card.has_driver and not self.card.is_real else "minigpt.train:run"

    def start(self, *options: str) -> subprocess.Popen[str]:
        """Start a launch on the card."""
        here = Path(__file__).parent
        path = os.pathsep.join([str(here), os.environ.get("PYTHONPATH", "")])
        environment = os.environ | {"PYTHONPATH": path, DRY_TOTAL: str(self.card.total_bytes)} | self.environment
        command = [sys.executable, "-m", "launcher", "job.toml", "--devices", self.card.id, *options]
        pipe = subprocess.PIPE
        return subprocess.Popen(command, cwd=self.folder, env=environment, stdout=pipe, stderr=pipe, text=True)

    def launch(self, *options: str, limit_s: float = LIMIT_S) -> tuple[int, str]:
        """Launch, wait for the end, and return the exit code and the text on stderr."""
        process = self.start(*options)
        try:
            _, err = process.communicate(timeout=patient(limit_s))
        except subprocess.TimeoutExpired:
            process.kill()
            _, err = process.communicate()
            return -1, f"took more than {patient(limit_s):.0f} s: {err[-300:]}"
        return process.returncode, err

    def history(self, name: str) -> History:
        """Return the records of an experiment."""
        return read_history(self.paths.records(name))

    def events(self, *kinds: str) -> list[dict[str, Any]]:
        """Return the events of these kinds."""
        with contextlib.suppress(OSError):
            lines = self.paths.events.read_text().splitlines()
            return [event for line in lines if (event := json.loads(line))["event"] in kinds]
        return []

    def endings(self) -> dict[str, str]:
        """Return the ending of the newest attempt of each experiment."""
        return {event["experiment"]: event["ending"] for event in self.events("ended")}


@contextlib.contextmanager
def new_sweep(card: Card, **environment: str) -> Iterator[Sweep]:
    """Make a folder for a sweep, and remove it after the block."""
    with tempfile.TemporaryDirectory(prefix="gpu-check-") as name:
        yield Sweep(Path(name), card, environment)


def wait_for(condition: Callable[[], Any], limit_s: float = 60.0) -> bool:
    """Wait until a condition holds, `limit_s` at most. Return whether it holds."""
    until_s = time.monotonic() + patient(limit_s)
    while time.monotonic() < until_s:
        if condition():
            return True
        time.sleep(0.02)
    return False


def make_data(folder: Path, num_sequences: int = 2600) -> str:
    """Write random token sequences, which need no tokenizer, and return the folder for `data_dir`."""
    import torch

    from minigpt.config import PRIMARY_FILE

    data = folder / "data"
    data.mkdir(exist_ok=True)
    generator = torch.Generator().manual_seed(0)
    # The tokens are a part of the vocabulary, and half of them are among 30, so there is something to learn.
    tokens = torch.randint(0, DRY["pad_token_id"], (num_sequences, 128), generator=generator)
    tokens = torch.where(torch.rand(tokens.shape, generator=generator) < 0.5, tokens % 30, tokens)
    torch.save(list(tokens), data / PRIMARY_FILE)
    return str(data)


def _toml(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return json.dumps(value) if isinstance(value, str | list) else repr(value)
