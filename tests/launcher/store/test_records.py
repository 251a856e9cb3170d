"""The record queue: what is written is read, torn and foreign lines cost nothing else, each step is seen once."""

from __future__ import annotations

import json
import math
import os
import resource
import signal
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from launcher.store.history import comparable, read_history
from launcher.store.records import RecordReader, RecordWriter


def write(path: Path, attempt: int, steps: range, **metrics: float) -> None:
    writer = RecordWriter(path, attempt)
    for step in steps:
        writer.write({"step": step, "loss": float(step)} | metrics)
    writer.close()


def test_what_is_written_is_read_in_order(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    write(path, 1, range(1, 4))
    assert [(one["n"], one["attempt"], one["step"], one["loss"]) for one in RecordReader(path).read()] == [
        (1, 1, 1, 1.0),
        (2, 1, 2, 2.0),
        (3, 1, 3, 3.0),
    ]


def test_a_reader_goes_on_where_it_was(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    reader = RecordReader(path)
    assert list(reader.read()) == []
    write(path, 1, range(1, 3))
    assert [one["step"] for one in reader.read()] == [1, 2]
    write(path, 1, range(3, 4))
    assert [one["step"] for one in reader.read()] == [3]


@given(st.floats(), st.integers(-(2**63), 2**63), st.text())
@settings(max_examples=60, deadline=None)
def test_every_value_comes_back_the_same_and_every_line_is_strict_json(real: float, whole: int, text: str) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.jsonl"
        writer = RecordWriter(path, 1)
        writer.write({"step": 1, "real": real, "whole": whole, "text": f"={text}"})
        writer.close()
        lines = path.read_text().splitlines()
        json.loads(lines[0], parse_constant=lambda constant: pytest.fail(f"{constant} is not JSON"))
        metrics = read_history(path).steps[1]
        assert metrics["real"] == real or (math.isnan(real) and math.isnan(metrics["real"]))
        assert (metrics["whole"], metrics["text"]) == (whole, f"={text}")


def test_23_a_line_torn_at_any_byte_costs_only_itself(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    write(path, 1, range(1, 4))
    whole = path.read_bytes()
    last = whole.rstrip(b"\n").rfind(b"\n") + 1
    for cut in range(last, len(whole)):
        path.write_bytes(whole[:cut])
        assert list(read_history(path).steps) == [1, 2], cut
        write(path, 1, range(3, 5))
        assert list(read_history(path).steps) == [1, 2, 3, 4], cut
        assert [one["n"] for one in RecordReader(path).read()] == [1, 2, 3, 4]


@pytest.mark.parametrize("torn", [1, 60, 5000, 3 << 20])
def test_23_a_reader_that_has_read_a_torn_line_reads_what_the_next_attempt_writes_in_its_place(
    tmp_path: Path, torn: int
) -> None:
    """As after a power cut, which leaves zeros at the end of a file."""
    path = tmp_path / "a.jsonl"
    write(path, 1, range(1, 3))
    with path.open("ab") as file:
        file.write(b"\0" * torn)
    reader = RecordReader(path)
    assert [record["step"] for record in reader.read()] == [1, 2]
    assert list(reader.read()) == []
    write(path, 2, range(3, 50))
    assert [record["step"] for record in reader.read()] == list(range(3, 50))
    assert reader.num_bad_lines == 0


@pytest.mark.parametrize(
    "garbage", [b"\0" * 100, b"\xe2\x82", b"null", b"[1]", b'{"step": 3}', b"{" * 5000, b'{"n": "x"}']
)
def test_23_foreign_lines_are_passed_over_and_counted(tmp_path: Path, garbage: bytes) -> None:
    path = tmp_path / "a.jsonl"
    write(path, 1, range(1, 3))
    with path.open("ab") as file:
        file.write(garbage + b"\n")
    write(path, 1, range(3, 4))
    reader = RecordReader(path)
    assert [one["step"] for one in reader.read()] == [1, 2, 3]
    assert reader.num_bad_lines == 1


def test_metrics_of_one_step_are_merged(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    writer = RecordWriter(path, 1)
    writer.write({"step": 1, "loss": 2.0})
    writer.write({"step": 1, "accuracy": 0.5})
    writer.close()
    assert read_history(path).steps == {1: {"loss": 2.0, "accuracy": 0.5}}


@given(st.lists(st.tuples(st.integers(0, 8), st.integers(0, 6)), min_size=1, max_size=5))
@settings(max_examples=60, deadline=None)
def test_a_later_attempt_replaces_from_its_first_step_on(attempts: list[tuple[int, int]]) -> None:
    """Whatever the attempts resumed from and however far they came, each step is seen once, from the newest."""
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.jsonl"
        expected: dict[int, int] = {}
        for number, (start, length) in enumerate(attempts, start=1):
            steps = range(min(start, max(expected, default=0)) + 1, start + length + 1)
            write(path, number, steps, attempt_of=number)
            if steps:
                expected = {step: value for step, value in expected.items() if step < steps.start}
                expected |= dict.fromkeys(steps, number)
        history = read_history(path)
        assert {step: values["attempt_of"] for step, values in history.steps.items()} == expected
        assert list(history.steps) == sorted(history.steps)


def test_a_full_disk_is_an_error_and_leaves_whole_lines(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    write(path, 1, range(1, 3))
    size = path.stat().st_size
    child = os.fork()
    if child == 0:  # in a process of its own: the limit cannot be taken back
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (size + 10, size + 10))
        try:
            write(path, 1, range(3, 4))
        except OSError:
            os._exit(0)
        os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert path.stat().st_size == size
    assert list(read_history(path).steps) == [1, 2]


def test_a_bell_that_nobody_answers_stops_nobody(tmp_path: Path) -> None:
    ours, theirs = os.pipe2(os.O_NONBLOCK)
    writer = RecordWriter(tmp_path / "a.jsonl", 1, theirs)
    for _ in range(70_000):  # more than a pipe holds
        writer.ring()
    os.close(ours)
    writer.ring()
    writer.write({"step": 1, "loss": 1.0})
    os.close(theirs)
    writer.close()


def test_a_writer_that_is_hushed_rings_no_more(tmp_path: Path) -> None:
    ours, theirs = os.pipe2(os.O_NONBLOCK)
    writer = RecordWriter(tmp_path / "a.jsonl", 1, theirs)
    writer.ring()
    writer.hush()
    writer.write({"kind": "end", "ending": "done"})
    writer.ring()
    os.close(theirs)
    assert os.read(ours, 100) == b"!"
    os.close(ours)
    writer.close()


@pytest.mark.parametrize(
    "fields",
    [
        {"kind": "note", "text": "plain"},
        {"kind": "note", "text": "Übung \udcff\x00"},
        {"kind": "info", "lr": 0.5, "big": 2**100, "is_on": True},
        {"kind": "info", "lr": float("inf")},
    ],
    ids=["plain", "not ASCII", "numbers", "not finite"],
)
def test_the_line_of_a_record_with_a_kind_is_ascii_and_says_what_it_was_given(
    tmp_path: Path, fields: dict[str, str | float]
) -> None:
    writer = RecordWriter(tmp_path / "a.jsonl", 1)
    writer.write(fields)
    writer.close()
    line = (tmp_path / "a.jsonl").read_bytes()
    assert line.isascii()
    said = {key: value for key, value in json.loads(line).items() if key in fields}
    assert said == {key: "inf" if value == float("inf") else value for key, value in fields.items()}


def test_values_that_are_no_metrics_are_refused(tmp_path: Path) -> None:
    writer = RecordWriter(tmp_path / "a.jsonl", 1)
    with pytest.raises(TypeError, match="loss is a object"):
        writer.write({"step": 1, "loss": object()})
    writer.close()


def test_zero_dimensional_arrays_are_their_number(tmp_path: Path) -> None:
    import numpy as np

    writer = RecordWriter(tmp_path / "a.jsonl", 1)
    writer.write({"step": 1, "loss": np.float32(0.5), "nan": np.float32("nan")})
    writer.close()
    metrics = read_history(tmp_path / "a.jsonl").steps[1]
    assert metrics["loss"] == 0.5
    assert math.isnan(metrics["nan"])


def test_times_are_left_out_of_comparisons() -> None:
    assert comparable({"loss": 1.0, "elapsed_s": 2.0, "tokens_per_s": 3.0}) == {"loss": 1.0}
