"""What is read of an experiment before a decision: its records, its newest attempt, its entry in `sweep.json`."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from launcher.planning.earlier_attempts import gather
from launcher.planning.estimate import DurationEstimate
from launcher.planning.evidence import Evidence, LostEnding, names_with_files, nothing_left
from launcher.planning.experiment import Experiment
from launcher.store.ending import EndingKind
from launcher.store.events import Ended, LoggedEvent, Started
from launcher.store.manifest import ManifestExperiment
from launcher.store.paths import Paths
from launcher.store.record_facts import GpuNeed

START = {"kind": "start", "digest": "now", "device": "cpu", "threads": 1, "pid": 1}
TOTAL = {"kind": "total", "steps": 4}
STEPS = [{"step": 1, "loss": 3.0}, {"step": 2, "loss": 2.0}]
END = {"kind": "end", "ending": "done", "peak_memory_bytes": 1e9, "peak_gpu_memory_bytes": 2 * 10**9}
HERE = Experiment("a", 0, {}, {}, "now", work=10.0)
OPEN: list[LoggedEvent] = [Started("a", 1, "cpu:0", 1)]
ENDED: list[LoggedEvent] = [*OPEN, Ended("a", 1, EndingKind.DONE, "", 6.0)]


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    paths = Paths(tmp_path / "outcome", tmp_path / "logs")
    paths.create()
    return paths


def write(paths: Paths, *records: dict[str, Any]) -> None:
    lines = [{"n": n, "attempt": 1, "at_s": float(n)} | record for n, record in enumerate(records, start=1)]
    paths.records("a").write_text("".join(json.dumps(line) + "\n" for line in lines))


def evidence(
    paths: Paths,
    events: Sequence[LoggedEvent] = (),
    planned: ManifestExperiment | None = None,
    experiment: Experiment = HERE,
) -> Evidence:
    return gather(experiment, planned, events, paths, "loss")


def test_of_an_experiment_that_never_ran_nothing_is_known_but_its_work(paths: Paths) -> None:
    assert evidence(paths) == Evidence(duration=DurationEstimate(10.0, is_earlier=True))


def test_what_is_done_tells_its_time_though_it_never_told_how_many_steps_it_has(paths: Paths) -> None:
    write(paths, START, *STEPS, END)
    assert evidence(paths, ENDED).duration == DurationEstimate(10.0, 6.0, 1.0, is_earlier=True)
    write(paths, START, *STEPS)
    assert evidence(paths, OPEN).duration.seconds is None, "how much is left is not known"


def test_a_finished_experiment_tells_time_memory_and_its_best_value(paths: Paths) -> None:
    write(paths, START, TOTAL, *STEPS, END)
    found = evidence(paths, ENDED)
    assert (found.ending, found.digest, found.num_steps, found.seconds) == ("done", "now", 2, 6.0)
    assert (found.peak_memory_bytes, found.peak_gpu_memory_bytes) == (10**9, 2 * 10**9)
    assert found.gpu_need == GpuNeed(2 * 10**9)
    assert found.state is not None
    assert found.state.curves["loss"].best == 2.0
    assert found.duration == DurationEstimate(10.0, 12.0, 0.5, is_earlier=True)
    assert found.is_kept
    assert found.lost_ending is None


def test_a_peak_of_an_attempt_that_got_too_little_memory_is_not_what_it_needs(paths: Paths) -> None:
    write(paths, START, *STEPS, END | {"ending": "out_of_memory"})
    found = evidence(paths)
    assert (found.peak_gpu_memory_bytes, found.gpu_need, found.state) == (2 * 10**9, None, None)


@pytest.mark.parametrize(
    ("records", "expected"),
    [
        ([START, *STEPS], LostEnding(1, EndingKind.INTERRUPTED, 3.0)),
        ([START, *STEPS, END], LostEnding(1, EndingKind.DONE, 4.0)),
        ([], LostEnding(1, EndingKind.INTERRUPTED, 0.0)),
    ],
    ids=["killed while it trained", "its worker had said how it ended", "killed before its first record"],
)
def test_an_ending_that_no_launcher_saw_is_told_by_the_records(
    paths: Paths, records: list[dict[str, Any]], expected: LostEnding
) -> None:
    write(paths, *records)
    found = evidence(paths, OPEN)
    assert found.lost_ending == expected
    assert found.seconds == expected.seconds


def test_records_that_cannot_be_read_are_an_obstacle_and_no_lost_ending(paths: Paths) -> None:
    paths.records("a").mkdir()
    found = evidence(paths, OPEN)
    assert f"{paths.records('a')} cannot be read" in found.obstacle
    assert found.lost_ending is None


@pytest.mark.parametrize(
    ("digest", "work", "seconds"),
    [("now", None, 12.0), ("before", 5.0, 24.0), ("before", None, None), ("another", 5.0, None)],
    ids=["the same", "half the work then", "its work then is not known", "of another configuration"],
)
def test_the_time_of_another_configuration_is_scaled_by_the_work(
    paths: Paths, digest: str, work: float | None, seconds: float | None
) -> None:
    write(paths, START | {"digest": "now" if digest == "now" else "before"}, TOTAL, *STEPS, END)
    planned = ManifestExperiment("a", {}, {}, digest, work)
    assert evidence(paths, ENDED, planned).duration.seconds == seconds


@pytest.mark.parametrize("planned", [None, ManifestExperiment("a", {}, {}, "before", work=4.0)])
def test_without_files_and_events_the_short_way_finds_what_reading_finds(
    paths: Paths, planned: ManifestExperiment | None
) -> None:
    assert names_with_files(paths) == set()
    assert replace(nothing_left(HERE.work), planned=planned) == evidence(paths, planned=planned)


def test_records_and_checkpoints_alone_are_enough_to_be_read(paths: Paths) -> None:
    write(paths, START)
    paths.checkpoints("b.1").mkdir(parents=True)
    assert names_with_files(paths) == {"a", "b.1"}
    assert names_with_files(Paths(paths.outcome / "nowhere", paths.logs)) == set()
