"""JSON objects, one a line: which numbers are taken, and what their step is."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from launcher.sources.json_lines import JsonParser, RunParser


@pytest.mark.parametrize(
    ("line", "fields", "step"),
    [
        (b'{"step": 3, "loss": 0.5, "lr": 1}', {"loss": 0.5, "lr": 1}, 3),
        (b' {"loss": 0.5, "global_step": 7, "epoch": 0.5} ', {"loss": 0.5, "epoch": 0.5}, 7),
        (b'{"step": 3, "epoch": 2, "loss": 1}', {"epoch": 2, "loss": 1}, 3),
        (b'{"epoch": 2, "loss": 1}', {"loss": 1}, 2),
        (b'{"epoch": 2.0, "loss": 1}', {"epoch": 2.0, "loss": 1}, 1),
        (b'{"step": "12", "loss": "5.887", "name": "run-1", "ok": true, "list": [1]}', {"loss": 5.887}, 12),
        (b'{"step": 1, "a": {"b": 1, "c/top 5": 2}, "n": 9}', {"a_b": 1, "a_c_top_5": 2, "n_": 9}, 1),
        (b'{"loss": 1}', {"loss": 1}, 1),
        (b'{"step": -1, "loss": 1}', {"step_": -1, "loss": 1}, 1),
        (b'{"step": 1, "loss": Infinity}', {"loss": math.inf}, 1),
        (b'{"step": 1, "loss": 123456789012345678901234567890}', {"loss": 1.2345678901234568e29}, 1),
        (b'{"step": 1, "\xff": 3}', None, None),
        (b'{"step": 1}', None, None),
        (b'{"name": "x"}', None, None),
        (b'loss: {"a": 1}', None, None),
        (b"{'loss': 1}", None, None),
        (b"[1]", None, None),
        (b"{" * 100_000, None, None),
        (b'{"a":' * 10_000, None, None),
    ],
)  # fmt: skip
def test_the_numbers_and_the_step_of_an_object(line: bytes, fields: dict[str, float] | None, step: int | None) -> None:
    assert JsonParser().parse(line) == (None if fields is None else (fields, step))


def test_objects_without_a_step_are_counted_by_their_keys() -> None:
    parser = JsonParser(after_step=5)
    lines = [b'{"loss": 1}', b'{"val": 1}', b'{"loss": 2}', b'{"loss": 3, "lr": 1}']
    assert [parser.parse(line) for line in lines] == [
        ({"loss": 1}, 6),
        ({"val": 1}, 6),
        ({"loss": 2}, 7),
        ({"loss": 3, "lr": 1}, 8),  # at 6 it would write over the first loss
    ]


def test_a_byte_order_mark_is_no_part_of_an_object_and_a_decimal_comma_no_thousands() -> None:
    assert JsonParser().parse(b'\xef\xbb\xbf{"step": 3, "loss": 1}') == ({"loss": 1}, 3)
    line = b'{"step": 3, "a": "0,25", "b": "1,5", "c": "1,234.5", "d": "12,345"}'
    assert JsonParser().parse(line) == ({"c": 1234.5, "d": 12345}, 3)


def test_an_object_without_a_step_comes_after_the_steps_that_its_metric_has() -> None:
    parser = JsonParser()
    lines = [b'{"step": 10, "acc": 1}', b'{"step": 20, "loss": 2}', b'{"loss": 3}', b'{"lr": 1, "val": 4}']
    assert [found[1] for line in lines if (found := parser.parse(line))] == [10, 20, 21, 1]


def test_a_step_that_goes_back_is_told() -> None:
    parser = JsonParser()
    found = [parser.parse(b'{"iter": %d, "loss": 1}' % step) for step in (0, 5, 0)]
    assert [one[1] for one in found if one] == [0, 5, 10]
    assert len(parser.notes) == 1


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (b'{"step": 3, "train/loss": 0.5, "note": "x"}', ({"train_loss": 0.5, "note": "x"}, 3)),
        (b'{"step": 3, "loss": "-inf", "acc": "inf"}', ({"loss": -math.inf, "acc": math.inf}, 3)),
        (b'{"step": 3, "loss": "nan"}', None),
        (b'{"kind": "total", "steps": 90}', ({"kind": "total", "steps": 90}, None)),
        (b'{"kind": "resume", "step": 12}', ({"kind": "resume", "step": 12}, None)),
        (b'{"kind": "end", "ending": "done"}', None),
        (b'{"kind": ["total"]}', None),
        (b'{"loss": 0.5}', None),
        (b'{"step": 1.5, "loss": 0.5}', None),
        (b'{"step": 1, "n": 0.5}', None),
        (b'{"step": 1, "loss": [1]}', None),
        (b"loss", None),
    ],
)
def test_what_a_script_says_itself_is_taken_under_a_name_that_a_job_can_have(line: bytes, expected: object) -> None:
    found = RunParser().parse(line)
    if b"nan" in line:
        assert found is not None
        assert math.isnan(found[0]["loss"])
    else:
        assert found == expected


@given(st.binary(max_size=100), st.text(max_size=60))
def test_any_line_is_read_or_passed_over(line: bytes, text: str) -> None:
    for parser in (JsonParser(), RunParser()):
        parser.parse(line)
        parser.parse(b"{" + line + b"}")
        parser.parse(f'{{"{text}": 1}}'.encode(errors="replace"))


def test_objects_of_a_kind_that_was_there_before_are_counted_with_a_later_kind_of_the_same_metric() -> None:
    parser = JsonParser()
    found = [
        parser.take(content) for content in ({"step": 1, "acc": 1}, {"loss": 3}, {"step": 2, "loss": 2}, {"loss": 1})
    ]
    assert [step for _, step in filter(None, found)] == [1, 1, 2, 3]


@pytest.mark.parametrize("name", ["s_loss", "time_loss", "lr_loss", "ms_ssim"])
def test_a_metric_that_begins_as_a_time_does_is_a_metric(name: str) -> None:
    parser = JsonParser()
    found = [parser.take({name: 1.0, other: 2.0}) for other in ("a", "b")]
    assert [step for _, step in filter(None, found)] == [1, 2]
