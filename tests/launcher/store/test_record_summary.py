"""The summary of records agrees with the history of every step, and a long file is summed up in bounded memory."""

from __future__ import annotations

import json
import math
import random
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from launcher.store import summary_file
from launcher.store.curve import Curve, curve_of
from launcher.store.history import History, numbers
from launcher.store.record_summary import RecordSummary, Straddles
from launcher.store.records import Record, RecordWriter
from launcher.store.series import Series
from launcher.store.step_scale import StepScale
from launcher.store.summary_file import SummaryReader, read_summary

ATTEMPT = st.tuples(
    st.integers(0, 6),  # the step of the checkpoint it continues from; 0: it begins anew
    st.lists(st.tuples(st.integers(0, 12), st.sampled_from([None, 1.0, 2, math.nan, math.inf])), max_size=10),
)


def records_of(attempts: Sequence[tuple[int, Sequence[tuple[int, float | None]]]]) -> list[Record]:
    """Return the records of attempts: a loss is logged where there is a value, another metric at every step."""
    found: list[Record] = []
    for attempt, (resumed_from, steps) in enumerate(attempts, start=1):
        begin: list[dict[str, Any]] = [{"kind": "start", "digest": "x"}]
        begin += [{"kind": "resume", "step": resumed_from}] if resumed_from else []
        lines = [{"step": step, "other": 1.0} | ({} if loss is None else {"loss": loss}) for step, loss in steps]
        for line in [*begin, *lines]:
            found.append({"n": len(found) + 1, "attempt": attempt, "at_s": len(found) / 10, **line})
    return found


def summed(records: Sequence[Record], limit: int, pieces: int = 1) -> RecordSummary:
    """Return the summary of records that came in pieces."""
    size = max(1, math.ceil(len(records) / pieces))
    cuts: Any = {}
    while True:
        summary = RecordSummary(metrics=["loss"], limit=limit, cuts=cuts)
        try:
            for start in range(0, len(records), size):
                summary.add_all(records[start : start + size])
            return summary
        except Straddles as straddles:
            cuts = straddles.cuts


@given(attempts=st.lists(ATTEMPT, max_size=4), pieces=st.integers(1, 5))
def test_a_short_summary_has_every_value_of_the_history(attempts: list[Any], pieces: int) -> None:
    records = records_of(attempts)
    history = History()
    history.add_all(records)
    summary = summed(records, 4096, pieces)
    series = summary.series.get("loss", Series())
    assert repr(dict(zip(series.steps, series.values, strict=True))) == repr(numbers(history, "loss"))
    assert dict(zip(summary.times.steps, summary.times.values, strict=True)) == history.at_s
    for name in ("last_step", "attempt", "phase", "resumed_from", "has_all_steps", "before_s", "last_s", "num_steps"):
        assert getattr(summary, name) == getattr(history, name), name


@given(
    losses=st.lists(st.sampled_from([1.0, 2.5, -3.0, math.nan, math.inf, -math.inf, 7]), min_size=1, max_size=80),
    resumes=st.lists(st.integers(1, 60), max_size=2),
    pieces=st.integers(1, 7),
)
def test_a_thinned_summary_has_the_same_facts(losses: list[float], resumes: list[int], pieces: int) -> None:
    attempts: list[Any] = [(0, list(enumerate(losses, start=1)))]
    attempts += [(start, [(start + 1 + k, 0.5) for k in range(20)]) for start in resumes if start <= len(losses)]
    records = records_of(attempts)
    history = History()
    history.add_all(records)
    points = numbers(history, "loss")
    whole, thinned = Curve(list(points), list(points.values())), curve_of(summed(records, 4, pieces).series["loss"])
    assert thinned is not None
    for name in (
        "num", "first", "newest", "newest_step", "best", "best_step", "num_bad", "first_bad", "broken_since",
        "broken_value",
    ):  # fmt: skip
        assert repr(getattr(thinned, name)) == repr(getattr(whole, name)), name
    assert len(thinned.steps) <= 3 * 6
    assert {*thinned.steps} <= {*whole.steps}
    assert sum(thinned.stretches.counts) == whole.num - whole.num_bad
    assert repr(summed(records, 4, 1)) == repr(summed(records, 4, pieces)), "however they came, the same cells"


def test_the_same_values_make_the_same_cells_after_any_resume() -> None:
    straight = records_of([(0, [(step, float(step % 7)) for step in range(1, 101)])])
    resumed = records_of(
        [(0, [(step, float(step % 7)) for step in range(1, 71)]),
         (30, [(step, float(step % 7)) for step in range(31, 101)])]
    )  # fmt: skip
    assert summed(straight, 8).series["loss"].cells == summed(resumed, 8).series["loss"].cells


def test_the_end_of_a_long_curve_is_that_of_its_last_stretches() -> None:
    rng = random.Random(3)
    series = Series(64)
    values = [rng.gauss(2.0, 0.5) for _ in range(1000)]
    for step, value in enumerate(values, start=1):
        series.put(step, value)
    curve, whole = curve_of(series), Curve(range(1, 1001), values)
    assert curve is not None
    assert curve.end is not None
    assert whole.end is not None
    assert curve.end.count == pytest.approx(100, abs=series.width)
    last = values[-curve.end.count :]
    assert curve.end.level == pytest.approx(sum(last) / len(last), rel=1e-12)
    assert curve.end.level == pytest.approx(whole.end.level, rel=0.02)
    assert curve.end.spread == pytest.approx(whole.end.spread, rel=0.1)


@pytest.mark.parametrize("limit", [4, 64, 4096])
def test_a_series_knows_the_first_step_of_its_extremes_however_short_it_was_made(limit: int) -> None:
    series, values = Series(limit), [float(step * 37 % 101) for step in range(1, 203)]
    series.extend(range(1, 203), values)
    assert series.lowest is not None
    assert series.highest is not None
    assert series.step_of(series.lowest) == values.index(min(values)) + 1
    assert series.step_of(series.highest) == values.index(max(values)) + 1


def test_values_near_the_largest_float_have_no_level_and_end_nothing() -> None:
    series = Series(4)
    for step in range(1, 40):
        series.put(step, 1.7e308 if step % 2 else -1.7e308)
    curve = curve_of(series)
    assert curve is not None
    assert (curve.best, curve.end, curve.num) == (-1.7e308, None, 39)


def test_a_scale_between_two_steps_grows_evenly() -> None:
    series = Series(4)
    for step in range(1, 41):
        series.put(step, 10.0 * step)
    scale = StepScale.of(series)
    assert scale is not None
    assert scale.is_thinned
    assert scale.at([0, 1, 7, 40, 99]) == [10.0, 10.0, 70.0, 400.0, 400.0]
    assert scale.covers([1, 20])
    assert not scale.covers([41])
    assert StepScale.of(Series()) is None


def write(path: Path, steps: range, attempt: int = 1, *, ends: bool = False) -> None:
    """Append records to a file."""
    path.parent.mkdir(exist_ok=True)
    writer = RecordWriter(path, attempt)
    if steps.start == 1:
        writer.write({"kind": "start", "digest": "x", "pid": 7})
        writer.write({"kind": "info", "parameters": 7})
    for step in steps:
        writer.write({"loss": 1 / step, "acc": step, "note": "text"}, step)
    if ends:
        writer.write({"kind": "end", "ending": "done", "peak_memory_bytes": 5})
    writer.close()


def test_a_kept_summary_is_taken_and_only_later_records_are_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(summary_file, "WORTH_KEEPING_BYTES", 1000)
    path, kept = tmp_path / "records" / "a.jsonl", tmp_path / "summaries" / "a.json"
    write(path, range(1, 6001))
    reader = SummaryReader(path, ["loss", "acc"], kept)
    reader.read()
    reader.keep()
    offset = json.loads(kept.read_text())["offset"]
    assert offset == path.stat().st_size
    write(path, range(6001, 6101), ends=True)
    fresh = read_summary(path, ["loss"])
    with path.open("r+b") as file:
        file.seek(offset // 2)
        file.write(b"x" * 1000)
    assert repr(read_summary(path, ["loss"], kept)) == repr(fresh), "the records before are not read"
    assert repr(read_summary(path, ["loss"])) != repr(fresh)
    assert fresh.series["loss"].is_thinned
    assert fresh.end is not None
    assert read_summary(path, ["loss", "note"], kept).logged == fresh.logged, "what the summary lacks is read"


def test_of_a_short_record_file_no_summary_is_looked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, kept = tmp_path / "records" / "a.jsonl", tmp_path / "summaries" / "a.json"
    asked: list[Path] = []
    monkeypatch.setattr(summary_file, "read", lambda path, _limit: asked.append(path))
    write(path, range(1, 20), ends=True)
    assert read_summary(path, ["loss"], kept).last_step == 19
    assert not asked


def test_a_kept_summary_of_another_file_does_not_count(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(summary_file, "WORTH_KEEPING_BYTES", 1000)
    path, kept = tmp_path / "records" / "a.jsonl", tmp_path / "summaries" / "a.json"
    write(path, range(1, 200))
    reader = SummaryReader(path, ["loss"], kept)
    reader.read()
    reader.keep()
    path.unlink()
    write(path, range(1, 300), attempt=2)
    assert read_summary(path, ["loss"], kept).attempt == 2
    assert reader.read().attempt == 2, "also a reader that had begun with the old file"
    for wrong in (
        "",
        "[",
        "{}",
        "[" * 3000,
        kept.read_text().replace('"d": "', '"d": "x'),
        kept.read_text().replace('"q"', '"z"'),
    ):
        kept.write_text(wrong)
        assert read_summary(path, ["loss"], kept).last_step == 299
    kept.unlink()
    kept.mkdir()
    reader.keep()
    assert read_summary(path, ["loss"], kept).last_step == 299


def test_a_kept_summary_with_any_value_exchanged_ends_nothing() -> None:
    steps = [(step, float(step % 7) if step % 9 else math.nan) for step in range(1, 101)]
    sound = summary_file._to_json(summed(records_of([(0, steps)]), 4), 1, [1, 2])
    sound["facts"]["end"] = {"n": 9, "attempt": 1, "at_s": 1.0, "kind": "end", "ending": "done"}
    num_refused = 0
    for odd in json.loads(json.dumps([None, [], {}, "x", -1, 1.5, 2**70, True, [[]], {"q": "x"}])):
        for exchanged in _exchanged(json.loads(json.dumps(sound)), odd):
            try:
                summary = summary_file._from_json(exchanged, ("loss",))
            except summary_file.WRONG:
                num_refused += 1
                continue
            if summary is None:  # it lacks the metrics
                continue
            StepScale.of(summary.times)
            for series in summary.series.values():
                assert curve_of(series) is None or curve_of(series, is_maximized=True) is not None
            summary.add_all(records_of([(0, [(200, 1.0)])])[-1:])
    assert num_refused > 100


def _exchanged(content: Any, odd: Any) -> Iterator[Any]:
    """Yield a JSON value with one of its parts exchanged, for each of its parts, at any depth."""
    for key in list(content) if isinstance(content, dict) else range(len(content)) if isinstance(content, list) else ():
        yield {**content, key: odd} if isinstance(content, dict) else [*content[:key], odd, *content[key + 1 :]]
        for inner in _exchanged(content[key], odd):
            yield {**content, key: inner} if isinstance(content, dict) else [*content[:key], inner, *content[key + 1 :]]


def test_records_that_are_handed_on_come_once_also_where_an_attempt_cuts_a_cell(tmp_path: Path) -> None:
    path = tmp_path / "records" / "a.jsonl"
    write(path, range(1, 6001))
    reader = SummaryReader(path, ["loss"], decodes_all=True)
    seen = reader.read_new()
    assert reader.summary.series["loss"].is_thinned
    writer = RecordWriter(path, 2)
    writer.write({"kind": "resume", "step": 3000})
    for step in range(3001, 3101):
        writer.write({"loss": -1.0 * step}, step)
    writer.close()
    while new := reader.read_new():
        seen += new
    assert [record["n"] for record in seen] == list(range(1, len(seen) + 1))
    fresh = read_summary(path, ["loss"])
    assert (fresh.last_step, fresh.num_steps) == (3100, 3100)
    assert repr(reader.summary.series) == repr(fresh.series)


def test_a_short_record_file_has_no_kept_summary(tmp_path: Path) -> None:
    path, kept = tmp_path / "records" / "a.jsonl", tmp_path / "summaries" / "a.json"
    write(path, range(1, 20), ends=True)
    reader = SummaryReader(path, ["loss"], kept)
    reader.read()
    reader.keep()
    assert not kept.exists()


def test_a_file_that_is_written_anew_many_times_is_kept_once() -> None:
    records = records_of([(0, [(1, 1.0)])])
    files = ["x/a.csv", "x/b.csv", "x/a.csv", "x/a.csv"]
    more = [
        {"n": len(records) + n, "attempt": 1, "at_s": 9.0, "kind": "source", "path": p} for n, p in enumerate(files, 1)
    ]
    assert summed([*records, *more], 100).followed == ["x/a.csv", "x/b.csv"]
