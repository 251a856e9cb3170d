"""`PrintRun`: a run that prints."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from minigpt.config import TrainConfig
from minigpt.train import run
from minigpt.training.run_protocol import PrintRun, Run

Small = Callable[..., TrainConfig]
Write = Callable[..., Path]


@pytest.fixture
def data(write_data: Write) -> Path:
    draw = torch.Generator().manual_seed(0)
    return write_data([torch.randint(0, 49, (32,), generator=draw) for _ in range(14)])


def test_a_run_that_prints_is_a_run(
    small: Small, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    printed: Run = PrintRun(name="small", seed=3, device="cpu", outcome=tmp_path / "outcome")
    run(small(), printed)
    out = capsys.readouterr().out
    assert "small: 4 steps on cpu, seed 3" in out
    assert "step 4  loss " in out
    assert printed.load() is None
