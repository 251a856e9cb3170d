"""The text log: one line for each record of use to a person, in a file that the worker writes to as well."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from launcher.engine.attempt import make_spec
from launcher.sinks.text_log import TextLog, step_line
from launcher.store.records import Record
from tests.launcher.engine.parts import CPU, decision, plan


@pytest.fixture
def log(tmp_path: Path) -> Iterator[TextLog]:
    made = TextLog(tmp_path / "logs" / "a.log")
    yield made
    made.close()


def content(log: TextLog) -> list[str]:
    return Path(log.place).read_text().splitlines()


def step(number: int, **metrics: float) -> Record:
    return {"attempt": 1, "at_s": 0.1, "step": number, **metrics}


def test_the_header_says_what_is_trained_and_where(log: TextLog, tmp_path: Path) -> None:
    log.header(make_spec(plan(tmp_path, [decision()]), decision(lr=0.5, api_token="secret"), CPU), "cpu:0")
    lines = content(log)
    assert lines[0] == "=== a, attempt 1 ==="
    assert {"target   toy:train", "config   lr = 0.5", "digest   digest of a", "threads  1"} <= {*lines}
    assert "device   cpu:0 (CUDA_VISIBLE_DEVICES='')" in lines
    assert "secret" not in "\n".join(lines)


def test_of_a_script_that_goes_on_its_first_step_is_told(log: TextLog) -> None:
    log.records(
        [
            {"attempt": 2, "at_s": 0.0, "kind": "start"},
            {"attempt": 2, "at_s": 0.0, "kind": "follows", "sources": "[]", "is_resumed": True},
            {"attempt": 2, "at_s": 0.0, "kind": "resume", "step": 1099},
        ]
    )
    assert content(log) == ["goes on with step 1100"], "its checkpoint may be of step 1000"


def test_records_become_lines_and_those_of_no_use_to_a_person_do_not(log: TextLog) -> None:
    log.records(
        [
            {"attempt": 1, "at_s": 0.0, "kind": "start"},
            {"attempt": 1, "at_s": 0.0, "kind": "total", "steps": 4},
            {"attempt": 1, "at_s": 0.0, "kind": "resume", "step": 1},
            {"attempt": 1, "at_s": 0.0, "kind": "info", "parameters": 17},
            step(2, loss=0.5),
            {"attempt": 1, "at_s": 0.0, "kind": "end", "ending": "failed", "trace": "Traceback\n  ValueError\n"},
        ]
    )
    log.ending("a failed")
    assert content(log) == [
        "goes on from the checkpoint of step 1",
        "info parameters 17",
        "step 2/4 loss 0.5000",
        "Traceback",
        "  ValueError",
        "=== a failed ===",
    ]


def test_a_step_is_a_line() -> None:
    record = {"n": 1, "attempt": 1, "at_s": 0.1, "step": 12, "loss": 9.123, "perplexity": 9163.2}
    assert step_line(record, 218) == "step 12/218 loss 9.1230 ppl 9163.2"
    assert step_line(record, None).startswith("step 12 ")


def test_behind_a_progress_bar_a_new_line_begins(log: TextLog) -> None:
    with Path(log.place).open("a") as worker:
        worker.write("50 %|#####     |")
    log.notice("loss is nan")
    assert content(log) == ["50 %|#####     |", "*** loss is nan ***"]


def test_control_characters_do_nothing_to_a_terminal(log: TextLog) -> None:
    log.ending("a failed: \x1b[2J")
    assert "\x1b" not in content(log)[0]


def test_a_later_launch_writes_only_the_lines_that_are_missing(log: TextLog) -> None:
    records = [step(number, loss=0.5) for number in (1, 2, 3)]
    log.records(records[:2])
    log.catch_up(records)
    assert [line[:6] for line in content(log)] == ["step 1", "step 2", "step 3"]


def test_a_log_that_cannot_be_written_counts_its_lines_and_raises_nothing(tmp_path: Path) -> None:
    (tmp_path / "logs").write_text("a file where the folder should be")
    log = TextLog(tmp_path / "logs" / "a.log")
    log.records([step(1), step(2)])
    log.ending("a done")
    log.close()
    assert log.error is not None
    assert log.num_unwritten == 3
