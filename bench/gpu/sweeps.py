"""Launches of the product as a user types them, in a folder of their own, for the checks."""

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
from targets import DRY_TOTAL

from launcher.store.history import History, read_history
from launcher.store.paths import Paths

SMALL = {"embed_dim": 64, "n_heads": 2, "n_layers": 1, "num_workers": 0, "chunking": "pack", "dropout": 0.0}
# A dry run is about the lines of the checks, not the arithmetic: nearly all of that is in the vocabulary.
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

    def job(self, target: str, experiments: dict[str, dict[str, Any]], **settings: Any) -> None:
        """Write the job file; settings are keys of its [sweep] table."""
        settings = {"target": target, "grace_s": 20} | ({} if self.card.is_real else {"preload": []}) | settings
        lines = ["[sweep]", *(f"{key} = {_toml(value)}" for key, value in settings.items()), "[experiments]"]
        lines += [
            f'"{name}" = {{ {", ".join(f"{key} = {_toml(value)}" for key, value in table.items())} }}'
            for name, table in experiments.items()
        ]
        (self.folder / "job.toml").write_text("\n".join(lines) + "\n")

    def start(self, *options: str) -> subprocess.Popen[str]:
        """Start a launch on the card."""
        here = Path(__file__).parent
        path = os.pathsep.join([str(here), os.environ.get("PYTHONPATH", "")])
        environment = os.environ | {"PYTHONPATH": path, DRY_TOTAL: str(self.card.total_bytes)} | self.environment
        command = [sys.executable, "-m", "launcher", "job.toml", "--devices", self.card.id, *options]
        pipe = subprocess.PIPE
        return subprocess.Popen(command, cwd=self.folder, env=environment, stdout=pipe, stderr=pipe, text=True)

    def launch(self, *options: str, limit_s: float = LIMIT_S) -> tuple[int, str]:
        """Launch to the end and return the exit code and what was said."""
        process = self.start(*options)
        try:
            _, err = process.communicate(timeout=limit_s)
        except subprocess.TimeoutExpired:
            process.kill()
            _, err = process.communicate()
            return -1, f"took more than {limit_s:.0f} s: {err[-300:]}"
        return process.returncode, err

    def history(self, name: str) -> History:
        """Return what an experiment has recorded."""
        return read_history(self.paths.records(name))

    def events(self, *kinds: str) -> list[dict[str, Any]]:
        """Return what happened, of these kinds."""
        with contextlib.suppress(OSError):
            lines = self.paths.events.read_text().splitlines()
            return [event for line in lines if (event := json.loads(line))["event"] in kinds]
        return []

    def endings(self) -> dict[str, str]:
        """Return how the newest attempt of each experiment ended."""
        return {event["experiment"]: event["ending"] for event in self.events("ended")}


@contextlib.contextmanager
def sweep(card: Card, **environment: str) -> Iterator[Sweep]:
    """Give a folder for a sweep, with training text in `data`, and remove it."""
    with tempfile.TemporaryDirectory(prefix="gpu-check-") as name:
        yield Sweep(Path(name), card, environment)


def wait_for(condition: Callable[[], Any], limit_s: float = 60.0) -> bool:
    """Wait until a condition holds; return whether it came to hold."""
    until_s = time.monotonic() + limit_s
    while time.monotonic() < until_s:
        if condition():
            return True
        time.sleep(0.02)
    return False


def make_data(folder: Path, num_sequences: int = 2600) -> str:
    """Write token sequences that are drawn at random, which need no tokenizer, and return their folder."""
    import torch

    from minigpt.config import PRIMARY_FILE

    data = folder / "data"
    data.mkdir(exist_ok=True)
    generator = torch.Generator().manual_seed(0)
    # Few of the vocabulary, and half of them fewer still: there is something to learn.
    tokens = torch.randint(0, DRY["pad_token_id"], (num_sequences, 128), generator=generator)
    tokens = torch.where(torch.rand(tokens.shape, generator=generator) < 0.5, tokens % 30, tokens)
    torch.save(list(tokens), data / PRIMARY_FILE)
    return str(data)


def _toml(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return json.dumps(value) if isinstance(value, str | list) else repr(value)
