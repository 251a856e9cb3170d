"""`Run` without a launch: what it refuses, and that nothing of a refused call is recorded."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from launcher.store.checkpoints import Checkpoints
from launcher.store.records import RecordReader, RecordWriter
from launcher.worker.run import Diverged, Run

MakeRun = Callable[..., Run]


@pytest.fixture
def make_run(tmp_path: Path) -> Iterator[MakeRun]:
    """A function that makes a run whose records are in `a.jsonl`."""
    writer = RecordWriter(tmp_path / "a.jsonl", 1)
    checkpoints = Checkpoints(tmp_path / "checkpoints", "a", "")

    def _make(**more: Any) -> Run:
        return Run(
            name="a", seed=0, attempt=1, device="cpu", outcome=tmp_path, writer=writer, checkpoints=checkpoints,
            checkpoint_s=60.0, **more,
        )  # fmt: skip

    yield _make
    writer.close()


def records(folder: Path) -> list[dict[str, Any]]:
    return list(RecordReader(folder / "a.jsonl").read())


@pytest.mark.parametrize("name", ["n", "attempt", "at_s", "kind"])
def test_a_metric_with_a_reserved_name_is_refused_and_nothing_is_written(
    make_run: MakeRun, tmp_path: Path, name: str
) -> None:
    run = make_run()
    with pytest.raises(ValueError, match=f"run.log: {name} is a reserved name"):
        run.log(1, loss=0.5, **{name: 3})
    with pytest.raises(ValueError, match=f"run.info: {name} is a reserved name"):
        run.info(**{name: 3})
    run.log(1, loss=0.5)
    assert [(record["n"], record["step"], record["loss"]) for record in records(tmp_path)] == [(1, 1, 0.5)]


def test_steps_never_go_back_and_the_same_step_adds_to_itself(make_run: MakeRun, tmp_path: Path) -> None:
    run = make_run()
    run.log(3, loss=1.0)
    run.log(3, accuracy=0.5)
    with pytest.raises(ValueError, match="step 2 comes after step 3"):
        run.log(2, loss=1.0)
    assert [record["step"] for record in records(tmp_path)] == [3, 3]


@pytest.mark.parametrize("step", [1.0, True, "1", None])
def test_a_step_that_is_no_whole_number_is_refused(make_run: MakeRun, step: Any) -> None:
    with pytest.raises(TypeError, match="give a whole number"):
        make_run().log(step, loss=1.0)


@pytest.mark.parametrize("step", [-1, 2**63])
def test_a_step_out_of_bounds_is_refused(make_run: MakeRun, step: int) -> None:
    with pytest.raises(ValueError, match="must be from 0 to"):
        make_run().log(step, loss=1.0)


def test_a_watched_metric_that_is_not_finite_is_recorded_and_stops(make_run: MakeRun, tmp_path: Path) -> None:
    run = make_run(watched="loss")
    run.log(1, other=float("nan"))
    with pytest.raises(Diverged, match="loss is nan at step 2"):
        run.log(2, loss=float("nan"))
    assert run.should_stop
    assert len(records(tmp_path)) == 2


def test_a_run_stops_at_the_step_it_is_given_or_when_it_is_asked(make_run: MakeRun) -> None:
    run = make_run(stop_after=2)
    run.log(1)
    assert not run.should_stop
    run.log(2)
    assert run.should_stop
    assert run.was_stopped


def test_a_secret_among_the_facts_is_hidden(make_run: MakeRun, tmp_path: Path) -> None:
    make_run().info(api_key="abc", parameters=3)
    (record,) = records(tmp_path)
    assert (record["api_key"], record["parameters"]) == ("***", 3)
