"""What records add up to: a history of some metrics agrees with the whole one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from launcher.store.curve import curve_of
from launcher.store.history import History, read_history
from launcher.store.records import Record, RecordReader, RecordWriter
from launcher.store.summary_file import read_summary

LINES: list[dict[str, Any]] = [
    {"kind": "start", "attempt": 1},
    {"kind": "total", "steps": 9, "attempt": 1},
    *({"attempt": 1, "step": step, "loss": 5.0 - step, "rate": 0.1} for step in range(1, 6)),
    {"kind": "end", "ending": "nonsense", "attempt": 1},
    {"kind": "start", "attempt": 2},
    {"kind": "resume", "step": 2, "attempt": 2},
    {"attempt": 2, "step": 3, "loss": "nan"},
    {"attempt": 2, "step": 4, "other": 1},
    {"attempt": 2, "step": 4, "loss": 7.0},
    {"attempt": 2, "step": 5, "loss": "-inf"},
    {"kind": "end", "ending": "done", "attempt": 2},
]


def test_a_history_of_one_metric_agrees_with_the_whole(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    rows = [json.dumps({"n": n, "at_s": float(n)} | line) for n, line in enumerate(LINES, start=1)]
    path.write_text("\n".join([*rows, "not a record", '{"n": 99, "attempt": 9', "[" * 3000, '{"n": 100, "torn']))
    whole, light = read_history(path), read_history(path, ["loss"])
    assert facts(light) == facts(whole)
    assert light.steps == {1: {"loss": 4.0}, 2: {"loss": 3.0}, 3: whole.steps[3], 4: {"loss": 7.0}, 5: whole.steps[5]}
    summary = read_summary(path, ["loss"])
    curve = curve_of(summary.series["loss"])
    assert curve is not None
    assert curve.newest == float("-inf")
    assert curve.best == 3.0, "what the second attempt replaced, and what is not finite, never wins"
    highest = curve_of(summary.series["loss"], is_maximized=True)
    assert highest is not None
    assert highest.best == 7.0
    assert curve_of(summary.series.get("rate")) is None, "it is not remembered"
    assert not read_summary(tmp_path / "none.jsonl", ["loss"]).series


def facts(history: History) -> tuple[Any, ...]:
    """Return what a history knows whatever metrics it remembers."""
    newest = (history.end, history.total, history.resumed_from, history.last_s, history.phase, history.attempt)
    return (list(history.steps), history.last_step, history.has_all_steps, *newest)


ATTEMPT = st.lists(st.tuples(st.integers(0, 12), st.booleans()), max_size=8)


@given(attempts=st.lists(ATTEMPT, max_size=4))
def test_any_order_of_steps_and_attempts_gives_the_same_with_few_metrics(
    attempts: list[list[tuple[int, bool]]],
) -> None:
    records: list[Record] = []
    for attempt, steps in enumerate(attempts, start=1):
        records.append({"n": len(records) + 1, "attempt": attempt, "at_s": 0.0, "kind": "start"})
        for step, has_loss in steps:
            metrics = {"loss": float(len(records))} if has_loss else {"other": 1.0}
            records.append({"n": len(records) + 1, "attempt": attempt, "at_s": 1.0, "step": step, **metrics})
    whole, light, single = History(), History(metrics=["loss"]), History(metrics=["loss"])
    whole.add_all(records)
    light.add_all(records)
    for record in records:
        single.add(record)
    assert facts(light) == facts(single) == facts(whole)
    of_loss = {
        step: {key: value for key, value in cells.items() if key == "loss"} for step, cells in whole.steps.items()
    }
    assert light.steps == single.steps == of_loss
    assert not light.at_s


def test_integers_of_any_size_stay_what_they_are(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    writer = RecordWriter(path, 1)
    written = [2**53 + 1, 2**63 + 1, -(2**64) - 1, 10**400, 1e30, 2**62]
    for step, value in enumerate(written, start=1):
        writer.write({"count": value}, step)
    writer.write({"kind": "info", "hash": 2**70 + 1})
    writer.close()
    for metrics in (None, ["count"]):
        history = read_history(path, metrics)
        assert [cells["count"] for cells in history.steps.values()] == written
        assert history.info == {"hash": 2**70 + 1}
    assert sum(1 for _ in RecordReader(path, []).read()) == len(written) + 1


def test_the_time_of_a_step_is_that_of_all_attempts() -> None:
    history = History()
    steps = [(1, 1.0, 1), (1, 2.0, 2), (2, 0.5, 2), (2, 1.5, 3)]
    for n, (attempt, at_s, step) in enumerate(steps):
        history.add({"n": n, "attempt": attempt, "at_s": at_s, "step": step, "loss": 1.0})
    assert history.at_s == {1: 1.0, 2: 2.5, 3: 3.5}
    assert list(history.steps) == [1, 2, 3]
