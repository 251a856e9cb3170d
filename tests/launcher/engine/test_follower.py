"""The follower between record files and sinks: order, sinks that cannot write, later attempts, unreadable files."""

from __future__ import annotations

import errno
from collections.abc import Sequence
from pathlib import Path

import pytest

from launcher.engine.attempt import make_spec
from launcher.engine.follower import Follower
from launcher.engine.notices import Notices
from launcher.store.paths import Paths
from launcher.store.records import Record, RecordWriter
from launcher.worker.spec import Spec
from tests.launcher.engine.parts import CPU, decision, plan


class NotedSink:
    """Keeps what it is told; with `is_full` it can write nothing."""

    def __init__(self, experiment: str, *, is_full: bool = False) -> None:
        self.place = f"{experiment}.sink"
        self.error = OSError(errno.ENOSPC, "No space left on device") if is_full else None
        self.num_unwritten = 0
        self.calls: list[str] = []

    def header(self, spec: Spec, device: str) -> None:
        self.calls.append(f"header of attempt {spec.attempt} on {device}")

    def records(self, records: Sequence[Record]) -> None:
        self.calls += [f"step {record['step']}" for record in records if "kind" not in record]
        if self.error is not None:
            self.num_unwritten += len(records)

    def catch_up(self, records: Sequence[Record]) -> None:
        pass

    def notice(self, text: str) -> None:
        self.calls.append(text)

    def ending(self, text: str) -> None:
        self.calls.append(text)

    def close(self) -> None:
        self.calls.append("closed")


class Followed:
    """A follower of the experiment a, and what it says."""

    def __init__(self, folder: Path, *, is_full: bool = False) -> None:
        self.plan = plan(folder, [decision()])
        self.plan.paths.create()
        self.warnings: list[str] = []
        self.sinks: list[NotedSink] = []
        self._is_full = is_full
        self.follower = Follower(
            self.plan.paths,
            self.warnings.append,
            ["loss"],
            lambda: Notices(["loss"], is_stopped=False),
            [self._sink],
        )

    def _sink(self, _paths: Paths, experiment: str) -> NotedSink:
        self.sinks.append(NotedSink(experiment, is_full=self._is_full))
        return self.sinks[-1]

    def open(self, number: int = 1) -> None:
        self.follower.open(make_spec(self.plan, self._decision(number), CPU), "cpu:0")

    def write(self, *losses: float, first: int = 1, attempt: int = 1) -> None:
        writer = RecordWriter(self.plan.paths.records("a"), attempt)
        for step, loss in enumerate(losses, first):
            writer.write({"loss": loss}, step)
        writer.close()

    @staticmethod
    def _decision(number: int):  # type: ignore[no-untyped-def]
        made = decision()
        for _ in range(number - 1):
            made = made.after_attempt({})
        return made


@pytest.fixture
def followed(tmp_path: Path) -> Followed:
    return Followed(tmp_path)


def test_a_sink_hears_of_an_attempt_in_order(followed: Followed) -> None:
    followed.open()
    followed.write(0.5, 0.4)
    history = followed.follower.read("a")
    assert (history.last_step, followed.follower.num_records["a"]) == (2, 2)
    followed.follower.read("a")
    followed.follower.close("a", "a done")
    assert followed.sinks[0].calls == ["header of attempt 1 on cpu:0", "step 1", "step 2", "a done", "closed"]
    assert (followed.follower.newest("a").best, followed.warnings) == (0.4, []), "the best is known after the end"


def test_a_later_attempt_is_told_its_own_records_alone(followed: Followed) -> None:
    followed.write(0.5, 0.4)
    followed.open(2)
    assert followed.follower.num_records["a"] == 0
    assert followed.follower.summary("a").last_step == 2, "the steps of earlier attempts are there"
    assert followed.follower.summary("a").phase == "in set-up"
    followed.write(0.3, first=3, attempt=2)
    followed.follower.read("a")
    assert followed.sinks[0].calls == ["header of attempt 2 on cpu:0", "step 3"]
    assert (followed.follower.newest("a").value, followed.follower.newest("a").step) == (0.3, 3)
    followed.follower.close("a", "a done")


def test_a_sink_that_cannot_write_is_told_once_and_counted_at_the_end(tmp_path: Path) -> None:
    followed = Followed(tmp_path, is_full=True)
    followed.open()
    for step in (1, 2):
        followed.write(0.5, first=step)
        followed.follower.read("a")
    assert followed.warnings == ["a.sink cannot be written: No space left on device. Training goes on."]
    followed.follower.close("a", "a done")
    assert followed.warnings[1:] == ["a.sink lacks 2 lines; its records have them all."]
    assert followed.follower.num_unwritten == 2
    followed.open(2)
    assert len(followed.warnings) == 2, "the same place is not told again for the next attempt"
    followed.follower.close("a", "a done")


def test_what_is_noticed_goes_to_the_user_and_into_the_sinks(followed: Followed) -> None:
    followed.open()
    followed.write(float("nan"))
    followed.follower.read("a")
    text = 'loss is nan since step 1; training goes on (on_nan = "stop" ends it)'
    assert followed.sinks[0].calls[-1] == text
    assert followed.warnings == [f"a: {text}."]
    assert followed.follower.verdict("a") == "loss was nan from step 1 on"
    followed.follower.close("a", "a done")


def test_records_that_cannot_be_read_are_an_obstacle_told_once(followed: Followed) -> None:
    followed.plan.paths.records("a").mkdir()
    followed.open()
    for _ in range(2):
        assert "cannot be read: " in followed.follower.read("a").obstacle
    assert len(followed.warnings) == 1
    followed.follower.close("a", "a failed")


def test_a_folder_that_was_renamed_is_read_where_it_is_now(followed: Followed) -> None:
    followed.open()
    followed.write(0.5)
    outcome = followed.plan.paths.outcome
    moved = outcome.rename(outcome.with_name("moved"))
    followed.follower.follow(Paths(moved, followed.plan.paths.logs))
    assert followed.follower.read("a").last_step == 1
    followed.follower.close("a", "a done")


@pytest.mark.parametrize("call", ["header", "records", "notice", "ending", "close"])
def test_a_sink_that_raises_is_told_left_out_and_closed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    def refuse(*_: object) -> None:
        raise ValueError("told to")

    followed = Followed(tmp_path)
    monkeypatch.setattr(NotedSink, call, refuse)
    followed.open()
    followed.write(1.0, float("nan"))
    assert followed.follower.read("a").last_step == 2, "what is recorded is read all the same"
    followed.follower.close("a", "a done")
    (warning,) = [text for text in followed.warnings if "ValueError" in text]
    assert "left out from now on (ValueError: told to)" in warning
    assert call == "close" or followed.sinks[0].calls[-1] == "closed"


def test_a_sink_that_cannot_be_made_is_told_and_the_others_go_on(tmp_path: Path) -> None:
    def refuse(_paths: Paths, _experiment: str) -> NotedSink:
        raise ValueError("told to")

    followed = Followed(tmp_path)
    followed.follower._make_sinks = [refuse, followed._sink]
    followed.open()
    assert [sink.place for sink in followed.sinks] == ["a.sink"]
    assert "sink 1 is left out" in followed.warnings[0]
