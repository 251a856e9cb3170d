"""`Adapter`: which numbers are recorded, under which names and steps, and that nothing of it ends a training."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from launcher.current_run import current
from launcher.current_run.script_run import ScriptRun
from launcher.integrations.adapter import Adapter, metric_name, numbers


@pytest.fixture
def adapter(tmp_path: Path) -> Iterator[Adapter]:
    run = ScriptRun({"LAUNCHER_DIR": str(tmp_path), "LAUNCHER_NAME": "a"})
    current.set_current(run)
    yield Adapter("library")
    run.close()
    current.set_current(None)


def lines(folder: Path) -> list[Any]:
    return [json.loads(line) for line in (folder / ".launcher" / "run.jsonl").read_text().splitlines()]


class Array:
    """Like an array of NumPy, or with `numel` like a tensor."""

    def __init__(self, *values: float) -> None:
        self.size = len(values)
        self._values = values

    def item(self) -> float:
        return self._values[0]


class Picture:
    size = 1


def test_numbers_are_taken_and_everything_else_is_left_out() -> None:
    given = {
        "loss": 0.5, "count": 3, "one": Array(0.25), "many": Array(1, 2), "text": "x", "flag": True, "none": None,
        "picture": Picture(), "list": [1], "train": {"loss": 0.125, "deep": {"er": 1}},
    }  # fmt: skip
    expected = {"loss": 0.5, "count": 3, "one": 0.25, "train_loss": 0.125, "train_deep_er": 1}
    assert numbers(given) == expected


@pytest.mark.parametrize(
    ("name", "known"),
    [("train/loss", "train_loss"), ("val-acc.top 5", "val_acc_top_5"), ("5th", "x_5th"), ("step", "step_"), ("/", "")],
)
def test_names_are_those_that_files_give(name: str, known: str) -> None:
    from launcher.sources.metric_names import metric_name as of_files

    assert metric_name(name) == known == of_files(name)


def test_a_second_training_is_counted_on(adapter: Adapter, tmp_path: Path) -> None:
    for _ in range(2):
        adapter.begin_training()
        adapter.total(2)
        adapter.log(1, {"loss": 1.0})
        adapter.log(2, {"loss": 0.5})
    steps = [line["step"] for line in lines(tmp_path) if "step" in line]
    totals = [line["steps"] for line in lines(tmp_path) if "steps" in line]
    assert (steps, totals) == ([1, 2, 3, 4], [2, 4])


def test_a_training_that_goes_on_keeps_its_steps(adapter: Adapter, tmp_path: Path) -> None:
    adapter.begin_training(10)
    adapter.log(11, {"loss": 1.0})
    assert lines(tmp_path) == [{"step": 11, "loss": 1.0}]


def test_what_cannot_be_recorded_is_told_once(adapter: Adapter, capsys: pytest.CaptureFixture[str]) -> None:
    adapter.log(2, {"loss": 1.0})
    adapter.log(1, {"loss": 1.0})
    adapter.log(-1, {"loss": 1.0})
    told = capsys.readouterr().err
    assert told.startswith("launcher: not all that library logs is recorded. ValueError: run.log: step 1 comes after")
    assert len(told.splitlines()) == 1


def test_without_numbers_nothing_is_written(adapter: Adapter, tmp_path: Path) -> None:
    adapter.log(1, {"text": "x"})
    adapter.info({})
    assert not (tmp_path / ".launcher").exists()
