"""Training: a record for each step, and the same bits for the same seed, stopped and resumed or not."""

from __future__ import annotations

import hashlib
import io
import math
import multiprocessing
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch

from minigpt.config import TrainConfig
from minigpt.data.dataset import SeqDataset
from minigpt.data.loader import data_order
from minigpt.errors import ConfigError, DataError
from minigpt.model import num_parameters
from minigpt.train import prepare, run
from minigpt.training.experiment import NO_TARGET, num_steps
from minigpt.training.run_protocol import State
from minigpt.weights import load_model

Small = Callable[..., TrainConfig]
Write = Callable[..., Path]
Record = dict[str, float | str]
FALLBACK = "sample_dataset.pt"
PAD = 49


@dataclass
class MemoryRun:
    """A run that keeps its records, and its checkpoint as the bytes a file would have."""

    outcome: Path
    seed: int = 3
    name: str = "small"
    attempt: int = 1
    device: str = "cpu"
    stop_at: int | None = None
    save_at: frozenset[int] = frozenset()
    records: dict[int, Record] = field(default_factory=dict)
    facts: Record = field(default_factory=dict)
    steps: int | None = None
    saved: bytes | None = None

    @property
    def should_stop(self) -> bool:
        return self.stop_at is not None and max(self.records, default=0) >= self.stop_at

    @property
    def should_save(self) -> bool:
        return self.should_stop or max(self.records, default=0) in self.save_at

    def log(self, step: int, **metrics: float | str) -> None:
        self.records[step] = metrics

    def total(self, steps: int) -> None:
        self.steps = steps

    def info(self, **facts: float | str) -> None:
        self.facts |= facts

    def save(self, state: State, step: int) -> None:
        assert step == max(self.records)
        file = io.BytesIO()
        torch.save(state, file)
        self.saved = file.getvalue()

    def load(self) -> State | None:
        return torch.load(io.BytesIO(self.saved), weights_only=True) if self.saved else None

    def numbers(self) -> dict[int, Record]:
        """Everything that must not differ between two runs: all but the times."""
        return {
            step: {name: value for name, value in record.items() if not name.endswith("_s")}
            for step, record in self.records.items()
        }

    def weights(self) -> bytes:
        return (self.outcome / f"mini_gpt_{self.name}.pt").read_bytes()


@pytest.fixture
def data(write_data: Write) -> Path:
    draw = torch.Generator().manual_seed(0)
    return write_data([torch.randint(0, 49, (32,), generator=draw) for _ in range(14)])


@pytest.fixture
def memory_run(tmp_path: Path) -> Callable[..., MemoryRun]:
    runs: list[MemoryRun] = []

    def make(**values: Any) -> MemoryRun:
        runs.append(MemoryRun(outcome=tmp_path / f"outcome{len(runs)}", **values))
        return runs[-1]

    return make


def test_every_step_has_its_record(small: Small, data: Path, memory_run: Callable[..., MemoryRun]) -> None:
    config, mine = small(max_epochs=2), memory_run()
    run(config, mine)
    assert list(mine.records) == list(range(1, 9))  # 14 examples in batches of 4, the last of 2, twice
    assert mine.steps == 8
    for record in mine.records.values():
        assert set(record) == {"loss", "perplexity", "lr", "tokens", "tokens_per_s", "elapsed_s"}
        assert record["perplexity"] == math.exp(float(record["loss"]))
        assert record["lr"] == config.lr
    assert [record["tokens"] for record in mine.records.values()] == [124, 248, 372, 434, 558, 682, 806, 868]
    elapsed = [float(record["elapsed_s"]) for record in mine.records.values()]
    assert elapsed == sorted(elapsed)
    assert elapsed[0] > 0
    assert mine.facts == {
        "parameters": num_parameters(config),
        "data_order": data_order(SeqDataset(config), config, mine.seed),
        "examples": 14,
        "tokens_used": 448,
        "tokens_available": 448,
        "targets": 434,
        "sequences": 14,
        "data_file": str(data),
        "data_sha256": hashlib.sha256(data.read_bytes()).hexdigest()[:16],
        "loader_processes": 0,
    }
    assert load_model(mine.outcome / "mini_gpt_small.pt").config == config


def test_training_learns(small: Small, write_data: Write, memory_run: Callable[..., MemoryRun]) -> None:
    write_data([list(range(32))] * 8)
    mine = memory_run()
    run(small(lr=1e-2, max_epochs=20), mine)
    assert float(mine.records[40]["loss"]) < 0.5 < 3 < float(mine.records[1]["loss"])


def test_the_same_seed_gives_the_same_bits_and_another_does_not(
    small: Small, data: Path, memory_run: Callable[..., MemoryRun]
) -> None:
    first, second, other = memory_run(), memory_run(), memory_run(seed=4)
    for each in (first, second, other):
        run(small(dropout=0.5), each)
    assert first.numbers() == second.numbers()
    assert first.weights() == second.weights()
    assert first.numbers() != other.numbers()


@pytest.mark.parametrize("num_workers", [0, 1])
@pytest.mark.parametrize("stops", [[2], [4], [5], [8], [1, 6]])
def test_a_resumed_run_gives_the_same_bits(
    small: Small, data: Path, memory_run: Callable[..., MemoryRun], stops: list[int], num_workers: int
) -> None:
    config = small(dropout=0.5, max_epochs=2, num_workers=num_workers)
    whole, resumed = memory_run(), memory_run()
    run(config, whole)
    for stop in stops:  # in the middle of an epoch, at its end, in the next one, at the very end
        resumed.stop_at = stop
        run(config, resumed)
        assert max(resumed.records) == stop
        assert not (resumed.outcome / "mini_gpt_small.pt").exists()
        torch.rand(7)  # whatever else the process does with its generator
    resumed.stop_at = None
    run(config, resumed)
    assert not multiprocessing.active_children()
    assert resumed.numbers() == whole.numbers()
    assert resumed.weights() == whole.weights()


def test_saving_on_the_way_changes_nothing_and_a_kill_costs_the_steps_since(
    small: Small, data: Path, memory_run: Callable[..., MemoryRun]
) -> None:
    config = small(dropout=0.5, max_epochs=2)
    whole, saving = memory_run(), memory_run(save_at=frozenset({3}))
    run(config, whole)
    run(config, saving)
    assert saving.numbers() == whole.numbers()
    after_kill = memory_run(saved=saving.saved)  # all that is left of the first attempt
    run(config, after_kill)
    assert after_kill.numbers() == {step: whole.numbers()[step] for step in range(4, 9)}
    assert after_kill.weights() == whole.weights()


def test_elapsed_time_goes_on_after_a_resume(small: Small, data: Path, memory_run: Callable[..., MemoryRun]) -> None:
    mine = memory_run(stop_at=2)
    run(small(), mine)
    before = float(mine.records[2]["elapsed_s"])
    mine.stop_at = None
    run(small(), mine)
    assert float(mine.records[3]["elapsed_s"]) > before


def test_fused_and_plain_train_alike(small: Small, data: Path, memory_run: Callable[..., MemoryRun]) -> None:
    fused, plain = memory_run(), memory_run()
    run(small(max_epochs=3), fused)
    run(small(max_epochs=3, loss="plain"), plain)
    for step, record in fused.records.items():
        assert record["loss"] == pytest.approx(plain.records[step]["loss"], rel=1e-4)


def test_a_batch_without_a_target_is_skipped_with_a_record(
    small: Small, write_data: Write, memory_run: Callable[..., MemoryRun]
) -> None:
    write_data([[49] * 32] * 4)  # nothing but padding
    mine = memory_run()
    run(small(batch_size=2), mine)
    assert mine.records == {1: {"skipped": NO_TARGET}, 2: {"skipped": NO_TARGET}}
    assert all(weight.isfinite().all() for weight in torch.load(mine.outcome / "mini_gpt_small.pt").values())


def test_max_steps_ends_training_early(small: Small, data: Path, memory_run: Callable[..., MemoryRun]) -> None:
    mine = memory_run()
    run(small(max_steps=5, max_epochs=9), mine)
    assert mine.steps == max(mine.records) == 5
    assert mine.weights()


def test_the_number_of_steps_counts_the_last_short_batch(small: Small) -> None:
    assert num_steps(small(batch_size=4, max_epochs=3), 9) == 9
    assert num_steps(small(batch_size=4, max_epochs=3, max_steps=2), 9) == 2


def test_prepare_checks_the_data_and_makes_the_copy(small: Small, data: Path) -> None:
    prepare(small())
    assert list((data.parent / ".packed").glob("*.npy"))
    data.unlink()
    with pytest.raises(DataError, match="does not exist"):
        prepare(small())


@pytest.mark.parametrize("device", ["cuda", "cuda:1", "tpu"])
def test_a_device_that_is_not_there_is_refused(
    small: Small,
    data: Path,
    memory_run: Callable[..., MemoryRun],
    device: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(ConfigError, match="device"):
        run(small(), memory_run(device=device))


@pytest.mark.slow
@pytest.mark.usefixtures("data")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # torch's own, about torch.jit
def test_a_compiled_run_has_the_same_losses_to_rounding(
    small: Small, memory_run: Callable[..., MemoryRun], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Traced and differentiated by the compiler; its code generator, a minute's work, is left to bench/precision.py."""
    monkeypatch.setattr(torch, "compile", partial(torch.compile, backend="aot_eager"))
    losses = []
    for is_compiled in (False, True):
        memory = memory_run()
        run(small(compile=is_compiled, dropout=0.0, n_layers=1), memory)
        losses.append([record["loss"] for record in memory.records.values()])
    assert losses[1] == pytest.approx(losses[0], rel=1e-4)


@pytest.mark.parametrize(
    ("content", "name", "complaint"),
    [
        ([[PAD] * 32] * 3, "tokenized_data.pt", "3 example.* hold only padding"),
        ({"input_ids": torch.full((2, 32), PAD)}, FALLBACK, "2 example.* hold only padding"),
        ({"input_ids": torch.ones(2, 64).long(), "attention_mask": torch.zeros(2, 64)}, FALLBACK, "no token at all"),
        ([[], []], "tokenized_data.pt", "no token at all"),
        ([[1] + [PAD] * 40], "tokenized_data.pt", "only padding"),
    ],
)
def test_E5_nothing_but_padding_is_an_error_before_the_start(
    small: Small, write_data: Write, content: object, name: str, complaint: str
) -> None:
    path = write_data(content, name)
    for _ in range(2):
        with pytest.raises(DataError, match=complaint) as caught:
            prepare(small())
        assert str(caught.value).startswith(f"{path} gives ")
