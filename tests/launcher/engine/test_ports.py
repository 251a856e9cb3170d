"""A launch whose parts are others: an executor in memory, a searcher, a stopper, a second sink."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import psutil
import pytest

from launcher.executors.base import Refusal
from launcher.search.searcher import Proposal, Result
from launcher.store.paths import Paths
from launcher.store.records import Record
from launcher.worker.spec import Spec
from tests.launcher.engine.fakes import FakeExecutor, Listening, run, two_steps

JOB = '[sweep]\ntarget = "toy:train"\npreload = []\n[config]\nlr = 0.2\n[experiments]\n'


def write_job(folder: Path, *names: str) -> None:
    (folder / "job.toml").write_text(JOB + "".join(f"{name} = {{}}\n" for name in names))


@pytest.mark.slow
def test_ten_thousand_experiments_run_in_memory(folder: Path) -> None:
    names = [f"e{number}" for number in range(10_000)]
    write_job(folder, *names)
    executor = FakeExecutor(1000)
    before = psutil.Process().children(recursive=True)
    summary = run(folder, executor, sinks=())
    assert psutil.Process().children(recursive=True) == before, "no process was started"
    assert summary.is_done
    assert len(summary.endings) == 10_000
    assert [name for name, _ in executor.started] == names
    assert executor.is_closed


def test_what_is_refused_waits_while_others_start_and_is_told_once(folder: Path) -> None:
    write_job(folder, "a", "b")
    executor, console = FakeExecutor(1), Listening()
    executor.refusals["a"] = [Refusal("cpu:0: 7.1 GB held", "cpu"), Refusal("cpu:0: 7.2 GB held", "cpu")]
    assert run(folder, executor, console).is_done
    assert [name for name, _ in executor.started] == ["b", "a"]
    assert [one for one in console.messages if one.startswith("cpu")] == [
        "cpu:0: 7.1 GB held; a waits. Nothing runs meanwhile; Ctrl-C gives up."
    ]


class Halving:
    """Proposes a rate, and half of it for each result, three times."""

    def __init__(self) -> None:
        self.told: list[Result] = []
        self._left = [Proposal(f"lr_{rate}", {"lr": rate}) for rate in (0.4, 0.2, 0.1)]

    def ask(self) -> Sequence[Proposal]:
        return [self._left.pop(0)] if self._left else []

    def tell(self, result: Result) -> None:
        self.told.append(result)


def test_a_searcher_adds_experiments_while_the_sweep_runs(folder: Path) -> None:
    write_job(folder, "unused")
    searcher, executor = Halving(), FakeExecutor(2, two_steps)
    summary = run(folder, executor, make_searcher=lambda _: searcher)
    assert list(summary.endings) == executor.prepared == ["lr_0.4", "lr_0.2", "lr_0.1"]
    assert [(one.name, one.best) for one in searcher.told] == [("lr_0.4", 0.4), ("lr_0.2", 0.4), ("lr_0.1", 0.4)]
    written = json.loads((folder / "outcome" / "job" / "sweep.json").read_text())
    assert [one["config"]["lr"] for one in written["experiments"]] == [0.4, 0.2, 0.1]
    assert written["launch"]["attempts"] == {"lr_0.4": 1, "lr_0.2": 1, "lr_0.1": 1}


class StopsEndless:
    """Stops an experiment that is no better than 0.4."""

    def judge(self, experiment: str, step: int, value: float) -> str | None:
        return f"its loss is {value} at step {step}" if experiment == "endless" else None


def test_a_stopper_has_an_experiment_save_and_end(folder: Path) -> None:
    write_job(folder, "a", "endless")
    executor, console = FakeExecutor(2, two_steps, endless=["endless"]), Listening()
    summary = run(folder, executor, console, stopper=StopsEndless())
    assert executor.stopped == [("endless", False)]
    assert {name: str(ending) for name, ending in summary.endings.items()} == {"a": "done", "endless": "interrupted"}
    assert "endless: asked to save and end, as its loss is 0.4 at step 2." in console.messages


class Counter:
    """A sink that counts records."""

    error = None
    num_unwritten = 0
    place = "memory"
    counts: dict[str, int]

    def __init__(self, counts: dict[str, int], experiment: str) -> None:
        self._counts = counts
        self._experiment = experiment

    def header(self, spec: Spec, device: str) -> None:
        self._counts[self._experiment] = 0

    def records(self, records: Sequence[Record]) -> None:
        self._counts[self._experiment] += len(records)

    def catch_up(self, records: Sequence[Record]) -> None:
        pass

    def notice(self, text: str) -> None:
        pass

    def ending(self, text: str) -> None:
        pass

    def close(self) -> None:
        pass


def test_records_go_to_every_sink(folder: Path) -> None:
    write_job(folder, "a")
    counts: dict[str, int] = {}

    def counter(_paths: Paths, experiment: str) -> Counter:
        return Counter(counts, experiment)

    assert run(folder, FakeExecutor(1, two_steps), sinks=[counter]).is_done
    assert counts == {"a": 4}
    assert not list((folder / "logs").rglob("a.log")), "the text log was not among the sinks"
